"""What retention erases of correction requests."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (rule("corrections", "DELETE FROM partner_corrections WHERE id = ANY(:ids)"),)
