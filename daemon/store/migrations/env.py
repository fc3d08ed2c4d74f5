"""Alembic's entry: run the revisions in the transaction that `daemon.store.migrate` holds."""

from alembic import context

from daemon.store.migrate import VERSION_TABLE
from daemon.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite can alter a table only by copying it
    render_as_batch=True,
)
context.run_migrations()
