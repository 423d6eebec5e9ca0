"""Errors of declarations."""

from __future__ import annotations

from uuid import UUID

from app.core.errors import NotFound, ServiceError


class DeclarationNotFound(NotFound):
    code = "declaration_not_found"
    title = "There is no such declaration."
    refusal = True


class DeclarationInherited(ServiceError):
    """A country profile stands under its headquarters' declaration."""

    status = 409
    code = "declaration_inherited"
    title = "The headquarters signs for its country profiles."

    def __init__(self, hq_id: UUID | None = None) -> None:
        super().__init__(extra={"hq_id": str(hq_id)} if hq_id else None)


class FormOutdated(ServiceError):
    status = 422
    code = "form_outdated"
    title = "Declarations are signed on the form in force: codelists/declaration_statements."


class AnswersUnfit(ServiceError):
    status = 422
    code = "answers_unfit"
    title = "A declaration answers each statement that is asked of this type of partner, once."
