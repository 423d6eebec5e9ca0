"""What the worker does between a change and what an agency reads of its clearance."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.events.catalogue import EventType
from app.recognition.watching import clock
from app.recognition.watching.recheck import work_off
from tests.conftest import Settle
from tests.support import Api


class Watch:
    """What the worker does between a change and what an agency reads of it."""

    def __init__(self, settle: Settle, app: FastAPI, worker: Database, operator: Database) -> None:
        self._settle, self._app = settle, app
        self.worker, self.operator = worker, operator

    async def settle(self) -> int:
        """How many clearances were looked at again."""
        await self._settle()
        await clock.look(self.worker)
        looked_at = 0
        while done := await work_off(
            self.worker, self._app.state.keyring, self._app.state.screener
        ):
            looked_at += done
        await self._settle()
        return looked_at


async def status(api: Api, answer: dict[str, Any]) -> dict[str, Any]:
    return await api.read(f"/v1/clearances/{answer['clearance_id']}/status")


def codes(found: dict[str, Any]) -> list[str]:
    return [cause["code"] for cause in found["causes"]]


async def told(api: Api, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """What the agency was told of this clearance's status."""
    url = f"/v1/clearances/{answer['clearance_id']}/status"
    found, cursor, more = [], None, True
    while more:
        after: dict[str, str] = {"after": cursor} if cursor else {}
        page = await api.read("/v1/events", params={"limit": "200"} | after)
        found += [one for one in page["items"] if one["data"]["resource"] == url]
        cursor, more = page["cursor"], page["more"]
    assert {one["type"] for one in found} <= {EventType.CLEARANCE_CHANGED.value}
    return [one["data"] for one in found]


async def shift(operator: Database, statement: str, *, replica: bool = True, **values: Any) -> None:
    """Past every trigger, as only time could; without ``replica`` under all of them."""
    async with operator.session() as session:
        if replica:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(statement), values)
