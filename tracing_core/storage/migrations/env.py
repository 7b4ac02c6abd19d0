"""Where alembic starts. `tracing_core.storage.migrate` hands over the connection, and the transaction with it."""

from alembic import context

from tracing_core.storage import monitoring_tables, side_tables, tables  # noqa: F401 - what they declare is compared
from tracing_core.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
