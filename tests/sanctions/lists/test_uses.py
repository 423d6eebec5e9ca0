"""Switching a list on: two persons, of a joint list of two agencies; nobody else's affair."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import BINDING, Binding, Database
from tests.conftest import ApiFor, Settle
from tests.sanctions.lists.conftest import JOINT, OPT_IN
from tests.sanctions.lists.support import BASIS, URL, switch_off, switch_on
from tests.support import World

pytestmark = pytest.mark.usefixtures("two_lists")
V1 = {"If-Match": '"v1"'}


async def test_one_person_alone_switches_nothing_on(api_for: ApiFor) -> None:
    approver = await api_for("FAO_APPROVER")
    use = await approver.made(f"{URL}/{OPT_IN}/uses", BASIS)
    place = f"{URL}/{OPT_IN}/uses/{use['id']}"
    same = await approver.post(f"{place}/approval", headers=V1)
    assert (same.status_code, same.json()["code"]) == (409, "second_person_needed")
    again = await approver.post(f"{URL}/{OPT_IN}/uses", json=BASIS)
    assert (again.status_code, again.json()["code"]) == (409, "list_use_open")
    reviewer = await api_for("FAO_REVIEWER")
    late = await reviewer.post(f"{place}/approval", headers={"If-Match": '"v2"'})
    assert late.status_code == 412
    assert (await reviewer.post(f"{place}/approval")).status_code == 428
    assert (await reviewer.post(f"{place}/approval", headers=V1)).json()["state"] == "active"
    twice = await approver.post(f"{place}/approval", headers={"If-Match": '"v2"'})
    assert (twice.status_code, twice.json()["code"]) == (409, "list_use_closed")
    await switch_off(api_for, OPT_IN, "FAO", use["id"])
    ended = await approver.delete(place)
    assert (ended.status_code, ended.json()["code"]) == (409, "list_use_closed")


async def test_another_agency_finds_nothing_of_a_use(api_for: ApiFor) -> None:
    use = await (await api_for("FAO")).made(f"{URL}/{OPT_IN}/uses", BASIS)
    place, other = f"{URL}/{OPT_IN}/uses/{use['id']}", await api_for("UNHCR_APPROVER")
    for answer in (
        await other.post(f"{place}/approval", headers=V1),
        await other.delete(place),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "list_use_not_found")
    assert (await other.read(f"{URL}/{OPT_IN}/uses"))["items"] == []
    mine = (await (await api_for("FAO")).read(f"{URL}/{OPT_IN}/uses"))["items"]
    assert mine[0]["id"] == use["id"]
    await switch_off(api_for, OPT_IN, "FAO", use["id"])


async def test_a_shared_or_unknown_list_is_not_switched(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    shared = await wfp.post(f"{URL}/unsc/uses", json=BASIS)
    assert (shared.status_code, shared.json()["code"]) == (409, "list_counts_for_all")
    for code in ("nowhere", "csv:nowhere", "source"):
        unknown = await wfp.post(f"{URL}/{code}/uses", json=BASIS)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "source_not_found")
    for code in ("UNSC", "a b", "unsc'--", "x" * 60):
        assert (await wfp.post(f"{URL}/{code}/uses", json=BASIS)).status_code == 422
    for body in (
        {},
        {"legal_basis": " "},
        {"legal_basis": "x" * 1001},
        BASIS | {"state": "active"},
    ):
        assert (await wfp.post(f"{URL}/{OPT_IN}/uses", json=body)).status_code == 422


async def test_a_joint_list_needs_a_person_of_another_agency(
    api_for: ApiFor, settle: Settle
) -> None:
    use = await (await api_for("WFP")).made(f"{URL}/{JOINT}/uses", BASIS)
    place = f"{URL}/{JOINT}/uses/{use['id']}"
    own = await (await api_for("WFP_APPROVER")).post(f"{place}/approval", headers=V1)
    assert (own.status_code, own.json()["code"]) == (409, "second_agency_needed")
    stranger = await (await api_for("FAO_APPROVER")).delete(place)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "list_use_not_found")
    seen = (await (await api_for("FAO")).read(f"{URL}/{JOINT}/uses"))["items"]
    assert seen[0]["agency"] == "WFP"
    await switch_off(api_for, JOINT, "WFP", use["id"])
    await settle()


async def test_a_joint_list_enters_and_leaves_the_streams_of_all(
    api_for: ApiFor, settle: Settle
) -> None:
    fao, name = (
        await api_for("FAO"),
        {"kind": "organisation", "names": ["Wolframite Cascade Builders"]},
    )
    before = await fao.made("/v1/screenings", {"subject": name})
    assert before["hits"] == []
    seq = (await fao.read("/v1/feeds/sanctions/changes?after=0&limit=1000"))["to"]
    use = await switch_on(api_for, JOINT, "UNDP", "UNICEF")
    await settle()
    found = await fao.made("/v1/screenings", {"subject": name})
    assert [hit["source"] for hit in found["hits"]] == [JOINT]
    assert found["own_lists"] == []
    shown = {item["code"]: item for item in (await fao.read(URL))["items"]}
    assert shown[JOINT]["counts_for_you"] is True
    await switch_off(api_for, JOINT, "UNICEF", use)
    await settle()
    after = await fao.made("/v1/screenings", {"subject": name})
    assert after["hits"] == []
    page = await fao.read(f"/v1/feeds/sanctions/changes?after={seq}&limit=1000")
    assert [(change["op"], change["reason"]) for change in page["changes"]] == [
        ("put", None),
        ("put", None),
        ("remove", "level_changed"),
        ("remove", "level_changed"),
    ]


_PROPOSED = (
    "INSERT INTO list_uses (id, source, audience, agency_id, legal_basis, proposed_by) "
    "VALUES (uuidv7(), :s, :audience, :agency, 'x', :person) RETURNING id"
)

_APPROVED = (
    "UPDATE list_uses SET state = 'active', approved_by = :p, approving_agency = :a, "
    "approved_at = now() WHERE id = :id"
)


@pytest.mark.parametrize(
    ("approver", "at"),
    [("FAO", "FAO"), ("WFP", "FAO"), ("FAO_APPROVER", "WFP")],
    ids=["the same person", "another agency's person", "in another agency's name"],
)
async def test_the_database_itself_wants_two_persons_of_the_agency(
    database: Database, world: World, approver: str, at: str
) -> None:
    agency = world.agencies["FAO"]
    new = {"s": OPT_IN, "audience": "opt_in", "agency": agency, "person": world.persons["FAO"]}
    approved = {"p": world.persons[approver], "a": world.agencies[at]}
    async with database.sessions(info={BINDING: Binding(agency)}) as session:
        use = await session.scalar(text(_PROPOSED), new)
        with pytest.raises(DBAPIError, match=r"two_persons|list_use_person|approving_agency"):
            await session.execute(text(_APPROVED), approved | {"id": use})
        await session.rollback()


async def test_the_database_keeps_what_kind_of_list_it_is(database: Database, world: World) -> None:
    values = {"agency": world.agencies["FAO"], "person": world.persons["FAO"]}
    for code, audience in (("unsc", "opt_in"), (OPT_IN, "joint"), (JOINT, "opt_in")):
        with pytest.raises(DBAPIError, match="fk_list_uses_list_sources"):
            async with database.session(world.agencies["FAO"]) as session:
                await session.execute(text(_PROPOSED), values | {"s": code, "audience": audience})


async def test_files_and_streams_of_a_joint_list_are_absent_before(
    api_for: ApiFor, two_lists: Path
) -> None:
    wfp = await api_for("WFP")
    for url in (f"{URL}/{JOINT}/parties", f"{URL}/{JOINT}/versions"):
        assert (await wfp.get(url)).status_code == 404
    stream = await wfp.get(f"/v1/feeds/sanctions/manifest?stream=source.{JOINT}")
    unknown = await wfp.get("/v1/feeds/sanctions/manifest?stream=source.zz_nothing")
    assert stream.status_code == unknown.status_code == 404
    assert stream.json()["code"] == unknown.json()["code"]
