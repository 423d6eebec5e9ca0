"""Errors of observations and flags."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class FlagNotFound(NotFound):
    """Absent, not readable, or (for a step) not the own agency's."""

    code = "flag_not_found"
    title = "There is no such flag."
    refusal = True


class FlagStateUnfit(Conflict):
    code = "flag_state"
    title = "The flag is not in a state in which this step can be taken."


class AlreadyEscalated(Conflict):
    code = "flag_escalated_once"
    title = "The flag has been escalated before; that is done once only."


class AlreadyRenewed(Conflict):
    code = "flag_renewed_once"
    title = "The red flag has been renewed before; it ends, or a case takes its place."


class OfficeRequired(ServiceError):
    """Neither of the author's office nor of the headquarters unit."""

    status = 403
    code = "office_required"
    title = "Only the author's office or the headquarters unit of the agency may take this step."
    refusal = True


class ReviewDateInvalid(ServiceError):
    status = 422
    code = "review_date_invalid"
    title = "The review date must lie in the future, and not too far."
