"""Errors of the sections of a profile."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class RegistrationReasonNotFound(NotFound):
    code = "registration_reason_not_found"
    title = "There is no text on why this partner is not registered."
    refusal = True


class PartnerKeepsItself(ServiceError):
    """The partner has taken over its profile: agencies correct through it, not past it."""

    status = 409
    code = "owned_by_partner"
    title = "The partner keeps these fields itself; file a correction request."


class EditsFrozen(ServiceError):
    """A restraint that freezes edits is in force, such as a dispute over who acts for it."""

    status = 409
    code = "control_disputed"
    title = "The profile cannot be changed while it is disputed who acts for the partner."


class PurposeNeeded(ServiceError):
    status = 422
    code = "purpose_required"
    title = 'Send Access-Purpose: CODE; ref="your reference" to read this.'
    refusal = True
