"""What retention erases of matching: a pair may then be found, and shown, again."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (rule("duplicates_dismissed", "DELETE FROM possible_duplicates WHERE id = ANY(:ids)"),)
