"""A notice that may have been told already is known as such.

Revision ID: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE notice_deliveries ADD COLUMN is_unsure BOOLEAN DEFAULT false NOT NULL")
    run("COMMENT ON COLUMN notice_deliveries.is_unsure IS 'an attempt ended without an answer: it may have been told'")


def downgrade() -> None:
    """Take it away."""
    op.get_bind().exec_driver_sql("ALTER TABLE notice_deliveries DROP COLUMN is_unsure")
