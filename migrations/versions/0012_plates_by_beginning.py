"""Plates are found by how they begin.

Under row-level security a LIKE is tried on each row, since it is not leakproof; a range reaches an index. Texts with
one beginning are a range only where they are ordered by their characters, so the plates get the collation "C", whatever
the database's own is. Their indexes are built anew, no row is rewritten.

Revision ID: 0012
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PLATES = (("plate_reads", "plate_number"), ("passages", "plate_number"), ("violations", "plate_number"),
          ("violations", "corrected_plate"))  # fmt: skip


def upgrade() -> None:
    """Order plates by their characters."""
    _collate("C")


def downgrade() -> None:
    """Order them as the database does."""
    _collate("default")


def _collate(name: str) -> None:
    run = op.get_bind().exec_driver_sql
    for table in dict(PLATES):
        changes = (f'ALTER COLUMN {column} TYPE VARCHAR(20) COLLATE "{name}"' for of, column in PLATES if of == table)
        run(f"ALTER TABLE {table} {', '.join(changes)}")
