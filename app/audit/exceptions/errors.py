"""Errors of redactions, legal holds and withholdings."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class RoleRequired(ServiceError):
    """The person has none of the roles that may take this step."""

    status = 403
    code = "role_required"
    title = "Only a person with another role may take this step."
    refusal = True


class SecondPersonRequired(ServiceError):
    """Four eyes: the person who began cannot also decide."""

    status = 409
    code = "same_person"
    title = "Another person must take this step."
    refusal = True


class RecordNotFound(NotFound):
    """Absent, or not the own agency's."""

    code = "record_not_found"
    title = "There is no such record of your agency."
    refusal = True


class RedactionNotFound(NotFound):
    code = "redaction_not_found"
    title = "There is no such redaction."
    refusal = True


class HoldNotFound(NotFound):
    code = "legal_hold_not_found"
    title = "There is no such legal hold."
    refusal = True


class WithholdingNotFound(NotFound):
    code = "withholding_not_found"
    title = "There is no such withholding."
    refusal = True


class ContentRedacted(ServiceError):
    """Told only to those who could read the content before it was redacted."""

    status = 410
    code = "content_redacted"
    title = "The content has been redacted."
    refusal = True


class RedactionExists(Conflict):
    code = "redaction_exists"
    title = "The content is redacted already."


class RedactionDecided(Conflict):
    code = "redaction_decided"
    title = "The redaction has been decided."


class UnderLegalHold(Conflict):
    """Content under a legal hold is hidden, but not destroyed or changed."""

    code = "legal_hold"
    title = "The record is under a legal hold; it can be destroyed when that is released."


class HoldReleased(Conflict):
    code = "legal_hold_released"
    title = "The legal hold has been released."


class WithholdingEnded(Conflict):
    code = "withholding_ended"
    title = "The withholding has ended; set a new one."


class PeriodInvalid(ServiceError):
    status = 422
    code = "period_invalid"
    title = "The date must lie in the future, and not too far."
