"""Delivery by processes of their own that are killed: nothing lost, and what comes twice is the
same message."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from app.core.settings import Settings
from tests.cli.commands import environment_of
from tests.events.conftest import HOOKS, Happen, Hook
from tests.events.receiver import Receiver
from tests.support import Api

_LEASE_S = 2.0
_PROGRAM = f"""
import asyncio, os
from app import models
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.key_provider import load_root_keys
from app.core.outbound import Outbound
from app.core.settings import Settings
from app.events.webhooks.delivery import Deliverer

async def work():
    settings = Settings()
    database = Database(settings.require("database_worker_url"), settings)
    outbound = Outbound(settings.outbound_networks)
    keys = KeyRing(load_root_keys(settings))
    await Deliverer(database, keys, outbound, lease_s={_LEASE_S}).run(asyncio.Event())

asyncio.run(work())
"""


async def _start(settings: Settings) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", _PROGRAM),
        env=environment_of(settings, PATH="/usr/bin:/bin"),
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.drill
async def test_workers_that_are_killed_lose_nothing(
    hook: Hook, unicef: Api, receiver: Receiver, settings: Settings, happen: Happen
) -> None:
    """The short form is in `test_delivery`."""
    count, flying, kills = 240, 3, 8
    one = await hook(types=["access_request.due"], max_in_flight=flying)
    await happen(count)
    dice = random.Random(11)
    workers = [await _start(settings) for _ in range(2)]
    deadline, killed = time.monotonic() + 240, 0
    try:
        while len({call.headers["webhook-id"] for call in receiver.calls}) < count:
            assert time.monotonic() < deadline, len(receiver.calls)
            if killed < kills and len(receiver.calls) > 12 * (killed + 1):
                await asyncio.sleep(dice.random() * 0.05)
                victim = workers.pop(0)
                victim.kill()
                await victim.wait()
                killed += 1
                workers.append(await _start(settings))
            await asyncio.sleep(0.005)
        waiting = {"state": "queued"}
        while (await unicef.read(f"{HOOKS}/{one['id']}/deliveries", params=waiting))["items"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
    finally:
        for worker in workers:
            worker.kill()
            await worker.wait()
    assert killed == kills
    times = Counter(call.headers["webhook-id"] for call in receiver.calls)
    assert len(times) == count
    assert sum(times.values()) - count <= kills * flying
    bodies = {(call.headers["webhook-id"], call.body) for call in receiver.calls}
    assert len(bodies) == count
