"""What retention erases of a partner's words: after the statements they stand beside."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (rule("statement_comments", "DELETE FROM statement_comments WHERE id = ANY(:ids)"),)
