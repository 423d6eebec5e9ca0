"""Errors of assessments' documents; the rest is as of partners' documents."""

from __future__ import annotations

from app.core.errors import Conflict, ServiceError
from app.partners.documents.errors import DocumentNotFound, DocumentUploaded

__all__ = ["DocumentNotFound", "DocumentUploaded", "EvidenceKept", "StandardUnfit"]


class StandardUnfit(ServiceError):
    status = 422
    code = "standard_unfit"
    title = "The kind of document is no evidence for this standard, or the type has no standards."


class EvidenceKept(Conflict):
    code = "evidence_kept"
    title = "The finding was closed with this document; it stays."
