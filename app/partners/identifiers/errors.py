"""Errors of identifiers."""

from __future__ import annotations

from uuid import UUID

from app.core.errors import Conflict, NotFound, ServiceError


class IdentifierNotFound(NotFound):
    """Absent, or for a write a vendor number of another agency."""

    code = "identifier_not_found"
    title = "The partner has no such identifier."


class DisputeNotFound(NotFound):
    code = "dispute_not_found"
    title = "There is no such dispute."
    refusal = True


class IdentifierEnded(Conflict):
    code = "identifier_ended"
    title = "The identifier has ended already."


class IdentifierDisputed(Conflict):
    code = "identifier_disputed"
    title = "The identifier is disputed; the decision ends it, or nothing does."


class IdentifierAmbiguous(Conflict):
    """Several profiles carry it, in areas or by authorities that were not named."""

    code = "identifier_ambiguous"
    title = "Several profiles carry this number; name its area or authority."


class IdentifierHeld(ServiceError):
    """There is nothing to dispute: nobody else holds it."""

    status = 422
    code = "nothing_to_dispute"
    title = "No other profile holds this identifier."


class DisputeOpen(Conflict):
    code = "dispute_open"
    title = "There is an open dispute about this identifier."


class TooManyDisputes(Conflict):
    code = "too_many_disputes"
    title = "The partner has as many open disputes as it may have at once."


class DisputeDecided(Conflict):
    code = "dispute_decided"
    title = "The dispute has been decided."


class SamePerson(Conflict):
    code = "same_person"
    title = "Who raised a dispute, or said the first word of two, does not decide it."


class DocumentsUnknown(ServiceError):
    status = 422
    code = "documents_unknown"
    title = "Not all of these are uploaded documents of the own profile."


class HolderUnfit(ServiceError):
    status = 422
    code = "holder_unfit"
    title = "The holder must be one of the two profiles of the dispute."


class VendorCountryUnfit(ServiceError):
    status = 422
    code = "vendor_country_unfit"
    title = "A vendor number belongs to the country of the profile."


class ProfileMerged(Conflict):
    """The profile stands for nothing any more."""

    code = "partner_merged"
    title = "The profile was merged; write to the one that stands for it."

    def __init__(self, survivor: UUID) -> None:
        super().__init__(extra={"partner_id": str(survivor)})
