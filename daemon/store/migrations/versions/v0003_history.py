"""What the columns of a version do by themselves; findings that warn."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("baseline_id", sa.Integer, nullable=False),
        sa.Column("windows", sa.Integer, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("scales", sa.JSON, nullable=False),
        sa.Column("effects", sa.JSON, nullable=False),
        sa.Column("weekly", sa.Boolean),
        sa.Column("phases", sa.LargeBinary),
        sa.ForeignKeyConstraint(
            ["baseline_id"], ["baseline.id"], name="history_baseline_id_of_baseline", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("baseline_id", name="history_key"),
    )
    op.add_column("finding", sa.Column("warned", sa.BigInteger))
