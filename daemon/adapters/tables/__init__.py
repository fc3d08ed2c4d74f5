"""What is asked of tables, whichever engine reads them: columns are detected, questions written, answers counted.

In: an engine (delta-rs on a Delta table, a SQL warehouse on a table's name) and its dialect. Out: what passes for the
ports InferenceLog and Labels. It opens no table and sends nothing itself.
"""

from daemon.adapters.tables.engine import Engine
from daemon.adapters.tables.labels import TableLabels
from daemon.adapters.tables.log import TableLog

__all__ = ["Engine", "TableLabels", "TableLog"]
