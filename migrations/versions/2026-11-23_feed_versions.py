"""Versions of the feed for those who follow it in the form of FollowTheMoney

Revision: 0057, after 0056
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

OPEN = "stream NOT LIKE 'agency:%'"
SECURITY = f"""
-- The present state of each stream is a version. An agency's own has its first at the next change:
-- nobody but that agency sees its head.
SET LOCAL row_security = on;
INSERT INTO feed_versions (stream, seq_to, version, at, index_sha256)
  SELECT stream, seq_to, to_char(at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS') || '-000',
    date_trunc('second', at), index_sha256
  FROM (SELECT h.stream, h.seq_to, h.index_sha256, coalesce((SELECT max(c.at)
      FROM feed_changes c WHERE c.stream = h.stream AND c.seq > h.seq_to - 1000), h.signed_at) AS at
    FROM feed_heads h) n;
SET LOCAL row_security = off;
-- As the other tables of the feed: rows of an agency's own stream are that agency's.
ALTER TABLE feed_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY feed_versions_select ON feed_versions FOR SELECT TO reg_app
  USING ({OPEN} OR stream = 'agency:' || (SELECT app_agency())::text);
CREATE POLICY feed_versions_worker ON feed_versions TO reg_worker USING (true) WITH CHECK (true);
CREATE POLICY feed_versions_operator ON feed_versions FOR SELECT TO reg_owner USING ({OPEN});
GRANT SELECT ON feed_versions TO reg_app, reg_worker;
GRANT INSERT, DELETE ON feed_versions TO reg_worker;
"""  # noqa: S608 - texts of ours


def upgrade() -> None:
    op.create_table(
        "feed_versions",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("index_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "version ~ '^[0-9]{14}-[0-9a-z]{3}$'", name=op.f("ck_feed_versions_version")
        ),
        sa.PrimaryKeyConstraint("stream", "seq_to", name=op.f("pk_feed_versions")),
        sa.UniqueConstraint("stream", "version", name=op.f("uq_feed_versions_stream_version")),
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_table("feed_versions")
