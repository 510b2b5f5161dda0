"""The system role's policies without a condition, where the connecting user does not inherit that role.

`current_user = 'tangkapin_system'` is true for every row, and the planner does not know it: it expects half a percent
of the rows everywhere, and plans accordingly. From PostgreSQL 16 on a membership can be one of SET ROLE only
(core.db.roles), so the policy's TO says all; before that every member inherits, and the condition stays.

Revision ID: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    "admins", "audit_log", "device_credentials", "device_health", "devices", "etnas_sync", "event_counts",
    "image_fetches", "media", "officers", "passages", "payloads", "plate_reads", "quarantine", "sync_attempts",
    "vendors", "violations",
)  # fmt: skip
SYSTEM = "current_user = 'tangkapin_system'"


def upgrade() -> None:
    """Drop the condition. Partitions keep theirs: only retention reads them by name."""
    if op.get_bind().exec_driver_sql("SELECT current_setting('server_version_num')::int").scalar_one() >= 160000:
        _conditions("true")


def downgrade() -> None:
    """Put the condition back."""
    _conditions(SYSTEM)


def _conditions(text: str) -> None:
    for table in TABLES:
        op.get_bind().exec_driver_sql(f"ALTER POLICY {table}_system ON {table} USING ({text}) WITH CHECK ({text})")
