"""Errors of measures."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class EntryNotFound(NotFound):
    code = "entry_not_found"
    title = "There is no such entry."
    refusal = True


class MeasureNeedsPeriod(ServiceError):
    status = 422
    code = "measure_period"
    title = "The measure needs an end date, or takes none."


class MeasureTermsInvalid(ServiceError):
    """Effects, level or dates that this kind of measure cannot have; the detail says which."""

    status = 422
    code = "measure_terms"
    title = "The measure cannot have these terms."


class DuplicateUnknown(ServiceError):
    """What is named as the measure that stands is none of the same agency on the same party."""

    status = 422
    code = "duplicate_unknown"
    title = "The measure that is named as standing is none of the own agency's on the same party."


class NamedEntryUnknown(ServiceError):
    """The measure that is named as superseded or as that of an affiliate is no own running one."""

    status = 422
    code = "named_entry_unknown"
    title = "The other measure that is named is no running one of the own agency."


class EntryOverlaps(ServiceError):
    """The agency already has a blocking measure on this partner in that period."""

    status = 409
    code = "entry_overlaps"
    title = "A blocking measure of this agency on this partner already covers part of the period."


class EntryEnded(ServiceError):
    status = 409
    code = "entry_ended"
    title = "The measure has already ended."


class EntryActPending(ServiceError):
    status = 409
    code = "entry_act_pending"
    title = "A release or an annulment of this measure waits for its decision."


class EntryActNotFound(NotFound):
    code = "entry_act_not_found"
    title = "There is no such release or annulment."
    refusal = True


class EntryActDecided(ServiceError):
    status = 409
    code = "entry_act_decided"
    title = "It was already decided."


class EntrySecondPerson(ServiceError):
    status = 409
    code = "entry_second_person"
    title = "Another person than the one who asked for it has to decide."


class ConditionsNotMet(ServiceError):
    """A condition is open or was breached, or the earliest day of the release has not come."""

    status = 409
    code = "conditions_not_met"
    title = "The conditions of the release are not met yet."


class ReleaseInCase(ServiceError):
    """One way out: evidence, its check and the decision by three persons, in the case."""

    status = 409
    code = "release_in_case"
    title = "The release of this measure is decided in its case."


class ConditionNotFound(NotFound):
    code = "condition_not_found"
    title = "There is no such condition."
    refusal = True


class ConditionSettled(ServiceError):
    status = 409
    code = "condition_settled"
    title = "The condition was already met or waived."


class OwnMeasure(ServiceError):
    """Whoever answers for a measure does not recognise it."""

    status = 422
    code = "own_measure"
    title = "An agency recognises measures of others, not its own."


class EntryTextNotFound(NotFound):
    code = "entry_text_not_found"
    title = "There is no such text of the own agency beside this entry."
    refusal = True
