"""Errors of partner profiles."""

from __future__ import annotations

from uuid import UUID

from app.core.errors import NotFound, ServiceError


class PartnerNotFound(NotFound):
    code = "partner_not_found"
    title = "There is no such partner."


class PartnerMerged(ServiceError):
    """The profile was merged into another; reading at its address is led on there with 308."""

    status = 409
    code = "partner_merged"
    title = "This profile was merged into another one."

    def __init__(self, survivor_id: UUID) -> None:
        super().__init__(extra={"partner_id": str(survivor_id)})
        self.survivor_id = survivor_id


class IdentifierTaken(ServiceError):
    """Another active profile carries the same authoritative identifier."""

    status = 409
    code = "identifier_taken"
    title = "Another profile carries this identifier."

    def __init__(self, partner_id: UUID | None = None) -> None:
        super().__init__(extra={"partner_id": str(partner_id)} if partner_id else None)


class HeadquartersUnknown(ServiceError):
    status = 422
    code = "headquarters_unknown"
    title = "The headquarters profile does not exist or is itself a country profile."


class PatchEmpty(ServiceError):
    status = 422
    code = "patch_empty"
    title = "The patch changes nothing or empties a field that must have a value."
