"""Posts that joined an open report are remembered: sent again they join nothing and open nothing.

Revision ID: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SYSTEM = "current_user = 'tangkapin_system'"
MINE = "vendor_id = ANY ((SELECT string_to_array(current_setting('app.vendors', true), ',')::bigint[])::bigint[])"

TABLE = r"""
CREATE TABLE report_posts (
  vendor_id BIGINT NOT NULL,
  source VARCHAR(20) NOT NULL,
  client_id VARCHAR(64) NOT NULL,
  report_id BIGINT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_report_posts PRIMARY KEY (vendor_id, source, client_id),
  CONSTRAINT fk_report_posts_vendor_id_vendors FOREIGN KEY(vendor_id) REFERENCES vendors (id),
  CONSTRAINT fk_report_posts_report_id_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
COMMENT ON TABLE report_posts IS 'posts that went to a report which was open already; those that opened one are reports';
CREATE INDEX ix_report_posts_report_id ON report_posts (report_id);
ALTER TABLE report_posts ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_posts FORCE ROW LEVEL SECURITY;
"""


def upgrade() -> None:
    """Make the table, with the policies of every tenant's table (0003)."""
    run = op.get_bind().exec_driver_sql
    run(TABLE)
    version = run("SELECT current_setting('server_version_num')::int").scalar_one()
    system = "true" if version >= 160000 else SYSTEM
    run(f"CREATE POLICY report_posts_system ON report_posts TO tangkapin_system USING ({system}) WITH CHECK ({system})")
    run(f"CREATE POLICY report_posts_tenant ON report_posts TO tangkapin_api USING ({MINE}) WITH CHECK ({MINE})")
    run("GRANT SELECT, INSERT, DELETE ON report_posts TO tangkapin_system")


def downgrade() -> None:
    """Take it away."""
    op.get_bind().exec_driver_sql("DROP TABLE report_posts")
