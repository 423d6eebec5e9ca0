"""What retention erases of persons. A trigger erases what was kept of an entry with it."""

from __future__ import annotations

from app.partners.retention.rules import rule

_ERASE = "UPDATE partner_people SET sealed = NULL, version = version + 1 WHERE id = ANY(:ids)"

RETENTION = (
    rule("people_replaced", _ERASE),
    rule("people_inactive", _ERASE),
    rule("person_requests", "DELETE FROM partner_people_requests WHERE id = ANY(:ids)"),
)
