"""What of sanctions belongs to an agency: cases and their steps opened, measures, screenings."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.sanctions.entries.service import end_reason_context

TABLES = (
    ExportTable(
        "sanction_cases",
        """SELECT id, partner_id, state, version, practices, finding_on, investigator_id,
        notice_sent_on, reply_due_on, reply_received_on, reply_waived, reviewer_id, reviewed_on,
        recommendation, decider_id, decided_on, opened_at
        FROM sanction_cases WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "sanction_case_steps",
        """SELECT id, case_id, agency_id, kind, person_id, at, redacted,
        CASE WHEN NOT redacted THEN sealed END AS sealed
        FROM sanction_case_steps WHERE agency_id = :agency ORDER BY case_id, id""",
        {
            "sealed": Sealed(
                "content",
                lambda row: f"sanction_case_steps|{row.id}|{row.case_id}|{row.agency_id}",
            )
        },
    ),
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
        "list_uses",
        """SELECT id, source, audience, legal_basis, state, proposed_by, proposed_at, approved_by,
        approved_at, ended_by, ended_at, version
        FROM list_uses WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "screenings",
        """SELECT id, agency_id, client_id, at, algorithm, threshold, list_version, outcome,
        entry_ids, own_lists, sealed FROM screenings WHERE agency_id = :agency ORDER BY id""",
        {"sealed": Sealed("request", lambda row: f"screenings|{row.id}|{row.agency_id}")},
    ),
)
