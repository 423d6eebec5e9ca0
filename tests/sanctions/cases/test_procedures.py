"""Procedures: two persons, above the floor, and cases stay with the one they were told under."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from app.sanctions.cases.procedures import TERMS
from app.sanctions.codes import CODES
from tests.conftest import ApiFor
from tests.sanctions.cases.support import Case, code, day, version
from tests.support import Api, World

URL = "/v1/sanctions/procedures"


def body(**more: Any) -> dict[str, Any]:
    return {
        "effective_from": "2026-11-01",
        "legal_basis": "Vendor sanctions policy, revision 2026",
        "appeal_body": "Vendor review appeals committee",
    } | more


async def approved(api_for: ApiFor, agency: str, **more: Any) -> Any:
    proposer, approver = await api_for(agency), await api_for(f"{agency}_APPROVER")
    made = await proposer.made(URL, body(**more))
    return await approver.made(
        f"{URL}/{made['id']}/approval", {"decision": "approve"}, headers=version(1)
    )


async def test_the_database_has_the_floor_as_the_data_file_says_it(
    operator_database: Database,
) -> None:
    async with operator_database.session() as session:
        row = (
            await session.execute(
                text(f"SELECT {', '.join(TERMS)} FROM sanction_procedures WHERE agency_id IS NULL")
            )
        ).one()
    assert dict(row._mapping) == {name: getattr(CODES.procedure_floor, name) for name in TERMS}


async def test_a_second_person_approves_and_then_all_agencies_read_it(api_for: ApiFor) -> None:
    fao, wfp = await api_for("FAO"), await api_for("WFP")
    made = await fao.made(URL, body(effective_from="2030-01-01"))
    url = f"{URL}/{made['id']}"
    assert (made["state"], made["reply_period_days"], made["agency"]) == ("proposed", 30, "FAO")
    assert code(await wfp.get(url)) == (404, "procedure_not_found")
    decision = {"decision": "approve"}
    same = await fao.post(f"{url}/approval", json=decision, headers=version(1))
    assert code(same) == (409, "same_person")
    approver = await api_for("FAO_APPROVER")
    assert (await approver.post(f"{url}/approval", json=decision)).status_code == 428
    stale = await approver.post(f"{url}/approval", json=decision, headers=version(2))
    assert stale.status_code == 412
    stranger = await (await api_for("WFP_APPROVER")).post(
        f"{url}/approval", json=decision, headers=version(1)
    )
    assert code(stranger) == (404, "procedure_not_found")
    done = await approver.made(f"{url}/approval", decision, headers=version(1))
    assert done["state"] == "approved"
    again = await approver.post(f"{url}/approval", json=decision, headers=version(2))
    assert code(again) == (409, "procedure_decided")
    assert (await wfp.read(url))["legal_basis"] == body()["legal_basis"]
    listed = (await wfp.read(f"{URL}?agency=FAO"))["items"]
    assert made["id"] in [item["id"] for item in listed]
    floor = [item for item in (await wfp.read(URL))["items"] if item["agency"] is None]
    assert len(floor) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reply_period_days", 29),
        ("appeal_days", 10),
        ("interim_months", 7),
        ("interim_renewals", 2),
        ("review_months", 24),
    ],
)
async def test_nothing_below_the_floor(
    api_for: ApiFor, database: Database, world: World, field: str, value: int
) -> None:
    answer = await (await api_for("FAO")).post(URL, json=body(**{field: value}))
    assert code(answer) == (422, "procedure_below_floor")
    assert [item["pointer"] for item in answer.json()["errors"]] == [f"/{field}"]
    terms = CODES.procedure_floor.model_dump() | {field: value}
    columns = {name: terms[name] for name in TERMS} | {
        "agency_id": world.agencies["FAO"],
        "proposed_by": world.persons["FAO"],
    }
    names = ", ".join(columns)
    with pytest.raises(IntegrityError, match="sanction_below_floor"):
        async with database.session(world.agencies["FAO"]) as session:
            await session.execute(
                text(
                    f"INSERT INTO sanction_procedures (id, number, effective_from, legal_basis, "
                    f"appeal_body, {names}) VALUES (gen_random_uuid(), 99, current_date, 'x', 'x', "
                    f"{', '.join(f':{name}' for name in columns)})"
                ),
                columns,
            )


async def test_a_case_keeps_to_the_procedure_it_was_told_under(api_for: ApiFor) -> None:
    before = await Case.open(api_for, "FAO")
    await before.told()
    procedure = await approved(
        api_for,
        "FAO",
        reply_period_days=45,
        panel_form="panel",
        panel_members=3,
        departure="with_reasons",
        interim_months=2,
        interim_renewals=0,
    )
    # Told before it came into force: the floor holds to the end.
    await before.replied()
    assert (await before.reviewed())["state"] == "UNDER_REVIEW"
    case = await Case.open(api_for, "FAO")
    told = await case.told(sent_on="2026-11-03")
    assert (told["procedure_id"], told["reply_due_on"]) == (procedure["id"], "2026-12-18")
    await case.replied(received_on="2026-11-10")
    reviewer = await case.reviewer()
    panel = [{"office": "Procurement", "function": "chief"}] * 3
    review = {"recommendation": "do_not_impose", "note": "Canary"}
    for few in ([], panel[:2]):
        answer = await reviewer.post(f"{case.url}/review", json=review | {"panel": few})
        assert code(answer) == (422, "panel_too_small")
    decider: Api = await case.decider()
    interim = {"effective_from": day(), "until_on": day(80), "reason": "R"}
    too_long = await decider.post(f"{case.url}/interim-suspensions", json=interim)
    assert code(too_long) == (409, "interim_limit")
    await reviewer.made(f"{case.url}/review", review | {"panel": panel})
    assert code(await case.decide()) == (409, "advised_against")
    done = await case.decide(departure_reason="Canary: the panel left out the audit.")
    assert done.status_code == 201, done.text
    assert (await case.read())["respondents"][0]["departed"] is True


async def test_under_a_suspensive_procedure_a_measure_waits_for_the_appeal(
    api_for: ApiFor,
) -> None:
    await approved(api_for, "UNHCR", appeal_suspensive=True)
    case = await Case.open(api_for, "UNHCR")
    await case.told(sent_on="2026-11-03")
    await case.replied(received_on="2026-11-10")
    await case.reviewed()
    assert code(await case.decide()) == (422, "appeal_suspends")
    done = await case.decide(effective_from=day(31))
    assert done.status_code == 201, done.text
    investigator = await case.investigator()
    appeal = await investigator.made(f"{case.url}/appeals", {"filed_on": day(), "text": "Canary"})
    assert appeal["suspensive"] is True
    entry = await investigator.read(f"/v1/sanctions/entries/{done.json()['entry_id']}")
    assert entry["status"] == "LIFTED"
