"""An officer may take an assignment back: the state `withdrawn`, with who did it and why.

Revision ID: 0011
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BEFORE = "'offered','accepted','on_the_way','arrived','completed','declined','cancelled','recalled'"


def upgrade() -> None:
    """Columns for the act, and the state; no row changes."""
    run = op.get_bind().exec_driver_sql
    run("""
        ALTER TABLE assignments ADD COLUMN withdrawn_by varchar(150), ADD COLUMN withdrawn_role varchar(20),
            ADD COLUMN withdrawn_actor_id bigint, ADD COLUMN withdraw_reason text
    """)
    run("""
        COMMENT ON COLUMN assignments.withdrawn_by IS
            'the named person who took the police off it; when: finished_at'
    """)
    run(f"""
        ALTER TABLE assignments DROP CONSTRAINT ck_assignments_status,
            ADD CONSTRAINT ck_assignments_status CHECK (status IN ({_BEFORE},'withdrawn')),
            ADD CONSTRAINT ck_assignments_withdrawn_by_a_named_person CHECK
                (status <> 'withdrawn' OR (withdrawn_by IS NOT NULL AND withdraw_reason IS NOT NULL))
    """)


def downgrade() -> None:
    """Withdrawn ones become cancelled, with the reason kept where a reason has its place; audit and timeline stay."""
    run = op.get_bind().exec_driver_sql
    run("SET LOCAL ROLE tangkapin_system")  # the owner itself sees no rows
    run("UPDATE assignments SET status = 'cancelled', decline_reason = withdraw_reason WHERE status = 'withdrawn'")
    run("RESET ROLE")
    run(f"""
        ALTER TABLE assignments DROP CONSTRAINT ck_assignments_withdrawn_by_a_named_person,
            DROP CONSTRAINT ck_assignments_status,
            ADD CONSTRAINT ck_assignments_status CHECK (status IN ({_BEFORE}))
    """)
    run("""
        ALTER TABLE assignments DROP COLUMN withdrawn_by, DROP COLUMN withdrawn_role,
            DROP COLUMN withdrawn_actor_id, DROP COLUMN withdraw_reason
    """)
