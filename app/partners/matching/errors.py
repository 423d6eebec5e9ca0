"""Errors of matching."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class PairNotFound(NotFound):
    code = "possible_duplicate_not_found"
    title = "There is no such pair."


class PairDecided(ServiceError):
    status = 409
    code = "possible_duplicate_decided"
    title = "The pair is decided."
