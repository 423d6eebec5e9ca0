"""Errors of cases, entries, lists and screening."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class CaseNotFound(NotFound):
    code = "case_not_found"
    title = "There is no such case."
    refusal = True


class EntryNotFound(NotFound):
    code = "entry_not_found"
    title = "There is no such entry."
    refusal = True


class PartnerUnknown(ServiceError):
    status = 422
    code = "partner_unknown"
    title = "There is no such partner."


class StepOutOfOrder(ServiceError):
    """Due process: the case is not at the point this step needs."""

    status = 409
    code = "step_out_of_order"
    title = "The case is not at the point this step needs."


class ReplyPeriodOpen(ServiceError):
    status = 409
    code = "reply_period_open"
    title = "The partner may still reply; record a reply, a waiver, or wait for the period to end."


class SamePerson(ServiceError):
    """Four eyes: investigator, reviewer and decider are three persons."""

    status = 409
    code = "same_person"
    title = "Another person must take this step."
    refusal = True


class DateNotPossible(ServiceError):
    status = 422
    code = "date_not_possible"
    title = "The date lies in the future or before the step it follows."


class MeasureNeedsPeriod(ServiceError):
    status = 422
    code = "measure_period"
    title = "The measure needs an end date, or takes none."


class EntryOverlaps(ServiceError):
    """The agency already has a blocking measure on this partner in that period."""

    status = 409
    code = "entry_overlaps"
    title = "A blocking measure of this agency on this partner already covers part of the period."


class EntryEnded(ServiceError):
    status = 409
    code = "entry_ended"
    title = "The measure has already ended."


class StreamNotFound(NotFound):
    code = "stream_not_found"
    title = "There is no such stream."


class FileNotFound(NotFound):
    code = "file_not_found"
    title = "There is no such file."


class KeysNotPublished(NotFound):
    code = "keys_not_published"
    title = "The operator has not published a signed keys document yet."


class FullSyncRequired(ServiceError):
    status = 410
    code = "full_sync_required"
    title = "The changes you miss are no longer kept one by one; take the full set."


class CursorAhead(ServiceError):
    status = 409
    code = "cursor_ahead"
    title = "The cursor is ahead of the stream; do not trust your copy, take the full set."
