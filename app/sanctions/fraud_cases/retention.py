"""What retention erases of fraud cases: all that goes with one, when the case is due."""

from __future__ import annotations

from app.partners.retention.rules import rule

_PARTS = (
    "DELETE FROM fraud_cases_acl WHERE record_id = ANY(:ids)",
    "DELETE FROM fraud_case_amounts WHERE fraud_case_id = ANY(:ids)",
    "DELETE FROM fraud_case_acts WHERE fraud_case_id = ANY(:ids)",
    "DELETE FROM fraud_case_history WHERE fraud_case_id = ANY(:ids)",
    "DELETE FROM fraud_cases WHERE id = ANY(:ids)",
)
RETENTION = (
    rule("fraud_cases_closed", *_PARTS),
    rule("fraud_cases_unsubstantiated", *_PARTS),
)
