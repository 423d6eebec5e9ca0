"""Errors of pending statements."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound


class PendingNotFound(NotFound):
    code = "pending_statement_not_found"
    title = "There is no such pending statement."


class PendingDecided(Conflict):
    code = "pending_statement_decided"
    title = "Your agency has decided about this statement already."
