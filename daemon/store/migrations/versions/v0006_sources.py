"""What an endpoint's own gauges and its inference table said lately."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("endpoint", sa.Column("sources", sa.JSON))
