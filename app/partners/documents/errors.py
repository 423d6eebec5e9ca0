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


class ContentNotAccepted(ServiceError):
    """The reason is in ``reason``: a code of core/blobs/kinds.py."""

    status = 422
    code = "content_not_accepted"
    title = "The file is empty, not of the stated type, active, or an unsafe archive."

    def __init__(self, reason: str = "type_differs") -> None:
        super().__init__(extra={"reason": reason})


class ContentInfected(ServiceError):
    status = 422
    code = "content_infected"
    title = "The scanner found malware; nothing was stored."
    refusal = True


class DocumentNotScanned(Conflict):
    code = "document_not_scanned"
    title = "The file waits for its scan; try again."


class DocumentQuarantined(Conflict):
    code = "document_quarantined"
    title = "The scanner found malware in this file; it is not served."
