"""Runs migrations on the connection that engine/store/migrate.py opened."""

from alembic import context
from sqlmodel import SQLModel

import engine.store.tables  # noqa: F401 - fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
