"""Errors of the list of events."""

from __future__ import annotations

from app.core.errors import ServiceError


class EventsPruned(ServiceError):
    """What the cursor stands before was deleted for age. ``cursor`` is where to go on."""

    status = 410
    code = "events_pruned"
    title = (
        "Events behind this cursor were deleted for age; read the records anew and go on with "
        "`cursor`."
    )


class EventCursorAhead(ServiceError):
    """As after a restore of the registry to an earlier time."""

    status = 409
    code = "event_cursor_ahead"
    title = "The cursor is ahead of the last event; start again without one."
