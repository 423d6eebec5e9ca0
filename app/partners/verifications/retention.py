"""What retention erases of verifications: the comments; results and dates stay. Deactivations."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "verification_comments",
        "DELETE FROM partner_verification_notes WHERE verification_id = ANY(:ids)",
    ),
    rule("deactivations", "DELETE FROM partner_deactivations WHERE id = ANY(:ids)"),
)
