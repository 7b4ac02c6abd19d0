"""Where alembic starts. `tracing_core.storage.migrate` hands over the connection, and the transaction with it."""

from alembic import context

from tracing_core.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
