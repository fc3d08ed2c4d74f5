"""Segments, which columns a baseline was asked to be told apart by; and how long the windows of a history are."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("baseline", sa.Column("segmented_by", sa.JSON))
    op.add_column("history", sa.Column("length_us", sa.BigInteger))
