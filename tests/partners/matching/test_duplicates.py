"""Possible duplicates: named at creation, kept in a queue, found by the worker, decided once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.partners.matching import duplicates, names
from app.partners.matching.duplicates import check_waiting, mark_merged, mark_parted
from app.partners.matching.models import PossibleDuplicate
from app.partners.matching.service import find
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.matching.test_match import proper
from tests.support import Api, World

REASON = {"decision": "not_duplicate", "reason": "Two bodies of one name in two towns."}


async def pair_of(api: Api, one: str, other: str, state: str = "open") -> dict[str, Any] | None:
    page = await api.read(f"/v1/partners/duplicates?state={state}&limit=200")
    for item in page["items"]:
        if {side["partner_id"] for side in item["partners"]} == {one, other}:
            found: dict[str, Any] = item
            return found
    return None


async def check_all(database: Database) -> None:
    while await check_waiting(database):
        continue


async def twins(api: Api, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    name = f"{proper()} {proper()} Trust"
    more = {"aliases": [], "acronym": None} | more
    first = await make_partner(api, legal_name=name, **more)
    return first, await make_partner(api, legal_name=f"{name} Ltd", **more)


async def decide(api: Api, pair: dict[str, Any], version: int | None = None) -> Any:
    return await api.post(
        f"/v1/partners/duplicates/{pair['id']}/decision",
        json=REASON,
        headers={"If-Match": f'"v{version or pair["version"]}"'},
    )


async def test_a_new_profile_names_those_it_may_be(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    first, second = await twins(unicef)
    assert first["possible_duplicates"] == []
    assert [item["partner_id"] for item in second["possible_duplicates"]] == [first["id"]]
    pair = await pair_of(await api_for("WFP"), first["id"], second["id"])
    assert pair is not None
    assert (pair["state"], pair["version"], pair["decision"]) == ("open", 1, None)


async def test_a_family_of_headquarters_and_country_profiles_is_no_duplicate(
    api_for: ApiFor,
) -> None:
    unicef, name = await api_for("UNICEF"), f"{proper()} {proper()} International"
    head = await make_partner(unicef, legal_name=name, partner_type="NGO_INTL")
    for country in ("RWA", "TZA", "UGA"):
        office = await make_partner(
            unicef,
            legal_name=name,
            country=country,
            hq_id=head["id"],
            partner_type="NGO_INTL",
            aliases=[],
        )
        assert office["possible_duplicates"] == []


async def test_a_decided_pair_is_not_raised_again_for_the_same_versions(
    api_for: ApiFor, worker_database: Database, database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    first, second = await twins(unicef)
    pair = await pair_of(wfp, first["id"], second["id"])
    assert pair is not None
    assert (await decide(wfp, pair, version=9)).status_code == 412
    decided = await decide(wfp, pair)
    assert decided.status_code == 200
    assert decided.headers["etag"] == '"v2"'
    assert decided.json()["decision"]["decided_by"] == "WFP"
    again = await decide(wfp, pair, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "possible_duplicate_decided")
    async with database.session() as session:
        await names.queue(session, [UUID(first["id"]), UUID(second["id"])])
    await check_all(worker_database)
    assert await pair_of(wfp, first["id"], second["id"]) is None
    assert await pair_of(wfp, first["id"], second["id"], "dismissed") is not None
    renamed = await unicef.patch(
        f"/v1/partners/{second['id']}",
        json={"legal_name": first["legal_name"]},
        headers={"If-Match": '"v1"'},
    )
    assert renamed.status_code == 200
    await check_all(worker_database)
    raised = await pair_of(wfp, first["id"], second["id"])
    assert raised is not None
    assert (raised["id"], raised["version"], raised["decision"]) == (pair["id"], 3, None)


async def test_of_two_that_decide_at_once_one_does(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    first, second = await twins(unicef)
    pair = await pair_of(wfp, first["id"], second["id"])
    assert pair is not None
    answers = await asyncio.gather(*(decide(api, pair) for api in (unicef, wfp, unicef, wfp)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_loaded_profiles_are_checked_by_the_worker(
    api_for: ApiFor, worker_database: Database, operator_database: Database, world: World
) -> None:
    """As a bulk load leaves them: no keys, no check, a line in the queue."""
    unicef, name = await api_for("UNICEF"), f"{proper()} {proper()} Trust"
    first, second = uuid4(), uuid4()
    async with operator_database.session() as session:
        for partner in (first, second):
            await session.execute(
                text(
                    "INSERT INTO partners (id, legal_name, aliases, former_names, partner_type, "
                    "country, created_by) VALUES (:id, :name, '{}', '{}', 'CBO', 'KEN', :agency)"
                ),
                {"id": partner, "name": name, "agency": world.agencies["FAO"]},
            )
        await names.queue(session, [first, second])
        await names.queue(session, [first])
    progress = await unicef.read("/v1/partners/duplicates/progress")
    assert progress["waiting"] >= 2
    assert progress["oldest_queued_at"] is not None
    await asyncio.gather(check_all(worker_database), check_all(worker_database))
    assert (await unicef.read("/v1/partners/duplicates/progress"))["waiting"] == 0
    assert await pair_of(unicef, str(first), str(second)) is not None


async def test_two_alike_made_at_once_both_stand_and_are_one_pair(
    api_for: ApiFor, worker_database: Database, database: Database
) -> None:
    unicef, name = await api_for("UNICEF"), f"{proper()} {proper()} Trust"
    made = await asyncio.gather(
        *(make_partner(unicef, legal_name=name, aliases=[]) for _ in range(4))
    )
    ids = [partner["id"] for partner in made]
    async with database.session() as session:
        await names.queue(session, [UUID(one) for one in ids])
    await check_all(worker_database)
    pairs = [await pair_of(unicef, one, other) for one in ids for other in ids if one < other]
    assert len(pairs) == 6
    assert None not in pairs


async def test_a_pair_with_a_profile_the_caller_may_not_know_of_is_absent(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP", "partners:read", "partners:merge")
    first, second = await twins(unicef)
    pair = await pair_of(wfp, first["id"], second["id"])
    assert pair is not None
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET protected = true, version = version + 1 WHERE id = :id"),
            {"id": UUID(first["id"])},
        )
    assert await pair_of(wfp, first["id"], second["id"]) is None
    refused, unknown = await decide(wfp, pair), await decide(wfp, pair | {"id": str(uuid4())})
    assert refused.status_code == unknown.status_code == 404
    assert refused.json()["code"] == unknown.json()["code"] == "possible_duplicate_not_found"
    assert await pair_of(unicef, first["id"], second["id"]) is not None


async def test_merges_close_a_pair_and_open_it_again(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    first, second = (one["id"] for one in await twins(unicef))
    for mark, state in ((mark_merged, "merged"), (mark_parted, "open")):
        async with database.session(world.agencies["UNICEF"]) as session:
            await mark(session, UUID(first), UUID(second))
        assert await pair_of(unicef, second, first, state) is not None


async def test_a_check_that_takes_too_long_is_left_to_the_worker(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch, worker_database: Database
) -> None:
    unicef, name = await api_for("UNICEF"), f"{proper()} {proper()} Trust"
    first = await make_partner(unicef, legal_name=name, aliases=[])
    monkeypatch.setattr(duplicates, "_PATIENCE_MS", 1)
    real = find

    async def late(session: Any, *args: Any) -> Any:
        await session.execute(text("SELECT pg_sleep(0.2)"))
        return await real(session, *args)

    monkeypatch.setattr(duplicates, "find", late)
    second = await make_partner(unicef, legal_name=name, aliases=[])
    assert second["possible_duplicates"] == []
    await check_all(worker_database)
    assert await pair_of(unicef, first["id"], second["id"]) is not None


async def test_nobody_decides_in_another_agencys_name(
    api_for: ApiFor, database: Database, world: World
) -> None:
    first, second = await twins(await api_for("UNICEF"))
    query = select(PossibleDuplicate.id).where(
        PossibleDuplicate.partner_b.in_([UUID(first["id"]), UUID(second["id"])])
    )
    forged = text(
        "UPDATE possible_duplicates SET state = 'dismissed', decided_by = :by, "
        "decided_at = now(), reason = 'x' WHERE id = :id"
    )
    async with database.session(world.agencies["WFP"]) as session:
        pair = await session.scalar(query)
        with pytest.raises(DBAPIError) as refused:
            await session.execute(forged, {"by": world.agencies["UNICEF"], "id": pair})
    cause = getattr(refused.value.orig, "__cause__", None)
    assert isinstance(cause, asyncpg.InsufficientPrivilegeError)
