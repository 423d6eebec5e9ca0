"""Errors of the log."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class AuditEventNotFound(NotFound):
    code = "audit_event_not_found"
    title = "There is no such event."
    refusal = True


class CheckpointNotPublished(NotFound):
    code = "checkpoint_not_published"
    title = "The log has no checkpoint yet."


class LeafNotFound(NotFound):
    """No leaf of the tree asked for has this hash; a new event has its leaf within seconds."""

    code = "leaf_not_found"
    title = "The tree holds no such leaf."


class TreeSizeInvalid(ServiceError):
    """Sizes go up to that of the newest checkpoint, and ``from`` is not above ``to``."""

    status = 422
    code = "tree_size_invalid"
    title = "There is no tree of this size."


class PurposeRequired(ServiceError):
    """A confidential text is read for a stated purpose only."""

    status = 422
    code = "purpose_required"
    title = 'Send Access-Purpose: CODE; ref="your reference" to read this.'
    refusal = True


class PurposeNotShared(ServiceError):
    status = 422
    code = "purpose_not_shared"
    title = "The record is shared with your agency for another purpose."
    refusal = True
