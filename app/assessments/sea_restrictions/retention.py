"""What retention erases of SEA restriction markers."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (rule("sea_restrictions", "DELETE FROM sea_restrictions WHERE id = ANY(:ids)"),)
