"""The lease: of all daemons on one PostgreSQL, one leads. Its row, by the database's own clock.

Every write of a leader and every take-over meet at one advisory lock: writes share it, a take-over wants it alone. So
nothing that an old leader has begun can be committed after the lease has gone to another, and renewing, which touches
the row alone, waits for no write of one's own.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import BigInteger, ColumnElement, cast, func, select, text, update
from sqlalchemy.dialects import postgresql

from daemon.store.engine import IDLE_MS, Tx
from daemon.store.errors import LeaseLostError
from daemon.store.tables import lease as table
from daemon.store.types import MICROSECOND

LEADER = "leader"
TURN = 0x6D6C6C65
"""The number that PostgreSQL knows our lock by."""
NOW = cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
"""Not now(), which stands still within a transaction: one that had to wait would believe in a time long past."""
MINE = table.c.name == LEADER


@dataclass(frozen=True, slots=True)
class Term:
    """The lease as it was taken: whoever comes after has a higher epoch."""

    holder: str
    epoch: int
    after: str
    """Who held it before and did not give it back; empty where it was free."""


@dataclass(frozen=True, slots=True)
class Leader:
    holder: str
    epoch: int
    left: timedelta
    """Until it ends, if it is not renewed."""


def acquire(tx: Tx, who: str, ttl: timedelta) -> Term | None:
    """Take the lease if nobody has it or its time is up; None while another leads."""
    if holder(tx) is not None:
        return None
    tx.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
    empty = {"name": LEADER, "holder": "", "epoch": 0, "expires_at": 0}
    tx.execute(postgresql.insert(table).on_conflict_do_nothing(), empty)
    before = tx.execute(select(table.c.holder).where(MINE)).scalar_one()
    taken = (
        update(table)
        .where(MINE, table.c.expires_at < NOW)
        .values(holder=who, epoch=table.c.epoch + 1, expires_at=_end(ttl))
        .returning(table.c.epoch)
    )
    epoch = tx.execute(taken).scalar()
    return None if epoch is None else Term(who, epoch, before)


def renew(tx: Tx, term: Term, ttl: timedelta) -> bool:
    """Let the term go on for a ttl from now. Return False where another has taken over."""
    longer = update(table).where(MINE, _of(term)).values(expires_at=_end(ttl))
    return tx.execute(longer).rowcount == 1


def release(tx: Tx, term: Term) -> None:
    """End the term: the next may begin at once, and need not fear that anything of this one is still under way."""
    tx.execute(update(table).where(MINE, _of(term)).values(holder="", expires_at=0))


def holder(tx: Tx) -> Leader | None:
    """Return who leads now; None where nobody does, and on SQLite, where nobody has to."""
    if tx.dialect.name != "postgresql":
        return None
    left = (table.c.expires_at - NOW).label("left")
    row = tx.execute(select(table.c.holder, table.c.epoch, left).where(MINE)).one_or_none()
    return None if row is None or row.left < 0 else Leader(row.holder, row.epoch, row.left * MICROSECOND)


def check(tx: Tx, term: Term | None, ttl: timedelta) -> None:
    """Make sure that the lease is ours, and stays ours until this transaction ends. Raise LeaseLostError otherwise.

    1. Share the lock that a take-over wants alone. From a process that is frozen with it PostgreSQL takes it back after
       a ttl, when the lease has run out as well: it ends the session.
    2. Look, by a statement of its own, which sees what was committed while the first one waited.
    """
    share = text(
        "SELECT pg_advisory_xact_lock_shared(:turn), set_config('idle_in_transaction_session_timeout', :longest, true)"
    )
    longest = min(ttl, timedelta(milliseconds=IDLE_MS)) // timedelta(milliseconds=1)
    tx.execute(share, {"turn": TURN, "longest": str(longest)})
    held = tx.execute(select(table.c.holder, table.c.epoch).where(MINE)).one_or_none()
    if term is None or held is None or (held.holder, held.epoch) != (term.holder, term.epoch):
        raise LeaseLostError(f"this daemon does not lead: {(held and held.holder) or 'nobody'} holds the lease")


def _of(term: Term) -> ColumnElement[bool]:
    # the epoch alone may come again where a replica that had not heard of the last take-over became the database
    return (table.c.holder == term.holder) & (table.c.epoch == term.epoch)


def _end(ttl: timedelta) -> ColumnElement[int]:
    return NOW + ttl // MICROSECOND
