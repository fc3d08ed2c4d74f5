"""Inference tables read as the Delta tables they are, without a warehouse.

delta-rs reads them, deletion vectors included, and the SQL engine inside it counts and samples where the files are.
Counts come out, and Arrow.
"""

from daemon.adapters.delta.labels import DeltaLabels
from daemon.adapters.delta.log import DeltaLog, DeltaTables

__all__ = ["DeltaLabels", "DeltaLog", "DeltaTables"]
