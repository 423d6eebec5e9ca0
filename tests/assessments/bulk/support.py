"""Lines of assessments, and what becomes of them."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx

from tests.assessments.factories import assessment_body
from tests.support import Api

URL = "/v1/assessments/bulk"
NDJSON = {"Content-Type": "application/x-ndjson"}


def line(partner_id: str | None, /, **more: Any) -> dict[str, Any]:
    """A line that can be filed, with an id of its own."""
    body = assessment_body(partner_id or "") | {"id": f"K-{secrets.token_hex(6)}"}
    if partner_id is None:
        del body["partner_id"]
    return body | more


async def send(api: Api, *lines: Any, **query: Any) -> httpx.Response:
    """Lines, each a document or raw text."""
    body = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)
    return await api.post(URL, content=body, headers=NDJSON, params=query)


async def load(api: Api, *lines: Any, **query: Any) -> list[dict[str, Any]]:
    """The results of a stream that is taken."""
    answer = await send(api, *lines, **query)
    assert answer.status_code == 200, answer.text
    return [json.loads(one) for one in answer.text.splitlines()]
