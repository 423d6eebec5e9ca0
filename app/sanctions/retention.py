"""What retention erases of sanctions and screenings. The feed removed an entry when it ended."""

from __future__ import annotations

from app.partners.retention.rules import rule
from app.sanctions.cases.retention import RETENTION as CASES
from app.sanctions.fraud_cases.retention import RETENTION as FRAUD
from app.sanctions.matches.retention import RETENTION as MATCHES
from app.sanctions.screening.retention import RETENTION as SCREENINGS
from app.sanctions.transfer_restrictions.retention import RETENTION as TRANSFERS

_WITH_ENTRY = (
    "DELETE FROM sanction_recognitions WHERE entry_id = ANY(:ids)",
    "DELETE FROM sanction_conditions WHERE entry_id = ANY(:ids)",
    "DELETE FROM sanction_entry_acts WHERE entry_id = ANY(:ids)",
    "DELETE FROM sanction_entry_history WHERE id = ANY(:ids)",
)

RETENTION = (
    rule(
        "cases_annulled",
        "UPDATE sanction_entries SET sealed_end_reason = NULL WHERE case_id = ANY(:ids)",
        "DELETE FROM sanction_case_steps WHERE case_id = ANY(:ids)",
    ),
    # That there was a measure and that it was annulled stays: the row itself.
    rule(
        "entries_annulled",
        *_WITH_ENTRY,
        "UPDATE sanction_entries SET sealed_end_reason = NULL WHERE id = ANY(:ids)",
    ),
    rule(
        "sanctions_ended",
        "DELETE FROM sanction_custody WHERE entry_id = ANY(:ids)",
        *_WITH_ENTRY,
        "DELETE FROM sanction_entries WHERE id = ANY(:ids)",
    ),
    *CASES,
    *TRANSFERS,
    *FRAUD,
    *MATCHES,
    *SCREENINGS,
)
