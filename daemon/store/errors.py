"""What leaves the store when a database fails: one sentence, and whether trying again can help."""

import sqlite3

from sqlalchemy import exc

SQLITE_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
    }
)
POSTGRES_PASSING = frozenset({"08", "40", "53", "55", "57", "58"})
"""Classes of SQLSTATE: connection, rollback for concurrency, resources, locks, shutdown and timeouts, system."""
IDLE_TOO_LONG = "25P03"


class StoreError(Exception):
    """The store did not do what was asked. `transient` says that the same may work later, with nothing changed."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class LeaseLostError(StoreError):
    """Another daemon leads by now, so nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, transient=False)


def store_error(error: exc.SQLAlchemyError, *, place: str) -> StoreError:
    """Say in one sentence what the driver said. Its statement and parameters stay behind: they may hold payloads."""
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return StoreError(f"{place}: {said}", transient=_transient(error))


def _transient(error: exc.SQLAlchemyError) -> bool:
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in SQLITE_PASSING
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return state[:2] in POSTGRES_PASSING or state == IDLE_TOO_LONG
    # a connection that is refused or cut carries no SQLSTATE; neither does a pool that ran dry
    return isinstance(error, exc.OperationalError | exc.TimeoutError)
