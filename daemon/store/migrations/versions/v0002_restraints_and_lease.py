"""Restraints, approvals and the lease; findings that flap, steps whose answers are counted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

IN_FLIGHT = sa.text("state IN ('compensating', 'executing', 'indeterminate', 'needs_human', 'verifying')")
PROPOSED = sa.text("state IN ('approved', 'awaiting_approval', 'blocked', 'proposed', 'scheduled')")
UNLIFTED = sa.text("lifted_at IS NULL")
BEGAN = """
    UPDATE remediation SET began_at = coalesce(
        (SELECT min(started_at) FROM remediation_step WHERE remediation_id = remediation.id), created_at
    )
    WHERE state IN ('compensating', 'executing', 'failed', 'needs_human', 'succeeded', 'verifying')
        OR EXISTS (SELECT 1 FROM remediation_step WHERE remediation_id = remediation.id)
"""
"""Cooldowns and budgets count from what began: an upgrade must not forget it."""


def upgrade() -> None:
    _restraints()
    _remediations()
    op.add_column("finding", sa.Column("seen", sa.BigInteger))
    op.add_column("finding", sa.Column("cleared", sa.Integer, nullable=False, server_default="0"))
    op.add_column("finding", sa.Column("flaps", sa.Integer, nullable=False, server_default="0"))
    op.add_column("finding", sa.Column("flapping", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("finding", sa.Column("subject", sa.String, nullable=False, server_default=""))
    op.create_table(
        "lease",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="lease_key"),
    )


def _restraints() -> None:
    op.create_table(
        "restraint",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("lifted_at", sa.BigInteger),
        sa.Column("lifted_by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="restraint_key"),
    )
    _partial("restraint_in_force", "restraint", ["endpoint"], where=UNLIFTED)


def _remediations() -> None:
    for name in ("one_in_flight", "one_proposal"):
        op.drop_index(name, "remediation")
    _partial("one_in_flight", "remediation", ["endpoint"], where=IN_FLIGHT, unique=True)
    _partial("one_proposal", "remediation", ["endpoint", "remedy"], where=PROPOSED, unique=True)
    op.add_column("remediation", sa.Column("began_at", sa.BigInteger))
    op.create_index("remediation_by_beginning", "remediation", ["began_at"])
    op.execute(BEGAN)
    # calls that an older daemon made count as unanswered: it is looked at before anything is called again
    op.add_column("remediation_step", sa.Column("answers", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "approval",
        sa.Column("remediation_id", sa.String, nullable=False),
        sa.Column("gate", sa.String, nullable=False),
        sa.Column("plan_hash", sa.String, nullable=False),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("remediation_id", "gate", name="approval_key"),
        sa.ForeignKeyConstraint(
            ["remediation_id"],
            ["remediation.id"],
            name="approval_remediation_id_of_remediation",
            ondelete="CASCADE",
        ),
    )


def _partial(name: str, table: str, columns: list[str], *, where: sa.TextClause, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
