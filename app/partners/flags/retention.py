"""What retention erases of flags."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "flags_unsubstantiated",
        "DELETE FROM partner_flag_steps WHERE flag_id = ANY(:ids)",
        "DELETE FROM partner_flag_texts WHERE flag_id = ANY(:ids)",
        "DELETE FROM partner_flags WHERE id = ANY(:ids)",
    ),
)
