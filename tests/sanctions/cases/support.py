"""Steps of cases for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app.core.db import Database
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.factories import TERMS, open_case
from tests.support import Api, World

CASES = "/v1/sanctions/cases"
REASON = {"reason": "Canary: as the file shows."}
DECISION = {"measure": "DEBARMENT_FIXED", **TERMS} | REASON
NOTICE = {"sent_on": "2026-05-04", "summary": "Canary: notice of intent."}
REPLY = {"received_on": "2026-05-20", "text": "Canary: disputed."}
REVIEW = {"recommendation": "impose", "note": "Canary: agreed."}


def day(days: int = 0) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def version(number: int) -> dict[str, str]:
    return {"If-Match": f'"v{number}"'}


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json().get("code", "")


class Case:
    """A case of an agency and the persons who take its steps."""

    def __init__(self, api_for: ApiFor, agency: str, opened: dict[str, Any]) -> None:
        self._api_for, self.agency, self.opened = api_for, agency, opened
        self.url = f"{CASES}/{opened['id']}"

    @classmethod
    async def open(cls, api_for: ApiFor, agency: str = "UNDP", partner: str | None = None) -> Case:
        partner = partner or (await make_partner(await api_for("UNICEF")))["id"]
        return cls(api_for, agency, await open_case(api_for, partner, agency))

    @property
    def partner(self) -> str:
        return str(self.opened["partner_id"])

    async def investigator(self) -> Api:
        return await self._api_for(self.agency)

    async def reviewer(self) -> Api:
        return await self._api_for(f"{self.agency}_REVIEWER")

    async def decider(self) -> Api:
        return await self._api_for(f"{self.agency}_APPROVER")

    async def read(self) -> Any:
        return await (await self.investigator()).read(self.url)

    async def told(self, **more: Any) -> Any:
        return await (await self.investigator()).made(f"{self.url}/notice", NOTICE | more)

    async def replied(self, **more: Any) -> Any:
        return await (await self.investigator()).made(f"{self.url}/reply", REPLY | more)

    async def reviewed(self, **more: Any) -> Any:
        return await (await self.reviewer()).made(f"{self.url}/review", REVIEW | more)

    async def to_review(self, **more: Any) -> Any:
        """Told, replied and reviewed."""
        whom = {"respondent_id": more["respondent_id"]} if "respondent_id" in more else {}
        await self.told(**whom)
        await self.replied(**whom)
        return await self.reviewed(**more)

    async def decide(self, by: Api | None = None, **more: Any) -> httpx.Response:
        now = (await self.read())["version"]
        body = DECISION | more
        return await (by or await self.decider()).post(
            f"{self.url}/decision",
            json={name: value for name, value in body.items() if value is not None},
            headers=version(now),
        )

    async def imposed(self, **more: Any) -> Any:
        """Decided, after all steps before."""
        await self.to_review()
        answer = await self.decide(**more)
        assert answer.status_code == 201, answer.text
        return answer.json()


async def fourth(api_for: ApiFor, database: Database, world: World, agency: str = "UNDP") -> Api:
    """A person of the agency who had no part so far, of its sanctions secretariat."""
    return await api_for(await add_officer(database, world, agency, "SAO4", "SAO"))
