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
