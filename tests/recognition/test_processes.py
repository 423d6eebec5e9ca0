"""Clearances given by processes that are killed, and how soon the log, events and webhooks follow.

The short form of the first is in `test_once`.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.lists.importer import import_list
from tests.events.receiver import Receiver
from tests.recognition.conftest import SAMPLE
from tests.recognition.processes import Running, running, until
from tests.recognition.support import SMALL, ask, cleared, good_partner, lone_name, lone_partner
from tests.sanctions.factories import impose

_COUNTS = """SELECT (SELECT count(*) FROM clearances) AS stored,
    (SELECT count(*) FROM clearance_receipts) AS signed,
    (SELECT count(*) FROM clearance_receipts r JOIN clearances c ON c.id = r.clearance_id
      JOIN audit_events a ON a.id = c.audit_event_id AND a.subject_id = c.id
      JOIN log_leaves l ON l.event_id = a.id
      JOIN outbox o ON o.subject_id = c.id AND o.type = 'clearance.given') AS whole"""


class Load:
    """Askers that send the same question with the same key until it is answered."""

    def __init__(self, service: Running, partners: list[str]) -> None:
        self._service, self._partners = service, partners
        self.acknowledged: dict[str, bytes] = {}
        self.sent = self.repeated = 0
        self.stop = False

    async def ask(self, headers: dict[str, str]) -> None:
        chance = random.Random(self.sent)
        while not self.stop:
            key, number = secrets.token_hex(16), self.sent
            self.sent += 1
            partner = self._partners[number % len(self._partners)]
            body = ask({"id": partner}, amount_usd=f"{chance.randint(1, 5)}0000.00")
            answer = await self._answered(body, headers | {"Idempotency-Key": key})
            assert answer.status_code == 201, answer.text
            assert answer.headers["location"] not in self.acknowledged
            self.acknowledged[answer.headers["location"]] = answer.content

    async def reached(self, count: int) -> bool:
        return len(self.acknowledged) >= count

    async def _answered(self, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        while True:
            try:
                async with httpx.AsyncClient(base_url=self._service.url, timeout=20) as client:
                    answer = await client.post("/v1/clearances", json=body, headers=headers)
                if answer.status_code not in (409, 503):
                    return answer
            except httpx.TransportError:
                pass
            self.repeated += 1
            await asyncio.sleep(0.1)


async def _list(settings: Settings) -> None:
    worker = Database(settings.require("database_worker_url"), settings)
    await import_list(worker, "unsc", SAMPLE)
    await worker.close()


async def _counts(operator: Database) -> Any:
    async with operator.session() as session:
        return (await session.execute(text(_COUNTS))).one()


@pytest.mark.drill
@pytest.mark.timeout(600)
async def test_killed_processes_lose_no_clearance_and_sign_none_that_is_not_stored(
    empty_database: Settings, tmp_path: Path
) -> None:
    await _list(empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    async with running(empty_database, tmp_path / "log") as service:
        wfp = await service.api_for("WFP")
        partners = [(await lone_partner(wfp))["id"] for _ in range(6)]
        load = Load(service, partners)
        headers = {"Authorization": wfp.headers["Authorization"]}
        askers = [asyncio.create_task(load.ask(headers)) for _ in range(6)]
        chance = random.Random(4)
        for number in range(1, 5):
            await until(partial(load.reached, number * 25))
            await asyncio.sleep(chance.random() * 0.3)
            for name in ("serve", "worker") if number < 4 else ():
                await service.kill(name)
                await service.start(name)
            await service.ready()
        load.stop = True
        await asyncio.gather(*askers)

        async def followed() -> bool:
            found = await _counts(operator)
            return bool(found.stored == found.signed == found.whole)

        await until(followed)
        found = await _counts(operator)
        print(f"\n{load.sent} asked, {load.repeated} sent again, {found.stored} stored")  # noqa: T201 - for who runs it
        assert load.repeated > 0
        assert found.stored == len(load.acknowledged) == load.sent
        for url, body in load.acknowledged.items():
            assert (await wfp.get(url)).content == body
            assert (await wfp.get(f"{url}/receipt")).status_code == 200
    await operator.close()


@pytest.mark.drill
@pytest.mark.timeout(600)
async def test_log_proof_event_and_webhook_follow_within_two_seconds(
    empty_database: Settings, tmp_path: Path
) -> None:
    await _list(empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    receiver = Receiver()
    await receiver.open()
    async with running(empty_database, tmp_path / "log") as service:
        wfp = await service.api_for("WFP")
        hook = await wfp.made("/v1/webhooks", {"url": receiver.url})
        url = f"/v1/webhooks/{hook['id']}"
        assert (await wfp.post(f"{url}/challenge")).status_code == 202

        async def active() -> bool:
            return bool((await wfp.read(url))["status"] == "active")

        await until(active)
        proofs, events, hooks = [], [], []
        for _ in range(8):
            partner = await good_partner(service.api_for, operator, lone_name())
            given = await cleared(wfp, {"id": partner}, **SMALL)
            one = f"/v1/clearances/{given['clearance_id']}"

            async def proved(one: str = one) -> bool:
                return (await wfp.get(f"{one}/proof")).status_code == 200

            proofs.append(await until(proved))
            await impose(service.api_for, partner)
            found = await asyncio.gather(
                until(partial(_told, wfp, f"{one}/status")),
                until(partial(_called, receiver, f"{one}/status")),
            )
            events.append(found[0])
            hooks.append(found[1])
        for name, times in (("proof", proofs), ("event", events), ("webhook", hooks)):
            said = f"median {statistics.median(times):.2f} s, highest {max(times):.2f} s"
            print(f"\n{name}: {said}")  # noqa: T201 - for who runs it
            assert statistics.median(times) < 2
    await receiver.close()
    await operator.close()


async def _told(api: httpx.AsyncClient, url: str) -> bool:
    answer = await api.get("/v1/events", params={"limit": "200"})
    return any(one["data"].get("resource") == url for one in answer.json()["items"])


async def _called(receiver: Receiver, url: str) -> bool:
    return any(
        json.loads(call.body).get("data", {}).get("resource") == url for call in receiver.calls
    )
