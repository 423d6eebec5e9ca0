"""What of screenings belongs to an agency: its own, opened while their subject is kept."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.sanctions.screening.storing import context

TABLES = (
    ExportTable(
        "screenings",
        """SELECT id, agency_id, client_id, at, role, kind, partner_id, batch_id, rerun_of,
        algorithm, statistics_version, threshold, list_version, own_lists, lists, stale_sources,
        outcome, entry_ids, hits, more, held, sealed, subject_erased_at
        FROM screenings WHERE agency_id = :agency ORDER BY at, id""",
        {"sealed": Sealed("screening", lambda row: context(row.id, row.agency_id))},
    ),
)
