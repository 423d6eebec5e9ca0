"""Every select of the feed, for the fast path."""

from __future__ import annotations

from app.auth.caller import STATUS_COLUMNS

# S608: the texts are built of constants, never of input.
STATUS = f"SELECT {STATUS_COLUMNS} FROM client_status s WHERE s.client_id = $1"  # noqa: S608 - constant

HEADS = f"""SELECT {STATUS_COLUMNS}, h.manifest, h.seq_to, s.client_id
    FROM client_status s LEFT JOIN feed_heads h
      ON h.stream = $2 AND list_stream_open(s.agency_id, h.stream)
    WHERE s.client_id = ANY ($1)"""  # noqa: S608 - texts of ours; values are bound
"""Status and head of a stream, for some clients; no head where it is not for them."""

TOPS = "SELECT stream, seq_to FROM feed_tops($1)"

HEAD_OF = "SELECT manifest, seq_to FROM feed_heads WHERE stream = $1"

# A file that was withdrawn from one stream may still be part of another.
BLOB = f"""SELECT {STATUS_COLUMNS}, b.content, b.media_type, b.withdrawn
    FROM client_status s LEFT JOIN LATERAL (
        SELECT content, media_type, withdrawn_at IS NOT NULL AS withdrawn FROM feed_blobs
        WHERE sha256 = $2 AND list_stream_open(s.agency_id, stream)
        ORDER BY withdrawn_at NULLS FIRST LIMIT 1) b ON true
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound

BLOB_OF = """SELECT content, media_type, withdrawn_at IS NOT NULL AS withdrawn FROM feed_blobs
    WHERE stream = $1 AND sha256 = $2"""

KEYS = f"""SELECT {STATUS_COLUMNS}, k.document::text AS document
    FROM client_status s LEFT JOIN LATERAL (
        SELECT document FROM keys_documents WHERE $2::bigint IS NULL OR version = $2
        ORDER BY version DESC LIMIT 1) k ON true
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound

CHANGES = """SELECT seq, op, entry_id, entry, reason, at FROM feed_changes
    WHERE stream = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4"""

_FTM = """h.count, h.purges, v.seq_to, v.version, v.at AS changed_at, v.index_sha256, v.files"""
_FTM_VERSION = """LEFT JOIN LATERAL (
      SELECT n.seq_to, n.version, n.at, n.files::text AS files,
        CASE WHEN n.seq_to = h.seq_to THEN h.index_sha256 ELSE n.index_sha256 END AS index_sha256
      FROM feed_versions n WHERE n.stream = h.stream AND ($2::text IS NULL OR n.version = $2)
      ORDER BY n.seq_to DESC LIMIT 1) v ON true"""
FTM_HEAD = f"""SELECT {STATUS_COLUMNS}, {_FTM} FROM client_status s LEFT JOIN feed_heads h
      ON h.stream = $1 AND list_stream_open(s.agency_id, h.stream)
    {_FTM_VERSION} WHERE s.client_id = $3"""  # noqa: S608 - texts of ours; values are bound
"""The caller's status, the head of a stream, and a version of it: the newest where $2 is null."""

FTM_HEAD_OF = f"SELECT {_FTM} FROM feed_heads h {_FTM_VERSION} WHERE h.stream = $1"  # noqa: S608 - texts of ours; values are bound

FTM_FILE = """SELECT content FROM feed_blobs
    WHERE stream = $1 AND sha256 = $2 AND content IS NOT NULL"""

FTM_SEEN = """SELECT e.entry_id, e.first_at, e.changed_at FROM feed_entries e
      WHERE e.stream = $1 AND e.entry_id = ANY ($2::text[]) AND e.seq <= $3
    UNION ALL (SELECT DISTINCT ON (c.entry_id) c.entry_id, c.first_at, c.at FROM feed_changes c
      WHERE c.stream = $1 AND c.entry_id = ANY ($2::text[]) AND c.seq <= $3 AND c.op = 'put'
        AND NOT EXISTS (SELECT FROM feed_entries e WHERE e.stream = c.stream
          AND e.entry_id = c.entry_id AND e.seq <= $3)
      ORDER BY c.entry_id, c.seq DESC)"""
"""Of entries of a version, by its number, since when it has them and when they last changed: as
they were then, also of one that has changed since.
"""

FTM_VERSIONS = "SELECT version, at FROM feed_versions WHERE stream = $1 ORDER BY seq_to"

# One that is listed no more was joined with the next that is.
FTM_STEP = """SELECT v.seq_to, coalesce((SELECT max(p.seq_to) FROM feed_versions p
      WHERE p.stream = v.stream AND p.seq_to < v.seq_to), v.seq_to) AS seq_from, v.at
    FROM feed_versions v WHERE v.stream = $1 AND v.version >= $2 ORDER BY v.version LIMIT 1"""

FTM_CHANGES = """SELECT DISTINCT ON (c.entry_id) c.entry_id, c.seq, c.op, c.entry, c.reason,
      c.at, c.first_at,
      (SELECT p.op FROM feed_changes p WHERE p.stream = c.stream AND p.entry_id = c.entry_id
        AND p.seq <= $2 ORDER BY p.seq DESC LIMIT 1) AS before
    FROM feed_changes c WHERE c.stream = $1 AND c.seq > $2 AND c.seq <= $3 AND c.entry_id > $4
    ORDER BY c.entry_id, c.seq DESC LIMIT $5"""
"""Of the numbers after one up to another the last change of each entry, and what came before."""
