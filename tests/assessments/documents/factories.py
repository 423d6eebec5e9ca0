"""Documents of assessments for tests."""

from __future__ import annotations

from typing import Any

import httpx

from tests.partners.documents.factories import PDF
from tests.support import Api

V1 = {"If-Match": '"v1"'}


def document_body(**more: Any) -> dict[str, Any]:
    """A valid new document."""
    body: dict[str, Any] = {
        "kind": "report",
        "title": "Canary report of the visit",
        "media_type": "application/pdf",
    }
    return body | more


def url_of(assessment: str, document: str | None = None) -> str:
    """Where the documents of an assessment are, or the file of one."""
    url = f"/v1/assessments/{assessment}/documents"
    return url if document is None else f"{url}/{document}/content"


async def announce(api: Api, assessment: str, **more: Any) -> dict[str, Any]:
    """One without its file."""
    return await api.made(url_of(assessment), document_body(**more))


async def send(api: Api, document: dict[str, Any], content: bytes = PDF) -> httpx.Response:
    """The answer to the upload of a file."""
    headers = {
        "Content-Type": "application/octet-stream",
        "If-Match": f'"v{document["version"]}"',
    }
    url = url_of(document["assessment_id"], document["id"])
    return await api.put(url, content=content, headers=headers)


async def upload(api: Api, assessment: str, content: bytes = PDF, **more: Any) -> dict[str, Any]:
    """A document with its file."""
    answer = await send(api, await announce(api, assessment, **more), content)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def move(api: Api, assessment: str, status: str, version: int = 1, **more: Any) -> None:
    """Let an assessment go on."""
    answer = await api.patch(
        f"/v1/assessments/{assessment}",
        json={"status": status, **more},
        headers={"If-Match": f'"v{version}"'},
    )
    assert answer.status_code == 200, answer.text
