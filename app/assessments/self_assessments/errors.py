"""Errors of PSEA self-assessments."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class SelfAssessmentNotFound(NotFound):
    """Absent, another's, or not handed in yet."""

    code = "self_assessment_not_found"
    title = "There is no such self-assessment."
    refusal = True


class SelfAssessmentOpen(Conflict):
    code = "self_assessment_open"
    title = "The partner has a self-assessment to this agency that is not over."


class SelfAssessmentStep(Conflict):
    code = "self_assessment_step"
    title = "The self-assessment is not in a state in which this can be done."


class AnswersInvalid(ServiceError):
    """``errors`` says where."""

    status = 422
    code = "answers_invalid"
    title = "The answers are incomplete or do not fit the methodology."


class ReasonMissing(ServiceError):
    status = 422
    code = "reason_missing"
    title = "Whoever sends a self-assessment back says why in `reason`."
