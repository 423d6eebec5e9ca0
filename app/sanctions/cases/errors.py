"""Errors of cases."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class CaseNotFound(NotFound):
    code = "case_not_found"
    title = "There is no such case."
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
