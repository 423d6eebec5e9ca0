"""Fraud cases for tests."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.cases.support import version
from tests.support import Api

URL = "/v1/fraud-cases"
PURPOSE = {"Access-Purpose": 'INVESTIGATION; ref="OIG-2026-17"'}


def body(partner: str, **more: Any) -> dict[str, Any]:
    """A valid new case with a number of its own."""
    found: dict[str, Any] = {
        "partner_id": partner,
        "reference": f"OIAI/{secrets.token_hex(5)}",
        "case_type": "fraud",
        "stage": "under_investigation",
        "loss_usd": "100.00",
    }
    return found | more


def share_body(agency: str = "WFP", **more: Any) -> dict[str, Any]:
    """A valid share."""
    until = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    return {"shared_with": agency, "purpose": "INVESTIGATION", "valid_until": until} | more


class Fraud:
    """A case of an agency and the persons who act on it."""

    def __init__(self, api_for: ApiFor, agency: str, opened: dict[str, Any]) -> None:
        self._api_for, self.agency, self.opened = api_for, agency, opened
        self.url = f"{URL}/{opened['id']}"

    @classmethod
    async def open(
        cls, api_for: ApiFor, agency: str = "UNICEF", partner: str | None = None, **more: Any
    ) -> Fraud:
        api = await api_for(agency)
        partner = partner or (await make_partner(await api_for("UNICEF")))["id"]
        return cls(api_for, agency, await api.made(URL, body(partner, **more)))

    async def first(self) -> Api:
        return await self._api_for(self.agency)

    async def second(self) -> Api:
        return await self._api_for(f"{self.agency}_REVIEWER")

    async def read(self) -> Any:
        return await (await self.first()).read(self.url)

    async def proposed(self, kind: str, amount: str | None = None) -> dict[str, Any]:
        act = {"kind": kind, "reference": "MEMO/1"} | ({"amount_usd": amount} if amount else {})
        return await (await self.first()).made(f"{self.url}/acts", act)

    async def decided(self, act: dict[str, Any], decision: str = "approve") -> httpx.Response:
        url = f"{self.url}/acts/{act['id']}/decision"
        api = await self.second()
        return await api.post(url, json={"decision": decision}, headers=version(1))

    async def substantiated(self) -> Any:
        done = await self.decided(await self.proposed("substantiate"))
        assert done.status_code == 200, done.text
        return await self.read()

    async def stage(self, stage: str) -> httpx.Response:
        return await (await self.first()).post(f"{self.url}/stage", json={"stage": stage})

    async def recovered(self, amount: str, **more: Any) -> httpx.Response:
        sent = {"amount_usd": amount, "booked_on": "2026-11-03", "reference": "RV/1"} | more
        return await (await self.first()).post(f"{self.url}/recoveries", json=sent)

    async def published(self) -> Any:
        now = await self.read()
        api = await self.first()
        done = await api.post(f"{self.url}/publication", headers=version(now["version"]))
        assert done.status_code == 200, done.text
        return done.json()
