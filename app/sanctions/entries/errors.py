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


class EntryOverlaps(ServiceError):
    """The agency already has a blocking measure on this partner in that period."""

    status = 409
    code = "entry_overlaps"
    title = "A blocking measure of this agency on this partner already covers part of the period."


class EntryEnded(ServiceError):
    status = 409
    code = "entry_ended"
    title = "The measure has already ended."


class IndividualsNotListed(ServiceError):
    status = 422
    code = "individuals_not_listed"
    title = "A measure names a partner; persons are not on the list yet."
