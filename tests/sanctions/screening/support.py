"""What tests of screening share."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.sanctions.lists.support import party
from tests.support import Api

URL = "/v1/screenings"
ALL, OWN = "zz_all", "zz_own"
LISTED = "Thistledown Marigold Exchange"
LANTERNS = "Marmalade Lantern Works"
ENDS = ("", "Ltd", "Inc", "Cooperative", "Company", "Group", "International", "Foundation")
"""What lanterns end with: the first four take nothing from a score, the others do."""
PEOPLE = (
    party("1", LISTED, "TME Exchange Bureau"),
    party("2", "Ozymandias Featherstonehaugh Quill", kind="person"),
    *(party(f"3{n}", f"{LANTERNS} {end}".strip()) for n, end in enumerate(ENDS)),
)
NOBODY = "Quixotry Beekeepers of Zwyndale"


def subject(name: str = LISTED, kind: str = "organisation", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "names": [name], **more}


async def screened(api: Api, name: str = LISTED, **more: Any) -> dict[str, Any]:
    """An answer; ``kind`` is the subject's."""
    kind = more.pop("kind", "organisation")
    return await api.made(URL, {"subject": subject(name, kind)} | more)


async def refused(api: Api, body: dict[str, Any], **headers: str) -> tuple[int, str]:
    answer = await api.post(URL, json=body, headers=headers)
    return answer.status_code, answer.json()["code"]


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    """The documents of a stream."""
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.content.splitlines()]


async def stream(api: Api, url: str, *documents: Any) -> list[dict[str, Any]]:
    """Documents sent a line each; what came back."""
    content = b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in documents
    )
    headers = {"Content-Type": "application/x-ndjson"}
    return lines(await api.post(url, content=content, headers=headers))
