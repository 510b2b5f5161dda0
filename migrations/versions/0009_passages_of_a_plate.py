"""The passages of a plate around a moment: hints of cloned plates read the nearest ones, however often it was seen.

Revision ID: 0009
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The index on the plate goes on in order of time."""
    run = op.get_bind().exec_driver_sql
    run("DROP INDEX ix_passages_plate_number")
    run("CREATE INDEX ix_passages_plate_number_first_at ON passages (plate_number, first_at)")


def downgrade() -> None:
    """Put the old one back."""
    run = op.get_bind().exec_driver_sql
    run("DROP INDEX ix_passages_plate_number_first_at")
    run("CREATE INDEX ix_passages_plate_number ON passages (plate_number)")
