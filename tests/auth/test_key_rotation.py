"""Signing keys: next, current, retired; a change is seen by every process and loses no request."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode as b64decode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.auth import jose, keys
from app.auth.caller import TokenVerifier
from app.auth.errors import NotAuthenticated
from app.auth.key_rotation import (
    PUBLISHED_FOR,
    KeyProblem,
    find_next,
    list_keys,
    prepare,
    replace,
    rotate,
)
from app.auth.keys import BELIEVED_AFTER, USES, SigningKeys, Use, published_keys
from app.auth.models import SigningKeyRow
from app.auth.service import issue_token
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.support import build_world, plain_client, token_for

ISSUER = "http://127.0.0.1:8000"
DAY = timedelta(days=1)


@dataclass
class Stage:
    """A database with its first keys, and what an operator does to them."""

    database: Database
    operator: Database
    root: RootKey

    def process(self) -> SigningKeys:
        """What one more process holds."""
        return SigningKeys(self.database, self.root)

    async def prepare(self, use: Use = "token", age: timedelta = timedelta()) -> str:
        """Make a next key, as if ``age`` ago."""
        async with self.operator.session() as session:
            kid = await prepare(session, self.root, use)
            await session.execute(
                text(
                    "UPDATE signing_keys SET not_before = not_before - CAST(:age AS interval) "
                    "WHERE kid = :kid"
                ),
                {"age": age, "kid": kid},
            )
        return kid

    async def rotate(self, use: Use = "token", published: datetime | None = None) -> str:
        async with self.operator.session() as session:
            return (await rotate(session, use, published, datetime.now(UTC))).new

    async def replace(self, use: Use = "token") -> str:
        async with self.operator.session() as session:
            return (await replace(session, self.root, use, datetime.now(UTC))).new

    async def states(self, use: Use = "token") -> dict[str, str]:
        async with self.operator.session() as session:
            return {key.kid: key.state for key in await list_keys(session) if key.use == use}


@pytest.fixture
async def stage(empty_database: Settings) -> AsyncIterator[Stage]:
    database = Database(empty_database.require("database_url"), empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    made = Stage(database, operator, RootKey.generate("demo"))
    await made.process().ensure()
    yield made
    await operator.close()
    await database.close()


async def kids(process: SigningKeys, use: Use = "token") -> set[str]:
    """Key names that this process publishes; it verifies with the same ones."""
    public = {key["kid"] for key in await process.public_keys(use)}
    assert public == {kid for kid, _ in await process.verification_keys(use)}
    return public


async def test_a_next_key_is_published_and_does_not_sign(stage: Stage) -> None:
    first = (await stage.process().signing_key("token")).kid
    coming = await stage.prepare()
    process = stage.process()
    assert await kids(process) == {first, coming}
    assert (await process.signing_key("token")).kid == first
    await process.ensure()
    assert await stage.states() == {first: "current", coming: "next"}
    with pytest.raises(KeyProblem, match=f"There is a next token key already: {coming}."):
        await stage.prepare()


async def test_the_next_key_becomes_current_and_the_old_one_still_verifies_for_a_while(
    stage: Stage,
) -> None:
    old = (await stage.process().signing_key("token")).kid
    coming = await stage.prepare(age=DAY)
    assert await stage.rotate() == coming
    process = stage.process()
    assert (await process.signing_key("token")).kid == coming
    assert await stage.states() == {old: "retired", coming: "current"}
    assert await kids(process) == {old, coming}
    for back, believed in ((timedelta(), True), (timedelta(minutes=2), False)):
        async with stage.operator.session() as session:
            await session.execute(
                text("UPDATE signing_keys SET not_after = :at WHERE state = 'retired'"),
                {"at": datetime.now(UTC) - BELIEVED_AFTER + timedelta(minutes=1) - back},
            )
        assert (old in await kids(stage.process())) is believed


async def test_the_old_key_ends_after_every_process_has_read_the_new_one(stage: Stage) -> None:
    process = stage.process()
    old = (await process.signing_key("receipt")).kid
    await stage.prepare("receipt")
    await stage.rotate("receipt", datetime.now(UTC) - 8 * DAY)
    assert (await process.signing_key("receipt")).kid == old, "it does not know yet"
    (ended,) = [
        key["not_after"] for key in await published_keys(stage.database) if key["kid"] == old
    ]
    assert ended - time.time() > keys._FRESH_S


@pytest.mark.parametrize("use", ["list", "receipt", "checkpoint"])
async def test_lists_receipts_and_checkpoints_verify_for_ever(use: Use, stage: Stage) -> None:
    names = set(await stage.states(use))
    for _ in range(25):
        names.add(await stage.prepare(use))
        await stage.rotate(use, datetime.now(UTC) - 8 * DAY)
    async with stage.operator.session() as session:
        await session.execute(
            text("UPDATE signing_keys SET not_after = now() - interval '9 years', "
                 "not_before = now() - interval '10 years' WHERE state = 'retired'")
        )  # fmt: skip
    names.add(await stage.replace(use))
    assert len(names) == 27
    assert {key["kid"] for key in await published_keys(stage.database)} >= names
    process = stage.process()
    if use == "checkpoint":
        verifiers = {key.public_bytes_raw() for key in await process.note_verifiers()}
        assert len(verifiers) == 27
        assert (await process.note_key()).public_key().public_bytes_raw() in verifiers
    else:
        assert await kids(process, use) == names


async def test_a_rotation_without_a_next_key_or_too_early_is_refused(stage: Stage) -> None:
    before = await stage.states()
    with pytest.raises(KeyProblem, match="There is no next token key: run `registry keys prepare"):
        await stage.rotate()
    coming = await stage.prepare(age=timedelta(hours=23, minutes=59))
    with pytest.raises(KeyProblem, match=r"was published at .* and may sign from .* UTC"):
        await stage.rotate()
    assert await stage.states() == before | {coming: "next"}
    for use in ("list", "receipt", "checkpoint"):
        await stage.prepare(use, age=30 * DAY)
        with pytest.raises(KeyProblem, match="not in the newest keys document"):
            await stage.rotate(use)
        with pytest.raises(KeyProblem, match="was published at"):
            await stage.rotate(use, datetime.now(UTC) - timedelta(days=6, hours=23))
        await stage.rotate(use, datetime.now(UTC) - timedelta(days=7, minutes=1))


async def test_in_an_emergency_a_new_key_signs_at_once_and_the_others_are_not_believed(
    stage: Stage,
) -> None:
    process = stage.process()
    verifier = TokenVerifier(process, ISSUER)
    stolen = await process.signing_key("token")
    token = issue_token(stolen, ISSUER, "x", "WFP", ("feed:read",))["access_token"]
    assert (await verifier.verify(token)).client_id == "x"
    coming = await stage.prepare()
    new = await stage.replace()
    assert await stage.states() == {stolen.kid: "withdrawn", coming: "withdrawn", new: "current"}
    process._read_at -= 31
    with pytest.raises(NotAuthenticated):
        await verifier.verify(token)
    assert await kids(process) == {new}
    async with stage.operator.session() as session:
        assert await find_next(session, "token") is None


async def test_without_a_current_key_both_ways_name_none(stage: Stage) -> None:
    async with stage.operator.session() as session:
        await session.execute(text("DELETE FROM signing_keys"))
    with pytest.raises(keys.NoSigningKey):
        await stage.process().note_key()
    async with stage.operator.session() as session:
        assert (await replace(session, stage.root, "token", datetime.now(UTC))).old == "-"
    await stage.prepare("list")
    async with stage.operator.session() as session:
        change = await rotate(session, "list", datetime.now(UTC) - 8 * DAY, datetime.now(UTC))
    assert change.old == "-"


@pytest.mark.parametrize("state", ["retired", "withdrawn"])
async def test_the_database_wants_to_know_when_a_key_ended(state: str, stage: Stage) -> None:
    with pytest.raises(Exception, match="ck_signing_keys_not_after"):
        async with stage.operator.session() as session:
            await session.execute(text(f"UPDATE signing_keys SET state = '{state}'"))


async def test_a_key_of_another_process_is_known_at_its_first_token(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And invented key names cost one query a second."""
    behind = stage.process()
    verifier = TokenVerifier(behind, ISSUER)
    await behind.verification_keys("token")
    await stage.replace()
    key = await stage.process().signing_key("token")
    token = issue_token(key, ISSUER, "x", "WFP", ("feed:read",))["access_token"]
    behind._read_at -= 1.1
    assert (await verifier.verify(token)).client_id == "x"

    reads = 0
    load = behind._load

    async def counted(rows: list[SigningKeyRow]) -> None:
        nonlocal reads
        reads += 1
        await load(rows)

    monkeypatch.setattr(behind, "_load", counted)
    invented = jose.load_signing_key(jose.generate_key())
    bad = issue_token(invented, ISSUER, "x", "WFP", ("feed:read",))["access_token"]
    behind._read_at -= 1.1
    for _ in range(50):
        with pytest.raises(NotAuthenticated):
            await verifier.verify(bad)
    assert reads == 1


