"""What tests of merges share."""

from __future__ import annotations

from typing import Any

import httpx

from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api

REASON = "Same registration certificate."


def of(version: int) -> dict[str, str]:
    """If-Match with this version."""
    return {"If-Match": f'"v{version}"'}


async def pair(api: Api, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two profiles, to be merged: loser and survivor."""
    return await make_partner(api, **more), await make_partner(api, **more)


async def proposed(api: Api, loser: dict[str, Any], survivor: dict[str, Any]) -> dict[str, Any]:
    """A merge that waits for its decision."""
    now = (await api.read(f"/v1/partners/{loser['id']}"))["version"]
    body = {"into": survivor["id"], "reason": REASON}
    return await api.made(f"/v1/partners/{loser['id']}/merge", body, headers=of(now))


async def decided(
    api: Api, merge: dict[str, Any], decision: str = "approve", step: str = "decision"
) -> httpx.Response:
    """The answer to a decision."""
    return await api.post(
        f"/v1/partner-merges/{merge['id']}/{step}",
        json={"decision": decision, "reason": "Compared with the original."},
        headers=of(merge["version"]),
    )


async def merged(
    api_for: ApiFor, loser: dict[str, Any], survivor: dict[str, Any]
) -> dict[str, Any]:
    """A merge that stands: proposed by UNICEF, approved by WFP."""
    merge = await proposed(await api_for("UNICEF"), loser, survivor)
    answer = await decided(await api_for("WFP"), merge)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def unmerged(api_for: ApiFor, merge: dict[str, Any]) -> dict[str, Any]:
    """Undone again: proposed by UNICEF, approved by WFP."""
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    url = f"/v1/partner-merges/{merge['id']}/undo"
    asked = await unicef.post(url, json={"reason": "Two certificates."})
    assert asked.status_code == 200, asked.text
    answer = await decided(wfp, asked.json(), step="undo/approval")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result
