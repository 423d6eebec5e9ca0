"""What retention erases of objections: after the statements, as a gone one takes them along."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (rule("objections", "DELETE FROM objections WHERE id = ANY(:ids)"),)
