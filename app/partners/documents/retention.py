"""What retention erases of documents. The file goes to the sweeper."""

from __future__ import annotations

from app.partners.retention.rules import rule

_UNTIE = "UPDATE partner_documents SET supersedes = NULL WHERE supersedes = ANY(:ids)"
_DELETE = """WITH gone AS (DELETE FROM partner_documents WHERE id = ANY(:ids) RETURNING blob_id)
    UPDATE blobs SET state = 'deleting' WHERE id IN (SELECT blob_id FROM gone)"""

RETENTION = (
    rule("documents_superseded", _UNTIE, _DELETE),
    rule("documents_deleted", _UNTIE, _DELETE),
    rule("documents_unfinished", _UNTIE, _DELETE),
)
