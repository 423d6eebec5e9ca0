"""Errors of the sections of a profile."""

from __future__ import annotations

from app.core.errors import NotFound


class RegistrationReasonNotFound(NotFound):
    code = "registration_reason_not_found"
    title = "There is no text on why this partner is not registered."
    refusal = True
