"""What retention erases of transfer restrictions."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule("transfer_restrictions", "DELETE FROM transfer_restrictions WHERE id = ANY(:ids)"),
)
