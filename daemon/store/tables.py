"""The tables. Whoever changes one adds a revision to `migrations/`; a test compares the two."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    false,
    text,
)

from daemon.domain.remediation import IN_FLIGHT, PROPOSALS, State
from daemon.store.types import Document, UtcTime

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_of_%(referred_table_name)s",
    }
)


def _among(states: Iterable[State]) -> TextClause:
    # spelled out, because an index has no parameters
    return text(f"state IN ({', '.join(sorted(repr(str(state)) for state in states))})")


KEYED = text("dedup_key <> ''")
DUE = text("delivered_at IS NULL AND dedup_key <> ''")
PROPOSED = _among(PROPOSALS)
UNLIFTED = text("lifted_at IS NULL")

endpoint = Table(
    "endpoint",
    metadata,
    Column("name", String, primary_key=True),
    Column("watermark", UtcTime),
    Column("state", Document),
    Column("changed_at", UtcTime),
    Column("sources", Document),
)

served_entity = Table(
    "served_entity",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("entity_id", String, primary_key=True),
    Column("model", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("learned_at", UtcTime, nullable=False),
)

baseline = Table(
    "baseline",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("endpoint", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("columns", Document, nullable=False),
    Column("signature", Document, nullable=False),
    Column("counts", LargeBinary, nullable=False),
    Column("segmented_by", Document),
    Index("baseline_of_version", "endpoint", "version", "id"),
)

history = Table(
    "history",
    metadata,
    Column("baseline_id", Integer, ForeignKey("baseline.id", ondelete="CASCADE"), primary_key=True),
    Column("windows", Integer, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("scales", Document, nullable=False),
    Column("effects", Document, nullable=False),
    Column("weekly", Boolean),
    Column("phases", LargeBinary),
    Column("length_us", BigInteger),
)

profile = Table(
    "profile",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("window_start", UtcTime, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("window_end", UtcTime, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("errors_4xx", BigInteger, nullable=False),
    Column("errors_5xx", BigInteger, nullable=False),
    Column("latency", LargeBinary, nullable=False),
    Column("coverage", Document, nullable=False),
    Column("baseline_id", Integer, ForeignKey("baseline.id")),
    Column("counts", LargeBinary),
    Column("healthy", String, nullable=False),
    Column("steady", String, nullable=False),
    Index("profile_by_age", "window_end"),
    Index("profile_of_baseline", "baseline_id"),
)

cohort = Table(
    "cohort",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("window_start", UtcTime, primary_key=True),
    Column("window_end", UtcTime, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("predicted", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("well", Boolean, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("reference", Boolean, nullable=False),
    Column("counted_at", UtcTime, nullable=False),
    Column("subject", String, nullable=False),
    Column("counts", Document, nullable=False),
    Column("scores", LargeBinary, nullable=False),
    Index("cohort_by_age", "window_end"),
)

finding = Table(
    "finding",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("column_name", String, primary_key=True),
    Column("statistic", String, primary_key=True),
    Column("window_start", UtcTime, nullable=False),
    Column("window_end", UtcTime, nullable=False),
    Column("verdict", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("value", Double),
    Column("bound", Double),
    Column("threshold", Double, nullable=False),
    Column("against", String, nullable=False),
    Column("against_version", Integer),
    Column("reported", Document, nullable=False),
    Column("phase", String, nullable=False),
    Column("since", UtcTime),
    Column("recent", Document, nullable=False),
    Column("newest", UtcTime),
    Column("seen", UtcTime),
    Column("cleared", Integer, nullable=False, server_default="0"),
    Column("flaps", Integer, nullable=False, server_default="0"),
    Column("flapping", Boolean, nullable=False, server_default=false()),
    Column("subject", String, nullable=False, server_default=""),
    Column("warned", UtcTime),
    Index("finding_by_phase", "phase"),
)

remediation = Table(
    "remediation",
    metadata,
    Column("id", String, primary_key=True),
    Column("endpoint", String, nullable=False),
    Column("remedy", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("evidence", Document, nullable=False),
    Column("model", String, nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("plan", Document, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("deadline_at", UtcTime, nullable=False),
    Column("parent_id", String, ForeignKey("remediation.id", ondelete="SET NULL")),
    Column("guards", Document, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("verify_since", UtcTime),
    Column("began_at", UtcTime),
    Index("remediation_by_beginning", "began_at"),
    Index("remediation_of_endpoint", "endpoint", "created_at"),
    Index("remediation_by_state", "state"),
    Index(
        "one_in_flight",
        "endpoint",
        unique=True,
        sqlite_where=_among(IN_FLIGHT),
        postgresql_where=_among(IN_FLIGHT),
    ),
    Index(
        "one_proposal",
        "endpoint",
        "remedy",
        unique=True,
        sqlite_where=PROPOSED,
        postgresql_where=PROPOSED,
    ),
)

remediation_step = Table(
    "remediation_step",
    metadata,
    Column("remediation_id", String, ForeignKey("remediation.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("token", String, nullable=False),
    Column("expected", Document, nullable=False),
    Column("result", Document, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("answers", Integer, nullable=False, server_default="0"),
    Index("one_token", "token", unique=True),
)

approval = Table(
    "approval",
    metadata,
    Column("remediation_id", String, ForeignKey("remediation.id", ondelete="CASCADE"), primary_key=True),
    Column("gate", String, primary_key=True),
    Column("plan_hash", String, nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

restraint = Table(
    "restraint",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
    Column("lifted_at", UtcTime),
    Column("lifted_by", String, nullable=False),
    Index("restraint_in_force", "endpoint", sqlite_where=UNLIFTED, postgresql_where=UNLIFTED),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""`expires_at`: microseconds since the epoch by the database's own clock."""

version_verdict = Table(
    "version_verdict",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("standing", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_at", UtcTime, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("numbers", Document, nullable=False),
    Column("dedup_key", String, nullable=False),
    Column("delivered_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("tried_at", UtcTime),
    Column("taken", Document, nullable=False),
    Index("event_by_age", "at"),
    Index("event_of_endpoint", "endpoint", "at"),
    Index("event_of_kind", "kind", "at"),
    Index("one_message", "dedup_key", unique=True, sqlite_where=KEYED, postgresql_where=KEYED),
    Index("event_due", "at", sqlite_where=DUE, postgresql_where=DUE),
)
