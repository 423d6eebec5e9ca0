"""Who is compared again when one side changes, and what is found from either side."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.feed.entries import listed_entry_id
from app.sanctions.matches import sweeping
from app.sanctions.matches.finding import find_for_partner
from app.sanctions.matches.found import Found, SubjectRef
from app.sanctions.screening.service import Screener
from partner_registry_matcher import ALGORITHM
from tests.cli.commands import environment_of, registry
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.people.factories import add_person
from tests.sanctions.lists.support import party, switch_off, switch_on
from tests.sanctions.matches.conftest import OWN, SHARED, Again, Put
from tests.support import World

V1 = {"If-Match": '"v1"'}
_HANDS = party("1", "Oxblood Lantern Relief Hands")
_MAN = party("2", "Zbigniew Quartermain Oyelaran", kind="person")


def _entry(key: str, code: str = SHARED) -> UUID:
    return listed_entry_id(code, key)


async def _partner(api_for: ApiFor, name: str, **more: Any) -> UUID:
    made = await make_partner(
        await api_for("UNICEF"), legal_name=name, aliases=[], acronym=None, **more
    )
    return UUID(made["id"])


async def _person(api_for: ApiFor, partner: UUID, name: str, **more: Any) -> SubjectRef:
    made = await add_person(await api_for("UNICEF"), str(partner), full_name=name, **more)
    return SubjectRef(partner, UUID(made["id"]))


def _only(found: Any) -> Found:
    (one,) = found
    result: Found = one
    return result


async def test_a_new_profile_and_its_people_are_compared_and_nobody_else(
    api_for: ApiFor, again: Again, lists: Put
) -> None:
    await lists(_HANDS, _MAN)
    await again()
    partner = await _partner(api_for, "Oxblood Lantern Releif Hands")
    person = await _person(api_for, partner, "Quartermain Oyelaran, Zbigniev")
    other = await _person(api_for, partner, "Amina Teklehaimanot")
    seen = await again()
    assert seen.entries == {}
    assert set(seen.subjects) == {SubjectRef(partner), person, other}
    body = _only(seen.subjects[SubjectRef(partner)])
    assert (body.entry_id, body.source, body.reference) == (_entry("1"), SHARED, "ZZ-1")
    assert (body.holder, body.script, body.public_office) == (None, "Latn", False)
    assert body.explanation["algorithm"] == ALGORITHM
    assert body.score > 0.9
    assert _only(seen.subjects[person]).entry_id == _entry("2")
    assert seen.subjects[other] == []
    # Nothing has changed since: nothing is compared again.
    seen = await again()
    assert (seen.subjects, seen.entries) == ({}, {})


async def test_a_list_that_changes_has_only_what_changed_compared(
    api_for: ApiFor, again: Again, lists: Put
) -> None:
    await lists(_HANDS, _MAN)
    partner = await _partner(api_for, "Vermilion Cascade Orphans Fund")
    person = await _person(api_for, partner, "Thaddeus Wojciechowska Mbeki")
    await again()
    new = party("3", "Vermillion Cascade Orphan Fund")
    man = party("4", "Tadeus Woyciehovska Mbeki", kind="person")
    await lists(_HANDS, _MAN, new, man)
    seen = await again()
    assert seen.subjects == {}
    assert set(seen.entries) == {_entry("3"), _entry("4")}
    found = _only(seen.entries[_entry("3")])
    assert found.subject == SubjectRef(partner)
    hit = _only(seen.entries[_entry("4")])
    assert hit.subject == person
    # From the other side the same pairs, with the same scores and hashes.
    unicef = await api_for("UNICEF")
    url = f"/v1/partners/{partner}"
    assert (await unicef.patch(url, json={"website": "https://v.example"}, headers=V1)).is_success
    people = f"{url}/people/{person.person_id}"
    assert (await unicef.patch(people, json={"phone": None}, headers=V1)).is_success
    seen = await again()
    assert _only(seen.subjects[SubjectRef(partner)]) == found
    assert _only(seen.subjects[person]) == hit
    # A change of what is not compared changes no hash; one of a name does, on its side only.
    await lists(_HANDS, _MAN, party("3", "Vermillion Cascade Orphan Fund", remarks="x"), man)
    assert _only((await again()).entries[_entry("3")]) == found
    await lists(_HANDS, _MAN, party("3", "Vermillion Cascade Orphans Funds"), man)
    later = _only((await again()).entries[_entry("3")])
    assert (later.subject_hash, later.entry_hash == found.entry_hash) == (
        found.subject_hash,
        False,
    )
    # Delisted: nothing is found of it any more.
    await lists(_HANDS, _MAN, man)
    assert (await again()).entries == {_entry("3"): []}


async def test_a_pair_that_one_side_found_is_not_lost_from_the_other(
    api_for: ApiFor, again: Again, lists: Put, worker_database: Database
) -> None:
    """What the blind index or the keys of names would not meet is met by what is known."""
    await lists(_HANDS, _MAN)
    partner = await _partner(api_for, "Gamboge Thistle Widows Aid")
    person = await _person(api_for, partner, "Aurelio Xanthopoulos Nakamura")
    await again()
    listed = party("5", "Gamboge Thistle Widow Aid")
    man = party("6", "Aurelio Xanthopulos Nakamura", kind="person")
    await lists(_HANDS, _MAN, listed, man)
    await again()
    async with worker_database.session() as session:
        await session.execute(
            text("DELETE FROM partner_names WHERE partner_id = :p"), {"p": partner}
        )
        await session.execute(
            text("DELETE FROM partner_person_tokens WHERE person_id = :p"), {"p": person.person_id}
        )
    listed, man = listed | {"remarks": "again"}, man | {"remarks": "again"}
    await lists(_HANDS, _MAN, listed, man)
    seen = await again()
    assert _only(seen.entries[_entry("5")]).subject == SubjectRef(partner)
    assert _only(seen.entries[_entry("6")]).subject == person


async def test_a_list_of_some_agencies_is_found_for_each_of_them_and_for_nobody_else(
    api_for: ApiFor, again: Again, lists: Put, world: World
) -> None:
    await lists(party("7", "Celadon Harrow Builders"), code=OWN)
    partner = await _partner(api_for, "Celadon Harrow Builders")
    assert (await again()).subjects[SubjectRef(partner)] == []
    use = await switch_on(api_for, OWN, "UNICEF")
    seen = await again()
    found = _only(seen.entries[_entry("7", OWN)])
    assert (found.holder, found.source) == (world.agencies["UNICEF"], OWN)
    second = await switch_on(api_for, OWN, "WFP")
    holders = {one.holder for one in (await again()).entries[_entry("7", OWN)]}
    assert holders == {world.agencies["UNICEF"], world.agencies["WFP"]}
    await switch_off(api_for, OWN, "UNICEF", use)
    assert _only((await again()).entries[_entry("7", OWN)]).holder == world.agencies["WFP"]
    await switch_off(api_for, OWN, "WFP", second)
    assert (await again()).entries[_entry("7", OWN)] == []


async def test_a_task_that_fails_is_tried_later_and_holds_up_nobody(
    api_for: ApiFor, again: Again, lists: Put, worker_database: Database
) -> None:
    await lists(_HANDS, _MAN)
    partner = await _partner(api_for, "Heliotrope Saddle Clinics")
    person = await _person(api_for, partner, "Ignatius Balogun")
    good = again.seen.to_subject

    async def failing(session: Any, keyring: Any, ref: SubjectRef, found: Any) -> None:
        if ref.person_id is None:
            raise ValueError("secret name")
        await good(session, keyring, ref, found)

    again.rescreener._to_subject = failing
    seen = await again()
    assert set(seen.subjects) == {person}
    row = text("SELECT failures, failure, due_at > now() AS later FROM rescreen_tasks")
    async with worker_database.session() as session:
        task = (await session.execute(row)).one()
        await session.execute(text("UPDATE rescreen_tasks SET due_at = now()"))
    assert tuple(task) == (1, "ValueError", True)
    again.rescreener._to_subject = good
    assert set((await again()).subjects) == {SubjectRef(partner)}


async def test_a_sweep_finds_what_was_missed_and_goes_on_where_it_was(
    api_for: ApiFor, again: Again, lists: Put, worker_database: Database, monkeypatch: Any
) -> None:
    await lists(_HANDS, _MAN)
    partners = [await _partner(api_for, f"Saffron Gully Mission {n}") for n in ("Aa", "Bb", "Cc")]
    person = await _person(api_for, partners[0], "Leocadia Fitzwilliam")
    await again()
    for _ in range(2):
        async with worker_database.session() as session:
            await sweeping.sweep_anew(session)
        swept = await _swept(worker_database, again)
    assert swept == (set(), set())
    # Another algorithm, an event that was lost, a listed party that was not compared.
    async with worker_database.session() as session:
        await sweeping.sweep_anew(session)
        values = {"one": partners[1], "person": person.person_id, "entry": _entry("1")}
        for change in (
            "UPDATE screened_subjects SET algorithm = 'names-0' WHERE subject_id = :one",
            "DELETE FROM screened_subjects WHERE subject_id = :person",
            "DELETE FROM screened_entries WHERE entry_id = :entry",
        ):
            name = change.rsplit(":", 1)[1]
            await session.execute(text(change), {name: values[name]})
    monkeypatch.setattr(sweeping, "_PAGE", 2)
    assert await sweeping.sweep(worker_database) > 0
    places = await _places(worker_database)
    assert any(place is not None for place in places.values())
    assert await _swept(worker_database, again) == (
        {SubjectRef(partners[1]), person},
        {_entry("1")},
    )
    assert all(place is None for place in (await _places(worker_database)).values())


async def _places(database: Database) -> dict[str, Any]:
    async with database.session() as session:
        return {row["name"]: row["place"] for row in await sweeping.sweeps(session)}


async def _swept(database: Database, again: Again) -> tuple[set[SubjectRef], set[UUID]]:
    """Sweep to the end, and compare what was found to be missing."""
    while await sweeping.sweep(database):
        continue
    seen = await again()
    return set(seen.subjects), set(seen.entries)


async def test_a_clearance_looks_only_at_people_who_were_not_reached(
    api_for: ApiFor, again: Again, lists: Put, database: Database, world: World, keyring: KeyRing
) -> None:
    await lists(_HANDS, _MAN)
    partner = await _partner(api_for, "Damask Ferry Kitchens")
    person = await _person(api_for, partner, "Zbigniew Quartermain Oyelaran")
    screener, agency = Screener(), world.agencies["WFP"]

    async def find() -> list[Found]:
        async with database.fast_write(agency) as connection:
            return await find_for_partner(connection, keyring, screener, partner, agency)

    found = _only(await find())
    assert (found.subject, found.entry_id) == (person, _entry("2"))
    seen = await again()
    assert _only(seen.subjects[person]) == found
    assert await find() == []


async def test_the_command_compares_again_what_it_is_told(
    api_for: ApiFor, again: Again, lists: Put, settings: Settings
) -> None:
    await lists(_HANDS, _MAN)
    partner = await _partner(api_for, "Ochre Meridian Shelters")
    await again()
    env = environment_of(settings)
    answer = await registry("matches", "rescreen", "--partner", str(partner), env=env)
    assert answer.exit_code == 0, answer.output
    answer = await registry("matches", "status", "--json", env=env)
    assert json.loads(answer.stdout)["waiting"][0]["kind"] == "partner"
    for wrong in (["--all", "--source", SHARED], [], ["--source", "nonsense"]):
        answer = await registry("matches", "rescreen", *wrong, env=env)
        assert answer.exit_code == 1


@pytest.mark.parametrize(
    "kind",
    [
        {"partner_type": "GOV_LOCAL", "tags": []},
        {"partner_type": "UN_ENTITY", "tags": []},
        {"tags": ["EXERCISES_PUBLIC_FUNCTIONS"]},
    ],
)
async def test_a_match_of_a_public_authority_is_the_legal_offices(
    api_for: ApiFor, again: Again, lists: Put, kind: dict[str, Any]
) -> None:
    await lists(party("8", "Periwinkle Estuary Commission"))
    partner = await _partner(api_for, "Periwinkle Estuary Commission", **kind)
    assert _only((await again()).subjects[SubjectRef(partner)]).public_office is True
