"""A partner is locked if and only if a red flag on it stands, whatever was done in what order."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Database
from app.partners.flags.upkeep import lapse_flags
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import (
    COMMENT,
    age,
    flag_body,
    hq,
    locked,
)
from tests.support import Api, World

STEPS = ("yellow", "red", "escalate", "confirm", "defer", "invalidate", "renew", "age")


@dataclass
class Play:
    """Random steps by three persons on one partner."""

    partner: str
    persons: list[Api]
    operator: Database
    worker: Database
    rng: random.Random
    flags: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    async def step(self) -> None:
        name = self.rng.choice(STEPS)
        api = self.rng.choice(self.persons)
        base = f"/v1/partners/{self.partner}/flags"
        if name in ("yellow", "red"):
            body = flag_body(kind=name.upper())
            made = await api.post(base, json=body)
            assert made.status_code == 201, made.text
            self.flags.append(made.json()["id"])
            return
        if not self.flags:
            return
        flag = self.rng.choice(self.flags)
        if name == "age":
            await age(self.operator, flag, self.rng.choice((50, 200)))
            if self.rng.random() < 0.5:
                await lapse_flags(self.worker)
            return
        answer = await self._post(api, f"{base}/{flag}", name)
        assert answer.status_code in (200, 403, 409, 412), answer.text
        if answer.status_code == 200:
            self.done.add(name)

    async def _post(self, api: Api, url: str, name: str) -> Any:
        if name in ("confirm", "defer"):
            version = (await api.read(url))["version"]
            body = {"decision": name, "reason": COMMENT["comment"]}
            headers = {"If-Match": f'"v{version}"'}
            return await api.post(f"{url}/decision", json=body, headers=headers)
        path = {"escalate": "escalation", "invalidate": "invalidation", "renew": "renewal"}[name]
        return await api.post(f"{url}/{path}", json=COMMENT)

    async def holds(self) -> bool:
        """Locked is the same as: a red flag is confirmed and its time not over."""
        async with self.operator.connection() as connection:
            standing = await connection.fetchval(
                "SELECT count(*) FROM partner_flags WHERE partner_id = $1 AND kind = 'RED' "
                "AND state = 'confirmed' AND until > now()",
                UUID(self.partner),
            )
        return await locked(self.operator, self.partner) == bool(standing)


async def play(
    api_for: ApiFor, world: World, operator: Database, worker: Database, seed: int, rounds: int
) -> set[str]:
    persons = [await hq(api_for, operator, world, name) for name in ("IPUA", "IPUB", "IPUC")]
    partner = (await make_partner(persons[0]))["id"]
    game = Play(partner, persons, operator, worker, random.Random(seed))
    for _ in range(rounds):
        # One at a time, or three at once: whatever the order, it holds in the end.
        await asyncio.gather(*(game.step() for _ in range(game.rng.choice((1, 1, 3)))))
        assert await game.holds(), seed
    return game.done


async def test_locked_says_exactly_that_a_red_flag_stands(
    api_for: ApiFor, world: World, operator_database: Database, worker_database: Database
) -> None:
    await play(api_for, world, operator_database, worker_database, seed=7, rounds=25)


@pytest.mark.drill
async def test_locked_says_exactly_that_a_red_flag_stands_at_length(
    api_for: ApiFor, world: World, operator_database: Database, worker_database: Database
) -> None:
    done: set[str] = set()
    for seed in range(20):
        done |= await play(api_for, world, operator_database, worker_database, seed, rounds=40)
    assert done == {"escalate", "confirm", "defer", "invalidate", "renew"}
