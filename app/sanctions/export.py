"""What of sanctions belongs to an agency: cases and their steps opened, measures, screenings."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.sanctions.cases.export import TABLES as CASES
from app.sanctions.entries.service import end_reason_context

TABLES = (
    *CASES,
    # What a custodian wrote is the custodian's.
    ExportTable(
        "sanction_entries",
        """SELECT id, partner_id, imposing_agency, case_id, measure, blocking, practices, procedure,
        decided_on, effective_from, effective_to, status, ended_on, end_reason, ended_by,
        custodian_agency, version, created_at,
        CASE WHEN custodian_agency = :agency THEN sealed_end_reason END AS sealed_end_reason
        FROM sanction_entries WHERE imposing_agency = :agency OR custodian_agency = :agency
        ORDER BY id""",
        {"sealed_end_reason": Sealed("lift", end_reason_context)},
    ),
    ExportTable(
        "sanction_custody",
        """SELECT id, entry_id, from_agency, to_agency, reason, at
        FROM sanction_custody WHERE from_agency = :agency OR to_agency = :agency ORDER BY id""",
    ),
    ExportTable(
        "screenings",
        """SELECT id, agency_id, client_id, at, algorithm, threshold, list_version, outcome,
        entry_ids, sealed FROM screenings WHERE agency_id = :agency ORDER BY id""",
        {"sealed": Sealed("request", lambda row: f"screenings|{row.id}|{row.agency_id}")},
    ),
)
