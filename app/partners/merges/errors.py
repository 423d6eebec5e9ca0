"""Errors of merges."""

from __future__ import annotations

from app.audit.exceptions.errors import SecondPersonRequired
from app.core.errors import NotFound, ServiceError
from app.partners.errors import EditsFrozen
from app.partners.public_authority import GovernmentEntity


class MergeNotFound(NotFound):
    code = "merge_not_found"
    title = "There is no such merge."


class SurvivorUnknown(ServiceError):
    status = 422
    code = "survivor_unknown"
    title = "There is no such partner to merge into."


class SameProfile(ServiceError):
    status = 422
    code = "merge_same_profile"
    title = "A profile cannot be merged into itself."


class CountriesDiffer(ServiceError):
    """A profile is one legal person in one country."""

    status = 422
    code = "merge_countries_differ"
    title = "Profiles of different countries are not one partner."


class TypesDiffer(ServiceError):
    """Public bodies, intergovernmental organisations, UN entities, companies and civil society."""

    status = 422
    code = "merge_types_differ"
    title = "Profiles of partner types of different classes are not one partner."


class HeadquartersDiffer(ServiceError):
    """Also headquarters with their own country profile."""

    status = 422
    code = "merge_headquarters_differ"
    title = "The two profiles do not have the same headquarters."


class ProtectionDiffers(ServiceError):
    """What is protected would be found through the other profile."""

    status = 422
    code = "merge_protection_differs"
    title = "A protected profile is merged only into a protected one."


class SurvivorDeactivated(ServiceError):
    status = 409
    code = "survivor_deactivated"
    title = "The profile to merge into is deactivated."


class MergeOpen(ServiceError):
    status = 409
    code = "merge_open"
    title = "A merge of this profile waits for its decision."


class MergeDecided(ServiceError):
    status = 409
    code = "merge_decided"
    title = "This merge does not wait for a decision."


class MergeNotInForce(ServiceError):
    status = 409
    code = "merge_not_in_force"
    title = "This merge does not stand."


class UndoOpen(ServiceError):
    status = 409
    code = "merge_undo_open"
    title = "Undoing this merge waits for its decision."


class UndoNotProposed(ServiceError):
    status = 409
    code = "merge_undo_not_proposed"
    title = "Nobody has proposed to undo this merge."


OBSTACLES: dict[str, type[ServiceError]] = {
    "country": CountriesDiffer,
    "type": TypesDiffer,
    "headquarters": HeadquartersDiffer,
    "protection": ProtectionDiffers,
    "deactivated": SurvivorDeactivated,
    "disputed": EditsFrozen,
    "government": GovernmentEntity,
}
"""What the database function `merge_obstacle` names. Besides: merged, by PartnerMerged."""

__all__ = [
    "OBSTACLES",
    "CountriesDiffer",
    "EditsFrozen",
    "HeadquartersDiffer",
    "MergeDecided",
    "MergeNotFound",
    "MergeNotInForce",
    "MergeOpen",
    "ProtectionDiffers",
    "SameProfile",
    "SecondPersonRequired",
    "SurvivorDeactivated",
    "SurvivorUnknown",
    "TypesDiffer",
    "UndoNotProposed",
    "UndoOpen",
]
