"""What of partners' comments an agency keeps: those beside its statements."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed

TABLES = (
    ExportTable(
        "statement_comments",
        """SELECT id, partner_id, subject_kind, subject_id, owner_agency, made_at, sealed
        FROM statement_comments WHERE owner_agency = :agency ORDER BY id""",
        {"sealed": Sealed("text", lambda row: f"statement_comments|{row.id}", json=False)},
    ),
)
