"""What was seen again after it was called a false alarm is counted.

Revision ID: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the count."""
    op.get_bind().exec_driver_sql("ALTER TABLE detection_stats ADD COLUMN silenced BIGINT DEFAULT 0 NOT NULL")


def downgrade() -> None:
    """Take it away."""
    op.get_bind().exec_driver_sql("ALTER TABLE detection_stats DROP COLUMN silenced")
