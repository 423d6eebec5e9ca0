"""Word statistics: of the shared list alone, one version an answer, and the same offline."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.sanctions.screening import statistics
from app.sanctions.screening.scorer import build_layer
from app.sanctions.screening.service import Screener
from app.sanctions.screening.statistics import STREAM
from partner_registry_client import LocalList, Store
from partner_registry_matcher import EMPTY, Subject, load
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.sanctions.lists.support import party
from tests.sanctions.screening.conftest import Put
from tests.sanctions.screening.support import ALL, OWN, PEOPLE, URL, screened
from tests.support import Api, unique

pytestmark = pytest.mark.usefixtures("filled")
_WORD = "Quillonberry"
_LISTED = party("70", f"{_WORD} Harbour Society")
_ASKED = f"{_WORD} Harbor Association"


@pytest.fixture
def crowd(app: FastAPI, database: Database, worker_database: Database) -> Any:
    """``await crowd()``: the list is counted as if a day had passed, and this process knows."""

    async def count() -> str:
        await _aged(worker_database)
        await statistics.keep_counted(worker_database)
        screener: Screener = app.state.screener
        await screener.renew(database)
        return (await screener.pairs(database)).statistics.version

    return count


async def _aged(database: Database) -> None:
    async with database.session() as session:
        await session.execute(
            text("UPDATE screening_statistics SET counted_at = counted_at - interval '1 day'")
        )


async def _score(api: Api) -> tuple[float, str]:
    answer = await screened(api, _ASKED, lists=[ALL], threshold=0.01)
    [hit] = [one for one in answer["hits"] if one["caption"] == _LISTED["names"][0]]
    assert hit["explanation"]["statistics"] == answer["statistics_version"]
    return hit["score"], answer["statistics_version"]


async def test_what_others_may_not_know_of_moves_no_score(
    api_for: ApiFor, filled: Put, settle: Settle, crowd: Any
) -> None:
    wfp = await api_for("WFP")
    await filled(*PEOPLE, _LISTED)
    await crowd()
    before = await _score(wfp)
    # Twenty of another agency's own list, and a measure that is its own matter.
    others = [party(f"8{n}", f"{_WORD} {unique('Trading')}") for n in range(20)]
    await filled(party("1", "Brassica Tidewater Holdings"), *others, code=OWN)
    partner = (await make_partner(wfp, legal_name=f"{_WORD} Mission", aliases=[]))["id"]
    await impose(api_for, partner, level="RESTRICTED")
    await settle()
    await crowd()
    assert await _score(wfp) == before
    # What all may know of does: the word is not so rare any more.
    await filled(*PEOPLE, _LISTED, *others)
    version = await crowd()
    score, named = await _score(wfp)
    assert (named, score < before[0]) == (version, True)
    assert version != before[1]
    await filled(*PEOPLE)


async def test_a_screening_is_run_again_under_the_statistics_of_then(
    api_for: ApiFor, app: FastAPI, filled: Put, crowd: Any, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    await filled(*PEOPLE, _LISTED)
    first = await crowd()
    made = await screened(wfp, _ASKED, lists=[ALL], threshold=0.01)
    assert made["statistics_version"] == first
    await filled(*PEOPLE, _LISTED, *(party(f"9{n}", f"{_WORD} {n}") for n in range(20)))
    second = await crowd()
    assert second != first
    url = f"{URL}/{made['screening_id']}/rerun"
    then = (await wfp.post(url, json={})).json()
    assert (then["identical"], then["screening"]) == (True, made)
    held, app.state.screener = app.state.screener, Screener()
    try:
        assert (await wfp.post(url, json={})).json()["screening"] == made
    finally:
        app.state.screener = held
    now = (await wfp.post(url, json={"against": "current"})).json()
    assert now["screening"]["statistics_version"] == second
    scores = {one["entry_id"]: one["score"] for one in now["screening"]["hits"]}
    old = made["hits"][0]
    assert scores.get(old["entry_id"]) != old["score"]
    # Until no screening names them any more they are kept.
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE screening_statistics SET counted_at = counted_at - interval '9 days'")
        )
    await filled(*PEOPLE)
    await crowd()
    async with operator_database.session() as session:
        kept = set(await session.scalars(text("SELECT version FROM screening_statistics")))
        named = await session.scalars(
            text("SELECT DISTINCT statistics_version FROM screenings WHERE algorithm <> 'names-0'")
        )
        assert set(named) <= kept
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE screenings SET statistics_version = :gone WHERE id = :id"),
            {"gone": "0" * 16, "id": UUID(made["screening_id"])},
        )
    gone = await wfp.post(url, json={})
    assert (gone.status_code, gone.json()["code"]) == (409, "algorithm_gone")


async def test_they_are_counted_once_a_day_or_when_the_list_moved_much(
    filled: Put, worker_database: Database, settle: Settle
) -> None:
    await filled(party("1", unique("Somebody Else")), *PEOPLE[1:])
    await _aged(worker_database)
    assert await statistics.keep_counted(worker_database) is True
    assert await statistics.keep_counted(worker_database) is False
    published: list[tuple[str, bytes]] = []

    async def publish(connection: Any, name: str, content: bytes) -> None:
        published.append((name, content))

    renamed = [party("1", unique("Somebody Else")), *PEOPLE[1:]]
    await filled(*renamed)
    assert await statistics.keep_counted(worker_database, publish) is False
    await _aged(worker_database)
    assert await statistics.keep_counted(worker_database, publish) is True
    [(name, content)] = published
    assert name == statistics.ATTACHMENT
    assert statistics.unpacked(statistics.packed(load(content))).dump() == content
    assert statistics.packed(load(content)) == statistics.packed(load(content))
    many = [party(f"7{n}", f"Palimpsest Wagon {n}") for n in range(200)]
    await filled(*PEOPLE, *many)
    assert await statistics.keep_counted(worker_database) is True
    await filled(*PEOPLE)


async def test_who_screens_first_counts_them(
    database: Database, operator_database: Database, worker_database: Database
) -> None:
    async with operator_database.session() as session:
        await session.execute(text("CREATE TABLE kept_statistics AS TABLE screening_statistics"))
        await session.execute(text("DELETE FROM screening_statistics"))
    try:
        screener = Screener()
        async with database.fast_write(None) as connection:
            layers = await screener.layers(connection, 0)
        async with worker_database.connection() as connection:
            stored = await statistics.newest(connection)
        assert stored is not None
        assert stored.version == layers.statistics_version
        assert await statistics.keep_counted(worker_database) is False
    finally:
        async with operator_database.session() as session:
            await session.execute(
                text("INSERT INTO screening_statistics SELECT * FROM kept_statistics "
                     "ON CONFLICT DO NOTHING")
            )  # fmt: skip
            await session.execute(text("DROP TABLE kept_statistics"))


async def test_a_new_entry_is_found_by_every_process_within_seconds(
    api_for: ApiFor, app: FastAPI, database: Database, filled: Put
) -> None:
    wfp = await api_for("WFP")
    other = Screener()
    await other.warm(database)
    await app.state.screener.renew(database)
    await screened(wfp)
    name = unique("Bergamot Sluice Keepers")
    await filled(*PEOPLE, party("71", name))
    began = time.monotonic()
    [hit] = (await screened(wfp, name, lists=[ALL]))["hits"]
    async with database.fast_read() as connection:
        seq = await connection.fetchval("SELECT seq_to FROM feed_heads WHERE stream = $1", STREAM)
        layers = await other.layers(connection, seq)
    found = layers.screen(Subject("organisation", [name]), 0.5)
    assert time.monotonic() - began < 20  # the aim is 2 on a quiet machine
    assert [(one.owner, one.score) for one, _ in found] == [(hit["entry_id"], hit["score"])]
    assert found[0][0].explanation == hit["explanation"]
    await filled(*PEOPLE)


class _Copy:
    """A client's store as far as screening reads it."""

    def __init__(self, entries: list[bytes], weights: bytes | None) -> None:
        self._entries, self._weights = entries, weights

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        yield SimpleNamespace(held=None)

    def entries(self) -> list[bytes]:
        return self._entries

    def attachment(self, name: str) -> bytes | None:
        return self._weights if name == statistics.ATTACHMENT else None


async def test_the_client_scores_as_the_service_does(database: Database) -> None:
    async with database.fast_read() as connection:
        rows = await connection.fetch("SELECT entry FROM feed_entries WHERE stream = $1", STREAM)
    entries = [bytes(row["entry"]) for row in rows]
    weights = statistics.counted(entries)
    for sent, used in ((weights.dump(), weights), (None, EMPTY)):
        layer = build_layer(map(json.loads, entries), used)
        local = LocalList.load(cast("Store", _Copy(entries, sent)))
        assert local.matcher.statistics.version == used.version
        names = [one.caption for one in layer.listed.values()][:15]
        for name in [*names, *(name[1:] for name in names), "Al Qaida Foundation"]:
            subject = Subject(None, [name], ["KEN"], "1970")
            here = [hit for hit, _ in layer.screen(subject, 0.1)]
            there = local.matcher.screen(subject, 0.1)
            assert json.dumps([vars(hit) for hit in here]) == json.dumps(
                [vars(hit) for hit in there]
            )
