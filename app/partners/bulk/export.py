"""What of loads belongs to an agency: all of them, and what it calls its partners."""

from __future__ import annotations

from app.agencies.export import ExportTable

TABLES = (
    ExportTable(
        "partner_loads",
        """SELECT id, client_id, person_id, format, state, started_at, moved_at, finished_at, lines,
        created, updated, unchanged, conflicts, invalid, undone
        FROM partner_loads WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "partner_keys",
        """SELECT key, partner_id, version, load_id, created_by_load, loaded_at
        FROM partner_keys WHERE agency_id = :agency ORDER BY key""",
    ),
    ExportTable(
        "partner_load_reports",
        """SELECT id, partner_id, load_id, source, kind, value, said_by, said_on, recorded_at
        FROM partner_load_reports WHERE agency_id = :agency ORDER BY id""",
    ),
)
