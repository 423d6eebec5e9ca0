"""Errors that cases and measures share."""

from __future__ import annotations

from app.core.errors import ServiceError


class DateNotPossible(ServiceError):
    status = 422
    code = "date_not_possible"
    title = "The date lies in the future or before the step it follows."