async def test_a_rotation_loses_no_request(
    empty_database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two applications, tokens of the one used at the other, while every use changes its key."""
    monkeypatch.setattr(keys, "_FRESH_S", 0.4)
    world = await build_world(empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    async with AsyncExitStack() as stack:
        apps = [create_app(empty_database) for _ in range(2)]
        for app in apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        stage = Stage(apps[0].state.database, operator, apps[0].state.root)
        stop, statuses, signers = asyncio.Event(), list[int](), set[str]()

        async def call(issuing: FastAPI, asked: FastAPI) -> None:
            async with plain_client(asked) as client:
                while not stop.is_set():
                    token = await token_for(issuing, "WFP", world.secrets["WFP"])
                    signers.add(json.loads(b64decode(token.split(".")[0] + "=="))["kid"])
                    headers = {"Authorization": f"Bearer {token}"}
                    answer = await client.get("/v1/partners?limit=1", headers=headers)
                    statuses.append(answer.status_code)

        callers = [asyncio.create_task(call(*pair)) for pair in (apps, apps[::-1], apps)]
        for _ in range(3):
            await asyncio.sleep(0.5)
            await stage.prepare(age=DAY)
            await asyncio.sleep(0.5)
            await stage.rotate()
        await asyncio.sleep(1)
        stop.set()
        await asyncio.gather(*callers)
    await operator.close()
    assert set(statuses) == {200}
    assert len(statuses) > 50
    assert len(signers) == 4, "every key has signed"


def test_every_use_has_its_time_of_publication() -> None:
    assert PUBLISHED_FOR.keys() == set(USES)
    assert timedelta(hours=24, seconds=630) == BELIEVED_AFTER
