"""What retention erases of identifiers: disputes that are over. Identifiers themselves stay."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (rule("identifier_disputes", "DELETE FROM identifier_disputes WHERE id = ANY(:ids)"),)
