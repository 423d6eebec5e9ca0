"""Skip deltas, attachments, withdrawn and published files of the feed; streams of one agency

Revision: 0049, after 0048
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

SHOWN = ("changes", "entries", "chunks", "heads", "blobs", "deltas", "attachments")
OPEN = "stream NOT LIKE 'agency:%'"


def guarded(table: str) -> str:
    """Rows of an agency's own stream are that agency's; the operator has no part in them."""
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY {table}_select ON {table} FOR SELECT TO reg_app
  USING ({OPEN} OR stream = 'agency:' || (SELECT app_agency())::text);
CREATE POLICY {table}_worker ON {table} TO reg_worker USING (true) WITH CHECK (true);
CREATE POLICY {table}_operator ON {table} FOR SELECT TO reg_owner USING ({OPEN});
"""


SECURITY = f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
{"".join(guarded(f"feed_{name}") for name in SHOWN)}
GRANT SELECT ON feed_deltas, feed_attachments TO reg_app, reg_worker;
GRANT INSERT, UPDATE, DELETE ON feed_deltas, feed_attachments TO reg_worker;
-- What was numbered stays: the window moves on, and what was purged loses its contents.
GRANT DELETE ON feed_changes TO reg_worker;
GRANT UPDATE (op, entry, reason) ON feed_changes TO reg_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON feed_published TO reg_worker;

-- Whoever waits for a change of a stream needs its number, and no row of it.
GRANT SELECT (stream, seq_to) ON feed_heads TO reg_facts;
CREATE POLICY feed_heads_facts ON feed_heads FOR SELECT TO reg_facts USING (true);
CREATE FUNCTION feed_tops(text[]) RETURNS TABLE (stream text, seq_to bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.stream, h.seq_to FROM feed_heads h WHERE h.stream = ANY ($1)
$$;
REVOKE EXECUTE ON FUNCTION feed_tops(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION feed_tops(text[]) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION feed_tops(text[]) OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - texts of ours


def unguarded(table: str) -> str:
    """The way back: without the rows that only the guard kept from others."""
    return f"""
DROP POLICY {table}_select ON {table};
DROP POLICY {table}_worker ON {table};
DROP POLICY {table}_operator ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
DELETE FROM {table} WHERE stream LIKE 'agency:%';
"""  # noqa: S608 - texts of ours


UNDO = f"""
DROP FUNCTION feed_tops(text[]);
DROP POLICY feed_heads_facts ON feed_heads;
REVOKE SELECT (stream, seq_to) ON feed_heads FROM reg_facts;
REVOKE DELETE ON feed_changes FROM reg_worker;
REVOKE UPDATE (op, entry, reason) ON feed_changes FROM reg_worker;
{"".join(unguarded(f"feed_{name}") for name in SHOWN)}
DELETE FROM streams WHERE name LIKE 'feed:agency:%';
DELETE FROM feed_pending WHERE EXISTS (SELECT FROM unnest(streams) s WHERE s LIKE 'agency:%');
DELETE FROM feed_blobs WHERE content IS NULL;
"""  # noqa: S608 - texts of ours


def upgrade() -> None:
    op.create_table(
        "feed_deltas",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("raw_sha256", sa.Text(), nullable=False),
        sa.Column("raw_bytes", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("seq_from < seq_to", name=op.f("ck_feed_deltas_range")),
        sa.PrimaryKeyConstraint("stream", "seq_from", "seq_to", name=op.f("pk_feed_deltas")),
    )
    op.create_table(
        "feed_attachments",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("raw_sha256", sa.Text(), nullable=False),
        sa.Column("raw_bytes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "name ~ '^[a-z][a-z0-9_.-]{0,63}$'", name=op.f("ck_feed_attachments_name")
        ),
        sa.PrimaryKeyConstraint("stream", "name", name=op.f("pk_feed_attachments")),
    )
    op.create_table(
        "feed_published",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", "name", name=op.f("pk_feed_published")),
    )
    for column in (
        sa.Column("low", sa.SmallInteger(), nullable=True),
        sa.Column("high", sa.SmallInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("feed_blobs", column)
    op.alter_column("feed_blobs", "content", existing_type=sa.LargeBinary(), nullable=True)
    op.create_check_constraint(
        op.f("ck_feed_blobs_withdrawn"),
        "feed_blobs",
        "(content IS NULL) = (withdrawn_at IS NOT NULL)",
    )
    # Of the chunks that are there already nobody knows the bucket: each is looked into.
    op.execute("UPDATE feed_blobs SET low = 0, high = 32767 WHERE media_type = 'application/gzip'")
    op.add_column(
        "feed_heads", sa.Column("purges", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_index("ix_feed_changes_stream_entry_id", "feed_changes", ["stream", "entry_id"])
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_index("ix_feed_changes_stream_entry_id", table_name="feed_changes")
    op.drop_column("feed_heads", "purges")
    op.drop_constraint(op.f("ck_feed_blobs_withdrawn"), "feed_blobs", type_="check")
    op.alter_column("feed_blobs", "content", existing_type=sa.LargeBinary(), nullable=False)
    for column in ("withdrawn_at", "high", "low"):
        op.drop_column("feed_blobs", column)
    op.drop_table("feed_published")
    op.drop_table("feed_attachments")
    op.drop_table("feed_deltas")
