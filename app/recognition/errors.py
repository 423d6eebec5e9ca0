"""Errors of policies and clearances."""

from __future__ import annotations

from app.core.errors import NotFound


class ClearanceNotFound(NotFound):
    code = "clearance_not_found"
    title = "There is no such clearance."
    refusal = True
