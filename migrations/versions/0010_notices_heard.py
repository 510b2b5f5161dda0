"""When a channel heard a telling come back: it was told, and is not told again.

Revision ID: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing of before was heard."""
    op.get_bind().exec_driver_sql("ALTER TABLE notice_deliveries ADD COLUMN heard_at TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    """Forget it."""
    op.get_bind().exec_driver_sql("ALTER TABLE notice_deliveries DROP COLUMN heard_at")
