"""What retention destroys of clearances: their contents. Codes, hashes and receipts stay."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "clearance_contents",
        """UPDATE clearances SET sealed_request = NULL, sealed_answer = NULL, sealed_inputs = NULL,
          contents_erased_at = now() WHERE id = ANY(:ids)""",
    ),
)
