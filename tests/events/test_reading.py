"""`GET /v1/events`: one sealed cursor an agency, waiting, and what was deleted for age."""

from __future__ import annotations

import asyncio
import time

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.core.paging import CursorInvalid, Cursors
from app.events import upkeep
from app.events.waiting import EventWaits
from tests.conftest import ApiFor, Settle
from tests.events.conftest import Happen
from tests.support import World

EVENTS = "/v1/events"


async def test_pages_follow_one_another_without_gap(
    api_for: ApiFor, settle: Settle, happen: Happen
) -> None:
    await settle()
    api = await api_for("UNICEF", "events:read")
    cursor = (await api.read(EVENTS, params={"start": "now"}))["cursor"]
    await happen(5)
    seen, more = [], True
    while more:
        page = await api.read(EVENTS, params={"after": cursor, "limit": "2"})
        seen += page["items"]
        cursor, more = page["cursor"], page["more"]
    assert [one["data"]["answer_by"][-2:] for one in seen] == ["01", "02", "03", "04", "05"]
    numbers = [one["seq"] for one in seen]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    again = await api.read(EVENTS, params={"after": cursor})
    assert (again["items"], again["more"]) == ([], False)
    # Another client of the same agency goes on where this one was.
    other = await api_for("UNICEF_REVIEWER", "events:read")
    assert (await other.read(EVENTS, params={"after": cursor}))["items"] == []


async def test_a_cursor_is_of_one_agency_and_cannot_be_edited(api_for: ApiFor) -> None:
    cursor = (await (await api_for("UNICEF")).read(EVENTS))["cursor"]
    wfp = await api_for("WFP")
    own = (await wfp.read(EVENTS))["cursor"]
    broken = ("A" if own[20] != "A" else "B").join((own[:20], own[21:]))
    for wrong in (cursor, broken, own[:-4], "AAAA", "1"):
        refused = await wfp.get(EVENTS, params={"after": wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "cursor_invalid"), wrong


def test_a_cursor_outlives_a_change_of_the_root_key() -> None:
    former, new = b"a" * 32, b"b" * 32
    sealed = Cursors(former).seal(b"x", [7])
    assert Cursors(new, former).open(b"x", sealed) == [7]
    with pytest.raises(CursorInvalid):
        Cursors(new).open(b"x", sealed)


async def test_what_was_deleted_is_gone_and_the_way_back_is_named(
    api_for: ApiFor, happen: Happen, operator_database: Database, worker_database: Database
) -> None:
    api = await api_for("UNICEF")
    cursor = (await api.read(EVENTS, params={"limit": "1"}))["cursor"]
    await happen(3)
    async with operator_database.session() as session:
        await session.execute(
            text(
                "UPDATE agency_events SET told_at = now() - interval '91 days' WHERE seq < "
                "(SELECT seq FROM event_tops t WHERE t.agency_id = agency_events.agency_id)"
            )
        )
    assert await upkeep.tidy(worker_database) > 0
    while await upkeep.tidy(worker_database):
        pass  # what other tests left, a block at a time
    gone = await api.get(EVENTS, params={"after": cursor})
    assert (gone.status_code, gone.json()["code"]) == (410, "events_pruned")
    back = await api.read(EVENTS, params={"after": gone.json()["cursor"]})
    assert len(back["items"]) == 1
    assert (await api.read(EVENTS))["items"] == back["items"]


async def test_who_waits_hears_at_once_and_holds_no_place(
    api_for: ApiFor, app: FastAPI, happen: Happen
) -> None:
    api = await api_for("UNICEF", "events:read")
    cursor = (await api.read(EVENTS, params={"start": "now"}))["cursor"]
    params = {"after": cursor, "wait": "30"}
    waiting = [asyncio.create_task(api.read(EVENTS, params=params)) for _ in range(30)]
    waits: EventWaits = app.state.event_waits
    while waits.count < 30:  # noqa: ASYNC110 - the application's state
        await asyncio.sleep(0.01)
    assert app.state.limits.bulkhead.held("UNICEF") == 0
    assert app.state.database.engine.pool.checkedout() <= 1
    started = time.monotonic()
    await happen(1)
    for page in await asyncio.gather(*waiting):
        assert [one["type"] for one in page["items"]] == ["access_request.due"]
    assert time.monotonic() - started < 20
    assert waits.count == 0


async def test_waiting_ends_and_a_stopped_client_hears_nothing(
    api_for: ApiFor, app: FastAPI, world: World, operator_database: Database, happen: Happen
) -> None:
    api = await api_for("UNICEF_APPROVER", "events:read")
    cursor = (await api.read(EVENTS, params={"start": "now"}))["cursor"]
    page = await api.read(EVENTS, params={"after": cursor, "wait": "1"})
    assert (page["items"], page["cursor"] == "") == ([], False)
    stop = text("UPDATE clients SET status = :to WHERE id = 'UNICEF_APPROVER'")
    waiting = asyncio.create_task(api.get(EVENTS, params={"after": cursor, "wait": "30"}))
    waits: EventWaits = app.state.event_waits
    while not waits.count:  # noqa: ASYNC110 - the application's state
        await asyncio.sleep(0.01)
    async with operator_database.session() as session:
        await session.execute(stop, {"to": "revoked"})
    try:
        await happen(1)
        assert (await waiting).status_code == 401
    finally:
        async with operator_database.session() as session:
            await session.execute(stop, {"to": "active"})
