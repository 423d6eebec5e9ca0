"""Errors of policies and clearances."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class ClearanceNotFound(NotFound):
    code = "clearance_not_found"
    title = "There is no such clearance."
    refusal = True


class InquiryQuota(ServiceError):
    status = 429
    code = "clearance_quota"
    title = "Too many different clearances of one partner; ask again the day after tomorrow."
    refusal = True


class NotCleared(ServiceError):
    """Of a line in a stream: deciding it failed, and nothing is said about the partner."""

    status = 500
    code = "not_cleared"
    title = "This line could not be decided; nothing is said about the partner."


class ContentsErased(ServiceError):
    """Status, receipt and proof are still there."""

    status = 410
    code = "clearance_contents_erased"
    title = "The contents of this clearance were destroyed; its receipt stands."


class InputsNotStored(ServiceError):
    """The answer is of a release that stored no inputs."""

    status = 409
    code = "clearance_inputs_not_stored"
    title = "What this clearance was computed from is not stored."


class AsOfOutOfRange(ServiceError):
    """Of before nothing is stored, of later nothing is known."""

    status = 422
    code = "as_of_out_of_range"
    title = "as_of lies between the moment of the answer and now."


class ContentsHeld(ServiceError):
    status = 409
    code = "clearance_held"
    title = "The clearance or its partner is under a legal hold."


class ErasureNotFound(NotFound):
    code = "clearance_erasure_not_found"
    title = "Nobody asked for the contents of this clearance to be destroyed."
    refusal = True


class ErasureExists(Conflict):
    code = "clearance_erasure_exists"
    title = "It was asked already; a second person decides."


class ErasureDecided(Conflict):
    code = "clearance_erasure_decided"
    title = "This was decided already."
