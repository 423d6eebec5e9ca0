"""What of corrections belongs to an agency: what it asked for, with the answer it got."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed

TABLES = (
    ExportTable(
        "partner_corrections",
        """SELECT id, partner_id, filed_by, pointer, document_ids, filed_at, due_on, state,
        overdue_at,
        decided_at, version, sealed, sealed_reason
        FROM partner_corrections WHERE filed_by = :agency ORDER BY id""",
        {
            "sealed": Sealed("request", lambda row: f"partner_corrections|{row.id}|request"),
            "sealed_reason": Sealed(
                "answer", lambda row: f"partner_corrections|{row.id}|answer", json=False
            ),
        },
    ),
)
