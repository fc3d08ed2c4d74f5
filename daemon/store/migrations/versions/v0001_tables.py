"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

IN_FLIGHT = sa.text("state IN ('compensating', 'executing', 'needs_human', 'verifying')")
PROPOSED = sa.text("state IN ('blocked', 'proposed')")
KEYED = sa.text("dedup_key <> ''")
DUE = sa.text("delivered_at IS NULL AND dedup_key <> ''")


def upgrade() -> None:
    _endpoints()
    _measurements()
    _remediations()
    _events()


def _endpoints() -> None:
    op.create_table(
        "endpoint",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("watermark", sa.BigInteger),
        sa.Column("state", sa.JSON),
        sa.Column("changed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("name", name="endpoint_key"),
    )
    op.create_table(
        "served_entity",
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("entity_id", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("learned_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "entity_id", name="served_entity_key"),
    )
    op.create_table(
        "version_verdict",
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("standing", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("set_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "model", "version", name="version_verdict_key"),
    )


def _measurements() -> None:
    op.create_table(
        "baseline",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.JSON, nullable=False),
        sa.Column("signature", sa.JSON, nullable=False),
        sa.Column("counts", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="baseline_key"),
    )
    op.create_index("baseline_of_version", "baseline", ["endpoint", "version", "id"])
    op.create_table(
        "profile",
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("window_end", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("errors_4xx", sa.BigInteger, nullable=False),
        sa.Column("errors_5xx", sa.BigInteger, nullable=False),
        sa.Column("latency", sa.LargeBinary, nullable=False),
        sa.Column("coverage", sa.JSON, nullable=False),
        sa.Column("baseline_id", sa.Integer),
        sa.Column("counts", sa.LargeBinary),
        sa.Column("healthy", sa.String, nullable=False),
        sa.Column("steady", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "window_start", "version", "window_end", name="profile_key"),
        sa.ForeignKeyConstraint(["baseline_id"], ["baseline.id"], name="profile_baseline_id_of_baseline"),
    )
    op.create_index("profile_by_age", "profile", ["window_end"])
    op.create_index("profile_of_baseline", "profile", ["baseline_id"])
    op.create_table(
        "finding",
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("column_name", sa.String, nullable=False),
        sa.Column("statistic", sa.String, nullable=False),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("window_end", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("bound", sa.Double),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("against", sa.String, nullable=False),
        sa.Column("against_version", sa.Integer),
        sa.Column("reported", sa.JSON, nullable=False),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("since", sa.BigInteger),
        sa.Column("recent", sa.JSON, nullable=False),
        sa.Column("newest", sa.BigInteger),
        sa.PrimaryKeyConstraint("endpoint", "version", "column_name", "statistic", name="finding_key"),
    )
    op.create_index("finding_by_phase", "finding", ["phase"])


def _remediations() -> None:
    op.create_table(
        "remediation",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("remedy", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("from_version", sa.Integer),
        sa.Column("to_version", sa.Integer),
        sa.Column("plan", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("deadline_at", sa.BigInteger, nullable=False),
        sa.Column("parent_id", sa.String),
        sa.Column("guards", sa.JSON, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("verify_since", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="remediation_key"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["remediation.id"], name="remediation_parent_id_of_remediation", ondelete="SET NULL"
        ),
    )
    op.create_index("remediation_of_endpoint", "remediation", ["endpoint", "created_at"])
    op.create_index("remediation_by_state", "remediation", ["state"])
    _partial("one_in_flight", "remediation", ["endpoint"], where=IN_FLIGHT, unique=True)
    _partial("one_proposal", "remediation", ["endpoint", "remedy"], where=PROPOSED, unique=True)
    op.create_table(
        "remediation_step",
        sa.Column("remediation_id", sa.String, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("token", sa.String, nullable=False),
        sa.Column("expected", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("remediation_id", "n", name="remediation_step_key"),
        sa.ForeignKeyConstraint(
            ["remediation_id"],
            ["remediation.id"],
            name="remediation_step_remediation_id_of_remediation",
            ondelete="CASCADE",
        ),
    )
    op.create_index("one_token", "remediation_step", ["token"], unique=True)


def _events() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("numbers", sa.JSON, nullable=False),
        sa.Column("dedup_key", sa.String, nullable=False),
        sa.Column("delivered_at", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tried_at", sa.BigInteger),
        sa.Column("taken", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="event_key"),
    )
    op.create_index("event_by_age", "event", ["at"])
    op.create_index("event_of_endpoint", "event", ["endpoint", "at"])
    op.create_index("event_of_kind", "event", ["kind", "at"])
    _partial("one_message", "event", ["dedup_key"], where=KEYED, unique=True)
    _partial("event_due", "event", ["at"], where=DUE)


def _partial(name: str, table: str, columns: list[str], *, where: sa.TextClause, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
