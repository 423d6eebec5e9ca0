"""What an oversight office does for an investigation: logged, held, and withheld for a time."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.audit.exceptions import queries
from app.core.clock import rfc3339, utc_now
from app.core.db import Binding, Database
from tests.assessments.factories import make_assessment
from tests.audit.conftest import OfficerOf
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, World

INVESTIGATION = {"Access-Purpose": 'INVESTIGATION; ref="OIG-7"'}
MONITORING = {"Access-Purpose": 'MONITORING; ref="x"'}


def until(days: int = 30) -> str:
    return rfc3339(utc_now() + timedelta(days=days))


def body(kind: str = "read_log", **more: Any) -> dict[str, Any]:
    return {"subject_kind": kind, "until": until(), "reason": "Canary: under way"} | more


async def _read_for_investigation(api_for: ApiFor, officer: OfficerOf) -> tuple[str, str]:
    """UNICEF's assessment, read by WFP's oversight; its id and its partner's.

    Of details of this kind the matrix gives oversight its own only: it reads what is inter-agency.
    """
    unicef, ovs = await api_for("UNICEF"), await officer("WFP", "OVS")
    made = await make_assessment(unicef, confidentiality="INTER_AGENCY")
    await ovs.read(f"/v1/assessments/{made['id']}/detail", headers=INVESTIGATION)
    return made["id"], made["partner_id"]


async def disclosed(api: Api, record: str) -> int:
    return len((await api.read(f"/v1/assessments/{record}/disclosures"))["items"])


async def seen(database: Database, binding: Binding, record: str) -> int:
    async with database.session(binding) as session:
        count = await session.scalar(
            text(
                "SELECT count(*) FROM audit_events WHERE subject_id = :id "
                "AND event = 'assessment:detail:read'"
            ),
            {"id": record},
        )
        return int(count or 0)


@pytest.mark.parametrize("by", ["subject_id", "partner_id"])
async def test_a_held_read_shows_to_oversight_only_and_withheld_to_the_reader_s_only(
    api_for: ApiFor, officer: OfficerOf, world: World, database: Database, by: str
) -> None:
    record, partner = await _read_for_investigation(api_for, officer)
    unicef, unicef_ovs = await api_for("UNICEF"), await officer("UNICEF", "OVS")
    wfp, wfp_ovs = await api_for("WFP"), await officer("WFP", "OVS")
    owner = world.agencies["UNICEF"]
    reader = world.agencies["WFP"]
    assert (await disclosed(unicef, record), await disclosed(unicef_ovs, record)) == (0, 1)
    mark = await wfp_ovs.made(
        "/v1/withholdings", body(**{by: record if by == "subject_id" else partner})
    )
    assert await disclosed(unicef_ovs, record) == 0
    shown = [
        await seen(database, Binding(owner), record),
        await seen(database, Binding(owner, oversight=True), record),
        await seen(database, Binding(reader), record),
        await seen(database, Binding(reader, oversight=True), record),
        await seen(database, Binding(world.agencies["FAO"], oversight=True), record),
    ]
    assert shown == [0, 0, 0, 1, 0]
    assert (await wfp_ovs.delete(f"/v1/withholdings/{mark['id']}")).status_code == 204
    assert await disclosed(unicef_ovs, record) == 1
    again = await wfp_ovs.delete(f"/v1/withholdings/{mark['id']}")
    assert again.json()["code"] == "withholding_ended"
    assert (await wfp.get("/v1/withholdings")).json()["code"] == "role_required"


async def test_whom_another_looks_into_is_not_to_be_asked(
    api_for: ApiFor, officer: OfficerOf, world: World, database: Database
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    await (await officer("WFP", "OVS")).made("/v1/withholdings", body(subject_id=record))
    reader, owner = world.agencies["WFP"], world.agencies["UNICEF"]
    asked = text("SELECT read_withheld(:reader, :record, NULL)")
    for binding, told in ((Binding(owner), False), (Binding(owner, oversight=True), True)):
        async with database.session(binding) as session:
            found = await session.scalar(asked, {"reader": reader, "record": UUID(record)})
        assert found is told


async def test_ordinary_reads_are_not_withheld_and_nothing_leaves_the_log(
    api_for: ApiFor, officer: OfficerOf, operator_database: Database
) -> None:
    record, _ = await _read_for_investigation(api_for, officer)
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    await (await officer("WFP", "OVS")).made("/v1/withholdings", body(subject_id=record))
    await wfp.read(f"/v1/assessments/{record}/detail", headers=MONITORING)
    assert await disclosed(unicef, record) == 1
    assert await disclosed(await officer("UNICEF", "OVS"), record) == 1
    reads = [
        row.held
        for row in await events_of(operator_database, record)
        if row.event == "assessment:detail:read"
    ]
    assert reads == [True, False]


async def told(database: Database, partner: str) -> Counter[str]:
    """What the partner reads of the log: how often each agency is in it."""
    async with database.session(Binding(partner_id=UUID(partner))) as session:
        rows = await session.execute(
            text("SELECT agency FROM partner_audit(NULL, NULL, NULL, 200)")
        )
        return Counter(rows.scalars())


@pytest.mark.parametrize("by", ["subject_id", "partner_id"])
async def test_a_partner_is_shown_nothing_held_and_nothing_withheld(
    api_for: ApiFor, officer: OfficerOf, database: Database, world: World, by: str
) -> None:
    record, partner = await _read_for_investigation(api_for, officer)
    wfp_ovs, unicef_ovs = await officer("WFP", "OVS"), await officer("UNICEF", "OVS")
    owner = (await told(database, partner))["UNICEF"]
    assert owner > 0
    assert await told(database, partner) == {"UNICEF": owner}, "the read of oversight is held"
    for agency in ("WFP", "FAO"):
        api = await api_for(agency)
        await api.read(f"/v1/assessments/{record}/detail", headers=MONITORING)
    everything = {"UNICEF": owner, "WFP": 1, "FAO": 1}
    assert await told(database, partner) == everything
    mark = await wfp_ovs.made(
        "/v1/withholdings", body(**{by: record if by == "subject_id" else partner})
    )
    assert await told(database, partner) == {"UNICEF": owner, "FAO": 1}, "the reader's own only"
    assert await seen(database, Binding(world.agencies["WFP"]), record) == 1, "nothing leaves"
    assert (await wfp_ovs.delete(f"/v1/withholdings/{mark['id']}")).status_code == 204
    assert await told(database, partner) == everything
    # A statement that is kept from its partner: nothing tells that there is one.
    mark = await unicef_ovs.made("/v1/withholdings", body("statement", subject_id=record))
    assert await told(database, partner) == {"UNICEF": owner - 1}
    assert (await unicef_ovs.delete(f"/v1/withholdings/{mark['id']}")).status_code == 204
    assert await told(database, partner) == everything


async def test_it_ends_with_its_time(
    api_for: ApiFor, officer: OfficerOf, database: Database, operator_database: Database
) -> None:
    record, partner = await _read_for_investigation(api_for, officer)
    ovs, second = await officer("WFP", "OVS"), await officer("WFP", "OVS", 2)
    mark = await ovs.made("/v1/withholdings", body(subject_id=record))
    async with operator_database.session() as session:
        await session.execute(
            text(
                "UPDATE withholdings SET set_at = now() - interval '9 days', "
                "since = now() - interval '9 days', until = now() - interval '1 second' "
                "WHERE id = :id"
            ),
            {"id": mark["id"]},
        )
    assert await disclosed(await officer("UNICEF", "OVS"), record) == 1
    await (await api_for("WFP")).read(f"/v1/assessments/{record}/detail", headers=MONITORING)
    assert (await told(database, partner))["WFP"] == 1
    late = await second.post(f"/v1/withholdings/{mark['id']}/renewal", json={"until": until()})
    assert late.json()["code"] == "withholding_ended"


async def test_a_second_person_renews_and_never_beyond_six_months(
    officer: OfficerOf, world: World, database: Database
) -> None:
    ovs, second = await officer("WFP", "OVS"), await officer("WFP", "OVS", 2)
    for day in (until(185), until(-1)):
        answer = await ovs.post("/v1/withholdings", json=body(subject_id=str(uuid4()), until=day))
        assert answer.json()["code"] == "period_invalid"
    mark = await ovs.made("/v1/withholdings", body(subject_id=str(uuid4())))
    url = f"/v1/withholdings/{mark['id']}"
    alone = await ovs.post(f"{url}/renewal", json={"until": until(60)})
    assert (alone.status_code, alone.json()["code"]) == (409, "same_person")
    renewed = await second.made(f"{url}/renewal", {"until": until(180)})
    assert (renewed["in_force"], renewed["version"]) == (True, 2)
    assert (await ovs.read(url))["renewed_by"] == renewed["renewed_by"]
    listed = await ovs.read("/v1/withholdings?in_force=true&limit=200")
    assert mark["id"] in [item["id"] for item in listed["items"]]
    listed = await ovs.read("/v1/withholdings?in_force=false&limit=200")
    assert mark["id"] not in [item["id"] for item in listed["items"]]
    for change in ("renewed_by = set_by", "until = since + interval '185 days'"):
        with pytest.raises(DBAPIError, match=r"two_persons|ck_withholdings_until"):
            async with database.session(Binding(world.agencies["WFP"], oversight=True)) as session:
                await session.execute(
                    text(f"UPDATE withholdings SET {change} WHERE id = :id"), {"id": mark["id"]}
                )


async def test_only_oversight_withholds_and_only_its_own_agency_s_statements(
    api_for: ApiFor, officer: OfficerOf, database: Database, world: World
) -> None:
    unicef, ovs = await api_for("UNICEF"), await officer("UNICEF", "OVS")
    foreign, legal = await officer("WFP", "OVS"), await officer("UNICEF", "LEGAL")
    record = (await make_assessment(unicef))["id"]
    for api, code in ((unicef, "role_required"), (legal, "scope_missing")):
        answer = await api.post("/v1/withholdings", json=body("statement", subject_id=record))
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    for kind, subject in (("statement", record), ("flag", str(uuid4())), ("case_step", record)):
        answer = await foreign.post("/v1/withholdings", json=body(kind, subject_id=subject))
        assert answer.json()["code"] == "record_not_found"
    mark = await ovs.made("/v1/withholdings", body("statement", subject_id=record))
    async with database.session(Binding(partner_id=uuid4())) as session:
        assert await queries.withheld(session, UUID(record))
        assert not await queries.withheld(session, uuid4())
    hidden = await foreign.get(f"/v1/withholdings/{mark['id']}")
    assert hidden.json()["code"] == "withholding_not_found"
    for bad in (
        body(),
        body(subject_id=record, partner_id=record),
        body("flag", partner_id=record),
    ):
        assert (await ovs.post("/v1/withholdings", json=bad)).status_code == 422


async def test_screenings_and_clearances_of_an_investigation_are_held(
    api_for: ApiFor, officer: OfficerOf, operator_database: Database
) -> None:
    ovs, wfp = await officer("WFP", "OVS"), await api_for("WFP")
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    subject = {"kind": "person", "names": ["Some One"]}
    held = []
    for api in (ovs, wfp):
        for purpose in ("AUDIT", "CONTRACTING"):
            screened = await api.made("/v1/screenings", {"subject": subject, "purpose": purpose})
            cleared = await api.made(
                "/v1/clearances",
                {"partner": {"id": partner}, "country": "KEN", "purpose": purpose},
            )
            rows = [
                (await events_of(operator_database, screened["screening_id"]))[0],
                (await events_of(operator_database, cleared["clearance_id"]))[0],
            ]
            async with operator_database.session() as session:
                told = await session.scalar(
                    text("SELECT data::text FROM outbox WHERE subject_id = :id"),
                    {"id": cleared["clearance_id"]},
                )
            assert [row.purpose for row in rows] == [purpose, purpose]
            held.append(([row.held for row in rows], json.loads(told or "{}").get("held", False)))
    no = ([False, False], False)
    assert held == [([True, True], True), no, no, no]
