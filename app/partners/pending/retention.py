"""What retention erases of loaded statements: the text. A row stays."""

from __future__ import annotations

from app.partners.retention.rules import rule

_EMPTY = "UPDATE pending_statements SET sealed = '', erased_at = now() WHERE id = ANY(:ids)"

RETENTION = (
    rule("loaded_statements_decided", _EMPTY),
    rule("loaded_statements_waiting", _EMPTY),
)
