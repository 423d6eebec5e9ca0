"""Errors of people and of what they ask for."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class PersonEntryNotFound(NotFound):
    code = "person_entry_not_found"
    title = "There is no such person in this profile."
    refusal = True


class PersonErased(ServiceError):
    status = 410
    code = "person_erased"
    title = "The entry was erased at the person's request; only that it was there is kept."


class PersonEnded(Conflict):
    code = "person_ended"
    title = "The entry has ended; add the person anew."


class ReplacementUnknown(ServiceError):
    status = 422
    code = "replacement_unknown"
    title = "Who replaces the person must be another entry of the same profile that goes on."


class PeriodInvalid(ServiceError):
    status = 422
    code = "period_invalid"
    title = "An entry ends on the day it begins or later, and not in the future."


class NoticeUnknown(ServiceError):
    status = 422
    code = "notice_unknown"
    title = "There is no privacy notice of this version."


class PersonPatchInvalid(ServiceError):
    status = 422
    code = "person_patch_invalid"
    title = (
        "The patch changes nothing, empties a field that must have a value, or leaves a date of "
        "birth or a nationality without the match that needs it."
    )


class NoticeNotFound(NotFound):
    code = "notice_not_found"
    title = "There is no privacy notice of this version."


class PersonRequestNotFound(NotFound):
    code = "person_request_not_found"
    title = "There is no such request."
    refusal = True


class PersonRequestDecided(Conflict):
    code = "person_request_decided"
    title = "The request has been answered; a new one can be filed."


class ReceivedInFuture(ServiceError):
    status = 422
    code = "received_in_future"
    title = "A request is not received in the future."


class ErasureNotPartial(ServiceError):
    status = 422
    code = "erasure_not_partial"
    title = "An erasure is granted or refused; what is to go alone is a correction."


class PersonTied(Conflict):
    code = "person_tied"
    title = "A sanction, or a match that is not decided, ties the entry; it cannot be erased now."
