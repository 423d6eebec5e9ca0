"""Where a partner stands: computed from all that is in force, shown to whom it may be shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.partners import restraints
from app.partners.restraints import Reason
from app.partners.verifications.schemas import StandingOut
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.verifications.factories import (
    change,
    complete_partner,
    lift,
    put,
    standing,
    verify,
)
from tests.support import Api, World


@pytest.fixture
async def unicef(api_for: ApiFor) -> Api:
    return await api_for("UNICEF")


@pytest.fixture
async def partner(unicef: Api, operator_database: Database) -> str:
    return await complete_partner(unicef, operator_database)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that run inside."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def reasons(api: Api, partner_id: str) -> list[str]:
    return [one["reason"] for one in (await standing(api, partner_id))["restraints"]]


async def test_the_standing_of_a_plain_profile(unicef: Api) -> None:
    made = await make_partner(unicef)
    found = StandingOut.model_validate(await standing(unicef, made["id"]))
    assert (found.status, found.verification.status) == ("draft", "pending_verification")
    assert found.verification.by_agency == []
    assert (found.locked, found.lock_reasons, found.restraints) == (False, [], [])
    assert (
        found.flags.model_dump(exclude={"inherited", "mine"}) == found.flags.inherited.model_dump()
    )
    assert (found.contested, found.public, found.deactivated) == (False, False, False)
    assert (found.completeness.complete, found.control) == (False, "agency")


async def test_it_takes_two_statements_however_much_there_is_to_say(
    unicef: Api, partner: str, operator_database: Database, database: Database
) -> None:
    async def count() -> int:
        with statements(database) as seen:
            await standing(unicef, partner)
        return len([one for one in seen if "set_config" not in one and "client_status" not in one])

    await standing(unicef, partner)
    few = await count()
    for _ in range(3):
        await verify(unicef, partner)
        await put(operator_database, partner, Reason.RED_FLAG)
        await lift(operator_database, await put(operator_database, partner, Reason.RED_FLAG))
        async with operator_database.session() as session:
            await session.execute(text("UPDATE restraints SET lifted_at = now() WHERE lifted_at IS "
                "NULL AND partner_id = :id"), {"id": UUID(partner)})  # fmt: skip
    await put(operator_database, partner, Reason.SANCTION)
    assert (few, await count()) == (2, 2)


async def test_the_etag_is_of_the_bytes_and_changes_with_them(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    url = f"/v1/partners/{partner}/standing"
    first = await unicef.get(url)
    again = await unicef.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await put(operator_database, partner, Reason.SANCTION)
    later = await unicef.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (later.status_code, later.json()["locked"]) == (200, True)


async def test_an_open_match_is_the_business_of_who_found_it(
    unicef: Api, api_for: ApiFor, partner: str, operator_database: Database, world: World
) -> None:
    plain = (await unicef.get(f"/v1/partners/{partner}/standing")).content
    await put(operator_database, partner, Reason.POTENTIAL_MATCH, world.agencies["WFP"])
    assert await reasons(await api_for("WFP"), partner) == ["POTENTIAL_MATCH"]
    other = await unicef.get(f"/v1/partners/{partner}/standing")
    assert other.content == plain, "not even by another byte"


async def test_clearing_one_reason_never_unlocks_another(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    flag = await put(operator_database, partner, Reason.RED_FLAG)
    match = await put(operator_database, partner, Reason.CONFIRMED_MATCH)
    possible = await put(operator_database, partner, Reason.POTENTIAL_MATCH)
    second = await put(operator_database, partner, Reason.RED_FLAG)
    for source, left in (
        (possible, {"RED_FLAG", "CONFIRMED_MATCH"}),
        (match, {"RED_FLAG"}),
        (flag, {"RED_FLAG"}),
        (second, set()),
    ):
        assert await lift(operator_database, source) == 1
        now = await standing(unicef, partner)
        assert (now["locked"], set(now["lock_reasons"])) == (bool(left), left)


async def test_a_source_lifts_its_own_and_only_once(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    source = await put(operator_database, partner, Reason.RED_FLAG)
    assert await lift(operator_database, restraints.Source("other", source.id)) == 0
    assert await lift(operator_database, source) == 1
    assert await lift(operator_database, source) == 0
    with pytest.raises(DBAPIError, match="lifted restraint"):
        async with operator_database.session() as session:
            await session.execute(
                text("UPDATE restraints SET lifted_at = NULL WHERE source_id = :id"),
                {"id": source.id},
            )


async def test_a_restraint_begins_and_ends_by_time(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    times: dict[str, Any] = {"since": now - 2 * hour, "until": now - hour}
    await put(operator_database, partner, Reason.RED_FLAG, **times)
    await put(operator_database, partner, Reason.SANCTION, since=now + hour)
    await put(operator_database, partner, Reason.CONFIRMED_MATCH, until=now + hour)
    assert await reasons(unicef, partner) == ["CONFIRMED_MATCH"]


async def test_put_again_sets_the_end_anew(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    now = datetime.now(UTC)
    source = restraints.Source("test", UUID(partner))
    for until in (now - timedelta(hours=1), now + timedelta(hours=1), None):
        async with operator_database.session() as session:
            await restraints.put(
                session, UUID(partner), Reason.RED_FLAG, source, by=None,
                since=now - timedelta(hours=2), until=until,
            )  # fmt: skip
    (held,) = (await standing(unicef, partner))["restraints"]
    assert held["until"] is None
    assert await lift(operator_database, source) == 1


async def test_what_holds_the_headquarters_holds_its_offices_and_not_the_other_way(
    unicef: Api, operator_database: Database
) -> None:
    hq = (await make_partner(unicef, partner_type="NGO_INTL", country="FR"))["id"]
    office, sister = [
        (await make_partner(unicef, partner_type="NGO_INTL", country=one, hq_id=hq))["id"]
        for one in ("KE", "UG")
    ]
    own = await put(operator_database, office, Reason.RED_FLAG)
    assert (await standing(unicef, hq))["locked"] is False
    assert (await standing(unicef, sister))["locked"] is False
    await lift(operator_database, own)

    await put(operator_database, hq, Reason.SANCTION)
    await put(operator_database, hq, Reason.CONTROL_DISPUTED)
    for one in (office, sister):
        now = await standing(unicef, one)
        assert now["locked"] is True
        (held,) = now["restraints"]
        assert (held["reason"], held["inherited_from"]) == ("SANCTION", hq)
    own_of_hq = (await standing(unicef, hq))["restraints"]
    assert {one["inherited_from"] for one in own_of_hq} == {None}


async def test_a_survivor_carries_what_held_the_merged_profile(
    unicef: Api, operator_database: Database
) -> None:
    survivor, merged = [(await make_partner(unicef))["id"] for _ in range(2)]
    await put(operator_database, merged, Reason.RED_FLAG)
    async with operator_database.session() as session:
        await session.execute(
            text("INSERT INTO partner_aliases (partner_id, survivor_id) VALUES (:a, :b)"),
            {"a": UUID(merged), "b": UUID(survivor)},
        )
    assert await reasons(unicef, survivor) == ["RED_FLAG"]
    assert await reasons(unicef, merged) == ["RED_FLAG"]
    office = (await make_partner(unicef, hq_id=survivor))["id"]
    assert await reasons(unicef, office) == ["RED_FLAG"]


async def test_a_lift_and_a_new_put_of_one_source_take_turns(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    """While a lift is not yet committed, a put waits: then it holds on its own."""
    source = await put(operator_database, partner, Reason.RED_FLAG)
    async with operator_database.session() as session:
        await restraints.lift(session, source)

        async def put_again() -> None:
            async with operator_database.session() as other:
                await restraints.put(other, UUID(partner), Reason.RED_FLAG, source, by=None)

        waiting = asyncio.create_task(put_again())
        await asyncio.sleep(0.2)
        assert not waiting.done()
    await waiting
    assert await reasons(unicef, partner) == ["RED_FLAG"]


async def test_many_puts_of_one_source_at_once_are_one(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    source = restraints.Source("test", UUID(partner))

    async def once() -> None:
        async with operator_database.session() as session:
            await restraints.put(session, UUID(partner), Reason.RED_FLAG, source, by=None)

    await asyncio.gather(*(once() for _ in range(4)))
    assert await reasons(unicef, partner) == ["RED_FLAG"]


@pytest.mark.parametrize("against", ["none", "consent", "protected", "country", "unverified"])
async def test_a_profile_is_public_only_when_everything_allows_it(
    against: str, unicef: Api, operator_database: Database, world: World
) -> None:
    country = {"country": "TCD", "none": "NER"}.get(against, "KEN")
    made = await complete_partner(unicef, operator_database, country=country)
    if against != "unverified":
        await verify(unicef, made)
    more = {"protected": True} if against == "protected" else {}
    await change(operator_database, made, publication_consent=against != "consent", **more)
    if against == "country":
        async with operator_database.session() as session:
            await session.execute(
                text("INSERT INTO country_settings (country, sensitive, reason, set_by, person_id) "
                     "VALUES ('TCD', true, 'r', :agency, :person)"),
                {"agency": world.agencies["UNICEF"], "person": world.persons["UNICEF"]},
            )  # fmt: skip
    assert (await standing(unicef, made))["public"] is (against == "none")
