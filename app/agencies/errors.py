"""Errors of agencies."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class AgencyNotFound(NotFound):
    code = "agency_not_found"
    title = "There is no such agency."


class AgencyUnknown(ServiceError):
    """A body names an agency that does not take part."""

    status = 422
    code = "agency_unknown"
    title = "The agency does not take part in the registry."


class PatchEmpty(ServiceError):
    status = 422
    code = "patch_empty"
    title = "The patch changes nothing."
