"""Errors of decisions and waivers."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class AlreadyDecided(ServiceError):
    status = 409
    code = "clearance_decided"
    title = "This clearance was decided on already."


class NotDecided(NotFound):
    code = "clearance_not_decided"
    title = "No decision on this clearance was recorded."


class ClearanceExpired(ServiceError):
    status = 409
    code = "clearance_expired"
    title = "This clearance has expired; ask anew before you sign."


class SecurityCouncilNotWaived(ServiceError):
    """A confirmed match with the Security Council's list: nobody signs past it."""

    status = 409
    code = "security_council_not_waived"
    title = "The check against the Security Council's list is never waived."


class WaiverNotAllowed(ServiceError):
    """Only in an emergency, where the policy lets sign with conditions, for what is missing."""

    status = 422
    code = "waiver_not_allowed"
    title = "The policy allows no such waiver for this clearance."


class WaiverNotFound(NotFound):
    code = "waiver_not_found"
    title = "There is no such waiver."
    refusal = True


class WaiverCompleted(ServiceError):
    status = 409
    code = "waiver_completed"
    title = "This waiver was completed already."


class RequirementNotMet(ServiceError):
    status = 422
    code = "requirement_not_met"
    title = "That clearance does not show the requirement as met for this partner."
