"""Every select of the feed, for the fast path."""

from __future__ import annotations

from app.auth.caller import STATUS_COLUMNS

# S608: the texts are built of constants, never of input.
HEAD = f"""SELECT {STATUS_COLUMNS}, h.manifest, h.seq_to
    FROM client_status s LEFT JOIN feed_heads h
      ON h.stream = $2 AND list_stream_open(s.agency_id, h.stream)
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound

STATUS = f"SELECT {STATUS_COLUMNS} FROM client_status s WHERE s.client_id = $1"  # noqa: S608 - constant

WOKEN = f"""SELECT {STATUS_COLUMNS}, h.manifest, h.seq_to, s.client_id
    FROM client_status s LEFT JOIN feed_heads h
      ON h.stream = $2 AND list_stream_open(s.agency_id, h.stream)
    WHERE s.client_id = ANY ($1)"""  # noqa: S608 - texts of ours; values are bound
"""As HEAD, for all clients that waited for it."""

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

FTM_HEAD = f"""SELECT {STATUS_COLUMNS}, h.version, h.count, h.set_sha256, h.signed_at,
    c.at AS changed_at, b.content AS index
    FROM client_status s LEFT JOIN feed_heads h
      ON h.stream = $2 AND list_stream_open(s.agency_id, h.stream)
    LEFT JOIN feed_changes c ON c.stream = h.stream AND c.seq = h.seq_to
    LEFT JOIN feed_blobs b ON b.sha256 = h.index_sha256 AND b.stream = h.stream
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound
"""The caller's status, the head of a stream and the index of its present files."""

FTM_CHUNK = "SELECT content FROM feed_blobs WHERE sha256 = $1 AND content IS NOT NULL LIMIT 1"
