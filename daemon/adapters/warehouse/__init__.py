"""Tables read by a SQL warehouse: what is asked runs on Databricks, and Arrow comes back, chunk by chunk.

A warehouse that is kept awake costs more than the machine the daemon runs on: one statement answers a whole look, and
none is sent while no new window has settled.
"""

from daemon.adapters.warehouse.log import WarehouseLog
from daemon.adapters.warehouse.statements import Statements
from daemon.adapters.warehouse.table import WarehouseTable

__all__ = ["Statements", "WarehouseLog", "WarehouseTable"]
