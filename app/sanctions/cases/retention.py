"""What retention erases of cases: all that goes with one, when the case is due."""

from __future__ import annotations

from app.partners.retention.rules import rule

_PARTS = (
    "DELETE FROM sanction_interims WHERE case_id = ANY(:ids)",
    "DELETE FROM sanction_appeals WHERE case_id = ANY(:ids)",
    "DELETE FROM sanction_releases WHERE case_id = ANY(:ids)",
    "DELETE FROM sanction_case_parties WHERE case_id = ANY(:ids)",
    "DELETE FROM sanction_case_steps WHERE case_id = ANY(:ids)",
    "DELETE FROM sanction_respondents WHERE case_id = ANY(:ids)",
    "DELETE FROM sanction_cases WHERE id = ANY(:ids)",
)
RETENTION = (rule("sanction_cases", *_PARTS), rule("sanction_cases_closed", *_PARTS))
