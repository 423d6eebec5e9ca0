"""What retention erases of loads: what came with them first."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule("load_reports", "DELETE FROM partner_load_reports WHERE id = ANY(:ids)"),
    rule("loads", "DELETE FROM partner_loads WHERE id = ANY(:ids)"),
)
