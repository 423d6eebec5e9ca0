"""Errors of SEA restriction markers."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class SeaRestrictionNotFound(NotFound):
    """Absent, not readable, or (for a step) not the own agency's."""

    code = "sea_restriction_not_found"
    title = "There is no such restriction."
    refusal = True


class SeaRestrictionExists(Conflict):
    code = "sea_restriction_exists"
    title = "Your agency has a restriction in force on this partner; review that one."


class SeaRestrictionLifted(Conflict):
    code = "sea_restriction_lifted"
    title = "The restriction was lifted."


class ReviewInvalid(ServiceError):
    status = 422
    code = "sea_restriction_review"
    title = "The review lies in the future, and at most six months ahead."
