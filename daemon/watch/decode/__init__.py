"""Raw rows of an inference table in, typed columns out; what cannot be read is counted by reason and never guessed.

DuckDB reads whole columns of documents of one shape at once and vouches for each (`swift`). Whatever it does not vouch
for, Python reads one by one and by the letter (`exact`), as MLflow's scoring server reads it. Pure.
"""

from daemon.watch.decode.batch import decode

__all__ = ["decode"]
