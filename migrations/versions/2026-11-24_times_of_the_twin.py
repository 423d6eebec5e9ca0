"""Since when the feed holds an entry, what its FollowTheMoney files are like, and what was purged

Revision: 0067, after 0066
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of what was there before this nobody noted it: null, and then not said.
    op.add_column("feed_changes", sa.Column("first_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("feed_entries", sa.Column("first_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "feed_entries", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_feed_changes_purged",
        "feed_changes",
        ["stream", "at"],
        postgresql_where=sa.text("op = 'remove' AND reason IN ('annulled', 'error')"),
    )
    op.add_column("feed_versions", sa.Column("files", postgresql.JSONB(), nullable=True))
    run_script("GRANT UPDATE (files) ON feed_versions TO reg_worker;")


def downgrade() -> None:
    op.drop_column("feed_versions", "files")
    op.drop_index("ix_feed_changes_purged", table_name="feed_changes")
    op.drop_column("feed_entries", "changed_at")
    op.drop_column("feed_entries", "first_at")
    op.drop_column("feed_changes", "first_at")
