"""Errors of questions to owners."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class QuestionNotFound(NotFound):
    code = "clearance_question_not_found"
    title = "There is no such question."
    refusal = True


class NotInAnswer(ServiceError):
    """Only another agency's statement that the answer itself shows is asked about."""

    status = 422
    code = "statement_not_in_answer"
    title = "The clearance shows no such statement of another agency."


class QuestionClosed(ServiceError):
    status = 409
    code = "clearance_question_closed"
    title = "This question was answered or withdrawn already."
