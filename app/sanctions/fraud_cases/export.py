"""What of fraud cases belongs to an agency: its own, with all that goes with them."""

from __future__ import annotations

from app.agencies.export import ExportTable

TABLES = (
    ExportTable(
        "fraud_cases",
        """SELECT id, partner_id, owner_agency, reference, case_type, stage, outcome, outcome_on,
        closed_on, loss_usd, recovered_usd, written_off_usd, outstanding_usd, national_referral,
        referred_on, authority_kind, authority_country, asset_recovery, sanction_case_id, entry_id,
        published_by, published_at, changed_by, opened_at, version
        FROM fraud_cases WHERE owner_agency = :agency ORDER BY opened_at, id""",
    ),
    ExportTable(
        "fraud_case_history",
        """SELECT fraud_case_id, version, owner_agency, stage, loss_usd, recovered_usd,
        written_off_usd, national_referral, referred_on, authority_kind, authority_country,
        asset_recovery, sanction_case_id, entry_id, published, changed_by, at
        FROM fraud_case_history WHERE owner_agency = :agency ORDER BY fraud_case_id, version""",
    ),
    ExportTable(
        "fraud_case_acts",
        """SELECT id, fraud_case_id, owner_agency, kind, amount_usd, reference, state, proposed_by,
        proposed_at, decided_by, decided_at, version FROM fraud_case_acts
        WHERE owner_agency = :agency ORDER BY fraud_case_id, proposed_at, id""",
    ),
    ExportTable(
        "fraud_case_amounts",
        """SELECT id, fraud_case_id, owner_agency, kind, amount_usd, booked_on, reference, act_id,
        reverses, recorded_by, recorded_at FROM fraud_case_amounts
        WHERE owner_agency = :agency ORDER BY fraud_case_id, recorded_at, id""",
    ),
    ExportTable(
        "fraud_cases_acl",
        """SELECT agency_id, record_id, share_id, owner_agency, level, purpose, valid_from, valid_to
        FROM fraud_cases_acl WHERE owner_agency = :agency ORDER BY record_id, share_id""",
    ),
)
