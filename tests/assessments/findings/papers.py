"""Documents of findings for tests."""

from __future__ import annotations

from typing import Any

import httpx

from tests.partners.documents.factories import PDF
from tests.support import Api


def document_body(**more: Any) -> dict[str, Any]:
    """A valid new document."""
    body: dict[str, Any] = {
        "kind": "correspondence",
        "title": "Canary receipt of the refund",
        "media_type": "application/pdf",
    }
    return body | more


def url_of(finding: str, document: str | None = None) -> str:
    """Where the documents of a finding are, or the file of one."""
    url = f"/v1/findings/{finding}/documents"
    return url if document is None else f"{url}/{document}/content"


async def announce(api: Api, finding: str, **more: Any) -> dict[str, Any]:
    """One without its file."""
    return await api.made(url_of(finding), document_body(**more))


async def send(api: Api, document: dict[str, Any], content: bytes = PDF) -> httpx.Response:
    """The answer to the upload of a file."""
    headers = {
        "Content-Type": "application/octet-stream",
        "If-Match": f'"v{document["version"]}"',
    }
    url = url_of(document["finding_id"], document["id"])
    return await api.put(url, content=content, headers=headers)


async def upload(api: Api, finding: str, content: bytes = PDF, **more: Any) -> dict[str, Any]:
    """A document with its file."""
    answer = await send(api, await announce(api, finding, **more), content)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made
