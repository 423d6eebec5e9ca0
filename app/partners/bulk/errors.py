"""Errors of bulk loads. Those of one line are codes in its result (`schemas.LineError`)."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound


class LoadNotFound(NotFound):
    code = "load_not_found"
    title = "There is no such load."


class LoadUndone(Conflict):
    code = "load_undone"
    title = "The load was undone; start another one."
