"""Errors of files, for every feature that takes them in and serves them."""

from __future__ import annotations

from app.core.errors import Conflict, ServiceError


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
