"""Pictures of alarms that a device names by URL are fetched too: then they wait for a detector like pushed ones.

Revision ID: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE image_fetches ALTER COLUMN plate_read_id DROP NOT NULL, ADD COLUMN ordinal INTEGER,
  ADD COLUMN event VARCHAR(80), ADD COLUMN taken_at TIMESTAMP WITH TIME ZONE,
  ADD CONSTRAINT ck_image_fetches_wanted_by CHECK
    (plate_read_id IS NOT NULL OR (ordinal IS NOT NULL AND event IS NOT NULL AND taken_at IS NOT NULL));
COMMENT ON COLUMN image_fetches.plate_read_id IS 'NULL: an alarm''s picture, which becomes a row of frames';
COMMENT ON COLUMN image_fetches.ordinal IS 'of that row, as event and taken_at';
"""
DOWN = """
DELETE FROM image_fetches WHERE plate_read_id IS NULL;
ALTER TABLE image_fetches DROP CONSTRAINT ck_image_fetches_wanted_by, DROP COLUMN ordinal, DROP COLUMN event,
  DROP COLUMN taken_at, ALTER COLUMN plate_read_id SET NOT NULL;
COMMENT ON COLUMN image_fetches.plate_read_id IS NULL;
"""


def upgrade() -> None:
    """Let fetches go without a read."""
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    """Those without a read go first."""
    op.get_bind().exec_driver_sql(DOWN)
