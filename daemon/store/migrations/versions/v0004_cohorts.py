"""Cohorts: predictions joined with the labels that have come."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "cohort",
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("window_end", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("predicted", sa.BigInteger, nullable=False),
        sa.Column("labelled", sa.BigInteger, nullable=False),
        sa.Column("well", sa.Boolean, nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("reference", sa.Boolean, nullable=False),
        sa.Column("counted_at", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("scores", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "version", "window_start", "window_end", name="cohort_key"),
    )
    op.create_index("cohort_by_age", "cohort", ["window_end"])
