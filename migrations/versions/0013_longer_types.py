"""The type of a DOCX has 71 characters: as evidence it found no room.

Revision ID: 0013
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Longer columns; PostgreSQL rewrites no row for it."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE media ALTER COLUMN mime TYPE varchar(100)")
    run("ALTER TABLE report_evidence ALTER COLUMN mime TYPE varchar(100)")


def downgrade() -> None:
    """What does not fit is cut: the bytes themselves say what they are."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE media ALTER COLUMN mime TYPE varchar(40) USING left(mime, 40)")
    run("ALTER TABLE report_evidence ALTER COLUMN mime TYPE varchar(60) USING left(mime, 60)")
