"""Errors of the partner's own routes."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class StatementUnknown(NotFound):
    """Absent, about somebody else, or kept back by oversight."""

    code = "statement_not_found"
    title = "There is no such statement about the partner."
    refusal = True


class CommentTooLate(Conflict):
    code = "comment_period_over"
    title = "The period for comments on this statement is over."


class SchemeNotTaken(ServiceError):
    status = 422
    code = "scheme_not_taken"
    title = "This identifier is given to an agency, not entered by the partner itself."


class AlreadyDeactivated(Conflict):
    code = "partner_deactivated"
    title = "The profile is deactivated."


class DeactivationAlreadyAsked(Conflict):
    code = "deactivation_asked"
    title = "The partner has asked for it already; agencies have not decided yet."
