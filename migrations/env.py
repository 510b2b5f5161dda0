"""Alembic's way in; core.db.migrate hands the connection over."""

from __future__ import annotations

from alembic import context

from core.db.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
