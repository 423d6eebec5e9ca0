"""People for tests."""

from __future__ import annotations

from typing import Any

from tests.support import Api, unique

PURPOSE = {"Access-Purpose": 'CONTRACTING; ref="WFP-KE-2026-17"'}


def person_body(**more: Any) -> dict[str, Any]:
    """A valid entry with a name of its own."""
    body: dict[str, Any] = {
        "full_name": unique("Wanjiru Kamau"),
        "job_title": "Executive director",
        "phone": "+254 700 000000",
        "email": "director@amani.example",
        "role": "head",
        "authorised": True,
    }
    return body | more


async def add_person(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    """A stored entry."""
    return await api.made(f"/v1/partners/{partner}/people", person_body(**more))


def request_body(**more: Any) -> dict[str, Any]:
    """A valid request."""
    body = {"kind": "access", "received_on": "2026-03-01", "text": "Canary: what do you keep?"}
    return body | more


async def file_request(api: Api, partner: str, person: str, **more: Any) -> dict[str, Any]:
    """A stored request."""
    url = f"/v1/partners/{partner}/people/{person}/requests"
    return await api.made(url, request_body(**more))
