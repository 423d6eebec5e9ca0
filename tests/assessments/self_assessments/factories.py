"""PSEA self-assessments for tests."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support import Api

SELF, AGENCY = "/v1/self/psea-self-assessments", "/v1/psea-self-assessments"
WORDS = "Canary: the policy hangs in every office"


def answers(met: int = 8, comment: str = WORDS) -> list[dict[str, Any]]:
    """Eight answers, of which the first ``met`` are met."""
    said: list[dict[str, Any]] = [
        {"number": number, "result": "met" if number <= met else "not_met"}
        for number in range(1, 9)
    ]
    said[0] |= {"comment": comment, "evidence": ["psea_policy", "code_of_conduct"]}
    return said


def self_body(**more: Any) -> dict[str, Any]:
    """A valid new one, addressed to UNICEF."""
    return {"agency": "UNICEF", "standards": answers()} | more


async def start(own: Api, **more: Any) -> dict[str, Any]:
    """A draft."""
    return await own.made(SELF, self_body(**more))


async def patch(own: Api, one: dict[str, Any], **fields: Any) -> httpx.Response:
    """The answer to a change of it."""
    headers = {"If-Match": f'"v{one["version"]}"'}
    return await own.patch(f"{SELF}/{one['id']}", json=fields, headers=headers)


async def hand_in(own: Api, **more: Any) -> dict[str, Any]:
    """One that is before its agency."""
    answer = await patch(own, await start(own, **more), status="submitted")
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def decide(api: Api, one: dict[str, Any], **decision: Any) -> httpx.Response:
    """The answer to a decision on it."""
    headers = {"If-Match": f'"v{one["version"]}"'}
    return await api.post(f"{AGENCY}/{one['id']}/decision", json=decision, headers=headers)
