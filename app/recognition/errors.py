"""Errors of policies and clearances."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class ClearanceNotFound(NotFound):
    code = "clearance_not_found"
    title = "There is no such clearance."
    refusal = True


class InquiryQuota(ServiceError):
    status = 429
    code = "clearance_quota"
    title = "Too many different clearances of one partner; ask again the day after tomorrow."
    refusal = True
