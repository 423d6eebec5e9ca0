"""Documents for tests."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx

from tests.support import Api

PDF = b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def document_body(**more: Any) -> dict[str, Any]:
    """A valid new document."""
    body: dict[str, Any] = {
        "kind": "evidence",
        "title": "Minutes of the general assembly",
        "media_type": "application/pdf",
        "language": "en",
        "issued_on": "2025-11-02",
    }
    return body | more


async def announce(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    """A draft."""
    return await api.made(f"/v1/partners/{partner}/documents", document_body(**more))


async def send(
    api: Api, document: dict[str, Any], content: bytes = PDF, **headers: str
) -> httpx.Response:
    """The answer to the upload of a file."""
    sent = {"Content-Type": "application/octet-stream", "If-Match": f'"v{document["version"]}"'}
    return await api.put(
        f"/v1/partners/{document['partner_id']}/documents/{document['id']}/content",
        content=content,
        headers=sent | {name.replace("_", "-"): value for name, value in headers.items()},
    )


async def upload(api: Api, partner: str, content: bytes = PDF, **more: Any) -> dict[str, Any]:
    """A document with its file."""
    answer = await send(api, await announce(api, partner, **more), content)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def office(kind: str = "word", more: dict[str, bytes] | None = None) -> bytes:
    """A small Word or Excel file of the new formats."""
    main = {"word": "word/document.xml", "xl": "xl/workbook.xml"}[kind]
    parts = {"[Content_Types].xml": b"<Types/>", main: b"<x/>"} | (more or {})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()
