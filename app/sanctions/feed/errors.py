"""Errors of the feed."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class StreamNotFound(NotFound):
    code = "stream_not_found"
    title = "There is no such stream."


class FileNotFound(NotFound):
    code = "file_not_found"
    title = "There is no such file."


class KeysNotPublished(NotFound):
    code = "keys_not_published"
    title = "The operator has not published a signed keys document yet."


class FullSyncRequired(ServiceError):
    status = 410
    code = "full_sync_required"
    title = "The changes you miss are no longer kept one by one; take the full set."


class CursorAhead(ServiceError):
    status = 409
    code = "cursor_ahead"
    title = "The cursor is ahead of the stream; do not trust your copy, take the full set."


class FileWithdrawn(ServiceError):
    status = 410
    code = "file_withdrawn"
    title = "The file held what was annulled or wrong; delete every copy of it."


class KeysVersionUnknown(NotFound):
    code = "keys_version_unknown"
    title = "There is no keys document of this version."


class FeedBusy(ServiceError):
    status = 503
    code = "feed_busy"
    title = "Too many requests wait for changes; try again, or ask without waiting."
