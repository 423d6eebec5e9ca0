"""Errors of screening."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class ListUnknown(ServiceError):
    """There is no such list, or it does not count for the caller: the two look the same."""

    status = 422
    code = "list_unknown"
    title = "A list that you name does not exist, or does not count for your agency."


class ScreeningNotFound(NotFound):
    code = "screening_not_found"
    title = "There is no such screening."
    refusal = True


class SubjectErased(ServiceError):
    status = 410
    code = "subject_erased"
    title = "The subject of this screening was erased; it cannot be run again."


class ListVersionGone(ServiceError):
    status = 409
    code = "list_version_gone"
    title = "The lists as they were for this screening can no longer be had."


class AlgorithmGone(ServiceError):
    status = 409
    code = "algorithm_gone"
    title = "This screening was made by an algorithm that is no longer in use."


class NotScreened(ServiceError):
    """Of a line in a stream: comparing it failed, and it says nothing about the lists."""

    status = 500
    code = "not_screened"
    title = "This line could not be compared; it was not screened."


class DatasetNotFound(NotFound):
    code = "dataset_not_found"
    title = "There is no such dataset."


class MatchUnfit(ServiceError):
    """A query that cannot be answered as it is meant: an answer without it would look clear."""

    status = 400
    code = "match_unfit"
    title = "This cannot be matched here."


class ListStale(ServiceError):
    """Nobody was found, on a list too old to say so; the form of the answer has no word for it."""

    status = 503
    code = "list_stale"
    title = "A required list is missing or too old: nobody can be said not to be on it."


class RerunUnfit(ServiceError):
    status = 409
    code = "rerun_unfit"
    title = "This screening left entities out as its caller wished; it is not run again by itself."
