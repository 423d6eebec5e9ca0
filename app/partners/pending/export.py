"""What of loaded statements belongs to an agency: those that are said to be its own."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed

TABLES = (
    ExportTable(
        "pending_statements",
        """SELECT id, version, partner_id, owner_agency, load_id, source, source_key, kind,
        category,
        said_on, state, loaded_at, decided_by, decided_at, flag_id, erased_at, sealed
        FROM pending_statements WHERE owner_agency = :agency ORDER BY id""",
        {
            "sealed": Sealed(
                "text", lambda row: f"pending_statements|{row.id}|{row.owner_agency}", json=False
            )
        },
    ),
)
