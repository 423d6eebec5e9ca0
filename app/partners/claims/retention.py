"""What retention erases of control: disputes, then the claims they were about, then codes."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule("control_disputes", "DELETE FROM partner_control_disputes WHERE id = ANY(:ids)"),
    rule("claims", "DELETE FROM partner_claims WHERE id = ANY(:ids)"),
    rule("invitations", "DELETE FROM partner_invitations WHERE id = ANY(:ids)"),
)
