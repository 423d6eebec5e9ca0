"""Errors of partner profiles."""

from __future__ import annotations

from uuid import UUID

from app.core.errors import NotFound, ServiceError


class PartnerNotFound(NotFound):
    code = "partner_not_found"
    title = "There is no such partner."


class IdentifierTaken(ServiceError):
    """Another active profile carries the same authoritative identifier."""

    status = 409
    code = "identifier_taken"
    title = "Another profile carries this identifier."

    def __init__(self, partner_id: UUID | None = None, *, contact_registry: bool = False) -> None:
        """``contact_registry``: the caller may not know of the profile that carries it."""
        extra: dict[str, object] = {"contact_registry": True} if contact_registry else {}
        super().__init__(extra={"partner_id": str(partner_id)} if partner_id else extra)


class HeadquartersUnknown(ServiceError):
    status = 422
    code = "headquarters_unknown"
    title = "The headquarters profile does not exist or is itself a country profile."


class PatchEmpty(ServiceError):
    status = 422
    code = "patch_empty"
    title = "The patch changes nothing or empties a field that must have a value."
