"""Errors of the history of profiles."""

from __future__ import annotations

from app.core.errors import NotFound


class NotKnownThen(NotFound):
    code = "not_known_then"
    title = "The registry had nothing of this profile for that time."
