"""A case is found by the plate it is shown with: the corrected one where there is one.

Revision ID: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index on the plate as read, which no search could use."""
    run = op.get_bind().exec_driver_sql
    run("DROP INDEX ix_violations_plate_number")
    run(
        "CREATE INDEX ix_violations_shown_plate ON violations "
        "((CASE WHEN corrected_plate IS NOT NULL THEN corrected_plate ELSE plate_number END))"
    )


def downgrade() -> None:
    """Put the old one back."""
    run = op.get_bind().exec_driver_sql
    run("DROP INDEX ix_violations_shown_plate")
    run("CREATE INDEX ix_violations_plate_number ON violations (plate_number)")
