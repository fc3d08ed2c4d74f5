"""Inference tables read as the Delta tables they are, without a warehouse.

delta-rs reads them, deletion vectors included, and the SQL engine inside it counts and samples where the files are.
Counts come out, and Arrow.
"""

from daemon.adapters.delta.doors import DeltaLabels, DeltaLog, DeltaTables
from daemon.adapters.delta.table import DeltaTable
from daemon.adapters.delta.unity import UnityTable

__all__ = ["DeltaLabels", "DeltaLog", "DeltaTable", "DeltaTables", "UnityTable"]
