"""What of sanctions belongs to an agency: cases and their steps opened, measures, screenings."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.sanctions.cases.export import TABLES as CASES
from app.sanctions.entries.acts import act_context
from app.sanctions.entries.decisions import condition_context
from app.sanctions.entries.service import end_reason_context
from app.sanctions.entries.status import status_sql
from app.sanctions.fraud_cases.export import TABLES as FRAUD
from app.sanctions.matches.export import TABLES as MATCHES
from app.sanctions.screening.export import TABLES as SCREENINGS
from app.sanctions.transfer_restrictions.export import TABLES as TRANSFERS

_ENTRY = """id, partner_id, imposing_agency, case_id, individual, affiliate_of, affiliate_relation,
    supersedes, regime, measure, blocking, level, practices, practice_ended_on, procedure,
    certificate, legal_reference, decided_on, effective_from, effective_to, release_not_before,
    scope_countries, scope_modalities, new_agreements, renewals, payments_due, running_agreements,
    wind_down_until, continuity_contact, contact_office, last_reviewed, ended_on, end_reason,
    ended_by, voided_at, custodian_agency, version, created_at"""

TABLES = (
    *CASES,
    *TRANSFERS,
    *FRAUD,
    *MATCHES,
    # What a custodian wrote is the custodian's.
    ExportTable(
        "sanction_entries",
        f"""SELECT {_ENTRY}, recorded_from, {status_sql("e")} AS status,
        CASE WHEN coalesce(custodian_agency, imposing_agency) = :agency
          THEN nullif(sealed_end_reason, '') END AS sealed_end_reason
        FROM sanction_entries e WHERE imposing_agency = :agency OR custodian_agency = :agency
        ORDER BY id""",  # noqa: S608 - columns of ours; values are bound
        {"sealed_end_reason": Sealed("lift", end_reason_context)},
    ),
    ExportTable(
        "sanction_entry_history",
        f"""SELECT {_ENTRY}, recorded_from, recorded_to FROM sanction_entry_history
        WHERE imposing_agency = :agency OR custodian_agency = :agency
        ORDER BY id, recorded_from""",  # noqa: S608 - columns of ours; values are bound
    ),
    ExportTable(
        "sanction_conditions",
        """SELECT id, entry_id, owner_agency, position, condition, due_on, state, verified_by,
        verified_on, version, CASE WHEN EXISTS (SELECT FROM persons p WHERE p.id = verified_by
          AND p.agency_id = :agency) THEN nullif(sealed, '') END AS sealed
        FROM sanction_conditions WHERE owner_agency = :agency ORDER BY entry_id, position""",
        {"sealed": Sealed("verification", condition_context)},
    ),
    ExportTable(
        "sanction_entry_acts",
        """SELECT id, entry_id, owner_agency, kind, state, version, proposed_by, proposed_at,
        nullif(sealed, '') AS sealed, decided_by, decided_at,
        nullif(sealed_decision, '') AS sealed_decision
        FROM sanction_entry_acts WHERE owner_agency = :agency ORDER BY entry_id, id""",
        {
            "sealed": Sealed("request", lambda row: act_context("sealed", row)),
            "sealed_decision": Sealed("decision", lambda row: act_context("sealed_decision", row)),
        },
    ),
    ExportTable(
        "sanction_recognitions",
        """SELECT id, entry_id, owner_agency, decision, reason, redacted, policy, entry_version,
        decided_by, decided_at FROM sanction_recognitions
        WHERE owner_agency = :agency ORDER BY entry_id, id""",
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
    *SCREENINGS,
)
