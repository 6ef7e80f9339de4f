"""How Alembic runs our migrations: on the connection that it is handed (see storage.schema)."""

from alembic import context

from medianest.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
