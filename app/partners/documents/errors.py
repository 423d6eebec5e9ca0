"""Errors of partners' documents."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class DocumentNotFound(NotFound):
    code = "document_not_found"
    title = "There is no such document."
    refusal = True


class DocumentUploaded(Conflict):
    code = "document_uploaded"
    title = "The document has its file; a new file is a new document that supersedes it."


class SupersededUnknown(ServiceError):
    status = 422
    code = "superseded_unknown"
    title = "The document to supersede must be an uploaded one of your agency, of this partner."


class PeriodInvalid(ServiceError):
    status = 422
    code = "period_invalid"
    title = "A document does not expire before it is issued."
