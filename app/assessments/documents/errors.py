"""Errors of assessments' documents; the rest is as of partners' documents."""

from __future__ import annotations

from app.core.errors import ServiceError
from app.partners.documents.errors import (
    ContentInfected,
    ContentNotAccepted,
    DocumentNotFound,
    DocumentNotScanned,
    DocumentQuarantined,
    DocumentUploaded,
)

__all__ = [
    "ContentInfected",
    "ContentNotAccepted",
    "DocumentNotFound",
    "DocumentNotScanned",
    "DocumentQuarantined",
    "DocumentUploaded",
    "StandardUnfit",
]


class StandardUnfit(ServiceError):
    status = 422
    code = "standard_unfit"
    title = "The kind of document is no evidence for this standard, or the type has no standards."
