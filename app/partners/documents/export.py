"""What of documents belongs to an agency: the entries of those it uploaded, without the files."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed

TABLES = (
    ExportTable(
        "partner_documents",
        """SELECT d.id, d.partner_id, d.version, d.kind, d.level, d.title, d.sealed_title,
        d.language,
        d.issued_on, d.expires_on, d.media_type, d.supersedes, d.superseded_by, d.uploaded_by,
        d.uploaded_at, d.created_at, d.deleted_at, d.deleted_reason
        FROM partner_documents d WHERE d.uploaded_by = :agency ORDER BY d.id""",
        {
            "sealed_title": Sealed(
                "restricted_title", lambda row: f"partner_documents|{row.id}|title", json=False
            )
        },
    ),
)
