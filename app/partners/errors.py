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

    def __init__(
        self,
        partner_id: UUID | None = None,
        *,
        contact_registry: bool = False,
        dispute: str | None = None,
    ) -> None:
        """``contact_registry``: the caller may not know of the profile that carries it.
        ``dispute``: where the caller says that it is its own."""
        extra: dict[str, object] = {"contact_registry": True} if contact_registry else {}
        if dispute is not None:
            extra["dispute"] = dispute
        super().__init__(extra={"partner_id": str(partner_id)} if partner_id else extra)


class IdentifierOfProtected(IdentifierTaken):
    """The other profile is protected from the caller: no id, and an entry in the log."""

    refusal = True

    def __init__(self) -> None:
        ServiceError.__init__(self, extra={"contact_registry": True})


class ContactRegistry(ServiceError):
    """There is a profile that the caller may not know of; nothing is said of it."""

    status = 409
    code = "contact_registry"
    title = "The registry holds this profile and answers for it in person; contact it."
    refusal = True

    def __init__(self) -> None:
        super().__init__(extra={"contact_registry": True})


class HeadquartersUnknown(ServiceError):
    status = 422
    code = "headquarters_unknown"
    title = "The headquarters profile does not exist or is itself a country profile."


class PatchEmpty(ServiceError):
    status = 422
    code = "patch_empty"
    title = "The patch changes nothing or empties a field that must have a value."


class NameRequired(ServiceError):
    status = 422
    code = "name_required"
    title = "A profile needs an official name, in Latin script or in its own."


class ChangeDateWithoutFormerName(ServiceError):
    status = 422
    code = "former_name_required"
    title = "The date of a change of name goes with a former name."


class TypeNotListed(ServiceError):
    """A type that only agencies register which say that they work with it."""

    status = 422
    code = "partner_type_not_listed"
    title = "The agency does not list this type of partner as eligible."


class TagNotAllowed(ServiceError):
    status = 422
    code = "tag_not_allowed"
    title = "This tag does not go with the type of the partner."


class CountryProfileRefused(ServiceError):
    status = 422
    code = "country_profile_refused"
    title = "A partner of this type has one profile and no country profiles."


class TypeDiffers(ServiceError):
    status = 422
    code = "headquarters_type_differs"
    title = "A country profile has the type of its headquarters."


class SameCountryUnjustified(ServiceError):
    status = 422
    code = "same_country_unjustified"
    title = "A country profile in the country of its headquarters needs a reason."


class CountryProfileExists(ServiceError):
    status = 409
    code = "country_profile_exists"
    title = "The headquarters has a profile for this country."


class CountryProfilesHang(ServiceError):
    status = 409
    code = "country_profiles_exist"
    title = "Country profiles hang on this profile; its type stays."


class RedFlagInForce(ServiceError):
    """States and UN entities bear none: the flag is answered first."""

    status = 409
    code = "red_flag_in_force"
    title = "A red flag is in force; a profile of this type cannot bear one."


class MeasureInForce(ServiceError):
    """Public authorities are not sanctioned: the measure is ended first."""

    status = 409
    code = "measure_in_force"
    title = "A sanction measure is in force; a public authority cannot bear one."


class TagNotOwn(ServiceError):
    """That a body exercises public functions is said by agencies, not by itself."""

    status = 403
    code = "tag_not_own"
    title = "This tag is given and taken by agencies, not by the partner itself."
    refusal = True


class HeadquartersProtected(ServiceError):
    status = 409
    code = "headquarters_protected"
    title = "The headquarters is protected, and its country profiles with it."


class OwnedByPartner(ServiceError):
    """The partner keeps what it says of itself; agencies ask it to, by a correction request."""

    status = 409
    code = "owned_by_partner"
    title = "The partner keeps its own profile; file a correction request."


class EditsFrozen(ServiceError):
    """Who may speak for the partner is in dispute."""

    status = 409
    code = "control_disputed"
    title = "The profile is frozen while control of it is in dispute."
