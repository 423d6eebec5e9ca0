"""What of cases belongs to an agency: its own cases with all that goes with them, opened."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.sanctions.cases.steps import individual_context, step_context

TABLES = (
    ExportTable(
        "sanction_procedures",
        """SELECT id, agency_id, number, state, effective_from, legal_basis, appeal_body,
        reply_period_days, appeal_days, appeal_suspensive, interim_months, interim_renewals,
        review_months, panel_form, panel_members, departure, proposed_by, proposed_at, decided_by,
        decided_at, version FROM sanction_procedures WHERE agency_id = :agency ORDER BY number""",
    ),
    ExportTable(
        "sanction_cases",
        """SELECT id, partner_id, track, state, version, practices, finding_on, investigator_id,
        procedure_id, legal_reference, document_sha256, decided_on, opened_at
        FROM sanction_cases WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "sanction_respondents",
        """SELECT id, case_id, agency_id, main, kind, relation, partner_id, state, notice_sent_on,
        reply_due_on, reply_received_on, reply_waived, reviewer_id, reviewed_on, recommendation,
        panel_members, decider_id, decided_on, departed, appeal_suspensive, entry_id,
        decision_sent_on, appeal_due_on, review_due_on, last_reviewed_on, created_at,
        nullif(sealed, '') AS sealed
        FROM sanction_respondents WHERE agency_id = :agency ORDER BY case_id, created_at, id""",
        {
            "sealed": Sealed(
                "individual", lambda row: individual_context(row.id, row.case_id, row.agency_id)
            )
        },
    ),
    ExportTable(
        "sanction_case_steps",
        """SELECT id, case_id, agency_id, respondent_id, kind, person_id, office, function, at,
        redacted, CASE WHEN NOT redacted THEN sealed END AS sealed
        FROM sanction_case_steps WHERE agency_id = :agency ORDER BY case_id, id""",
        {"sealed": Sealed("content", lambda row: step_context(row.id, row.case_id, row.agency_id))},
    ),
    # Of a case of another agency: that this one was asked, and what it answered.
    ExportTable(
        "sanction_case_parties",
        """SELECT id, case_id, agency_id, partner_id, party_agency, role, parts, state,
        CASE WHEN agency_id = :agency THEN invited_by END AS invited_by, invited_at,
        CASE WHEN party_agency = :agency THEN answered_by END AS answered_by, answered_at,
        CASE WHEN agency_id = :agency THEN ended_by END AS ended_by, ended_at
        FROM sanction_case_parties WHERE agency_id = :agency OR party_agency = :agency
        ORDER BY id""",
    ),
    ExportTable(
        "sanction_interims",
        """SELECT id, case_id, respondent_id, number, decided_by, decided_on, effective_from,
        until_on, entry_id, ended_on FROM sanction_interims WHERE agency_id = :agency
        ORDER BY respondent_id, number""",
    ),
    ExportTable(
        "sanction_appeals",
        """SELECT id, case_id, respondent_id, partner_id, kind, by_partner, suspensive, filed_on,
        outcome, decided_by, decided_on, version
        FROM sanction_appeals WHERE agency_id = :agency ORDER BY case_id, id""",
    ),
    ExportTable(
        "sanction_releases",
        """SELECT id, case_id, respondent_id, recorded_by, recorded_on, verified, verified_by,
        verified_on, outcome, decided_by, decided_on, version
        FROM sanction_releases WHERE agency_id = :agency ORDER BY case_id, id""",
    ),
)
