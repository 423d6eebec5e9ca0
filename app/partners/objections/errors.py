"""Errors of objections."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class ObjectionNotFound(NotFound):
    """Absent, or (for an answer) not to a statement of the own agency."""

    code = "objection_not_found"
    title = "There is no such objection."
    refusal = True


class StatementNotFound(NotFound):
    """Absent, not visible to the caller, about another partner, or of no use to object to."""

    code = "statement_not_found"
    title = "There is no such statement about this partner."
    refusal = True


class ObjectionOpen(Conflict):
    code = "objection_open"
    title = "There is an open objection to this statement."


class ObjectionAnswered(Conflict):
    code = "objection_answered"
    title = "The objection has been answered."


class OutsideOfficeRequired(ServiceError):
    """Past its time an objection is not answered where the statement was written."""

    status = 403
    code = "outside_office_required"
    title = "The objection is overdue: a person outside the author's office answers it."
    refusal = True


class EvidenceRequired(ServiceError):
    """An agency that objects on a partner's behalf names the partner's documents."""

    status = 422
    code = "evidence_required"
    title = "An objection on a partner's behalf names at least one document."
