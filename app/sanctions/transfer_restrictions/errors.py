"""Errors of transfer restrictions."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class RestrictionNotFound(NotFound):
    """Absent, not readable, or (for a step) not the own agency's."""

    code = "transfer_restriction_not_found"
    title = "There is no such restriction."
    refusal = True


class NotAPublicAuthority(ServiceError):
    """Other partners are sanctioned by a case, with due process."""

    status = 422
    code = "not_a_public_authority"
    title = "A transfer restriction names a government or UN entity, or a body handled like one."


class RestrictionOverlaps(Conflict):
    code = "transfer_restriction_overlaps"
    title = "Your agency has a restriction on this partner in that country and period."


class RestrictionPeriodInvalid(ServiceError):
    status = 422
    code = "transfer_restriction_period"
    title = "The period ends after it begins, and not in the past."


class RestrictionReviewInvalid(ServiceError):
    status = 422
    code = "transfer_restriction_review"
    title = "The review lies in the future, and at most six months ahead."


class RestrictionNotProposed(Conflict):
    code = "transfer_restriction_not_proposed"
    title = "The restriction does not wait for a second person."


class RestrictionOver(Conflict):
    """It ended, was lifted, refused or withdrawn; or (for a review) is not in force yet."""

    code = "transfer_restriction_over"
    title = "The restriction is not in force."
