"""What retention destroys of clearances: their contents, and what was decided, asked and counted by
them. Codes, hashes and receipts stay.
"""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "clearance_contents",
        """UPDATE clearances SET sealed_request = NULL, sealed_answer = NULL, sealed_inputs = NULL,
          contents_erased_at = now() WHERE id = ANY(:ids)""",
    ),
    rule(
        "clearance_decisions",
        "DELETE FROM clearance_waivers WHERE clearance_id = ANY(:ids)",
        "DELETE FROM clearance_decisions WHERE clearance_id = ANY(:ids)",
    ),
    rule(
        "clearance_recognitions",
        "DELETE FROM clearance_recognitions WHERE clearance_id = ANY(:ids)",
    ),
    rule("clearance_questions", "DELETE FROM clearance_questions WHERE id = ANY(:ids)"),
)
