"""Fraud cases: milestones, sums, two persons, and who may know."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import BINDING, Binding, Database
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import partner_api
from tests.sanctions.cases.support import code, day, version
from tests.sanctions.factories import impose, open_case
from tests.sanctions.fraud_cases.support import PURPOSE, URL, Fraud, body, share_body
from tests.support import World

WRONG = (
    ({"loss_usd": "-1"}, "/loss_usd"),
    ({"loss_usd": "NaN"}, "/loss_usd"),
    ({"loss_usd": "1e308"}, "/loss_usd"),
    ({"loss_usd": "Infinity"}, "/loss_usd"),
    ({"loss_usd": "1.005"}, "/loss_usd"),
    ({"loss_usd": "1234567890123456789"}, "/loss_usd"),
    ({"loss_usd": 100}, "/loss_usd"),
    ({"loss_usd": 1e308}, "/loss_usd"),
    ({"loss_usd": "٣"}, "/loss_usd"),
    ({"loss_usd": None}, "/loss_usd"),
    ({"reference": "The director took the cash"}, "/reference"),
    ({"reference": "a\nb"}, "/reference"),
    ({"reference": "x" * 41}, "/reference"),
    ({"case_type": "gossip"}, "/case_type"),
    ({"stage": "substantiated"}, "/stage"),
    ({"narrative": "x"}, ""),
    ({"written_off_usd": "1"}, ""),
)


@pytest.mark.parametrize(("wrong", "pointer"), WRONG)
async def test_bad_input_is_refused(api_for: ApiFor, wrong: dict[str, Any], pointer: str) -> None:
    unicef = await api_for("UNICEF")
    refused = await unicef.post(URL, json=body(str(uuid4())) | wrong)
    assert refused.status_code in (400, 422), refused.text
    if pointer and refused.status_code == 422:
        assert refused.json()["errors"][0]["pointer"] == pointer


async def test_no_amount_of_a_step_is_absurd(api_for: ApiFor) -> None:
    case = await Fraud.open(api_for)
    for amount in ("0", "0.00", "-5", "NaN", "1e5", "0.001", "99999999999999999999"):
        assert (await case.recovered(amount)).status_code == 422, amount
    assert code(await case.recovered("100.01")) == (422, "exceeds_outstanding")
    assert code(await case.recovered("1.00", booked_on=day(9)))[0] == 422
    assert (await case.read())["outstanding_usd"] == "100.00"


async def test_no_column_could_hold_a_story(operator_database: Database) -> None:
    async with operator_database.session() as session:
        rows = await session.execute(
            text(
                "SELECT attrelid::regclass::text, attname FROM pg_attribute "
                "WHERE attrelid IN ('fraud_cases'::regclass, 'fraud_case_acts'::regclass, "
                "'fraud_case_amounts'::regclass) AND attnum > 0 AND NOT attisdropped "
                "AND atttypid IN ('text'::regtype, 'bytea'::regtype, 'jsonb'::regtype)"
            )
        )
        texts = {row[1] for row in rows}
        assert texts == {
            *("reference", "case_type", "stage", "outcome", "national_referral"),
            *("authority_kind", "authority_country", "asset_recovery", "kind", "state"),
        }


async def test_from_presumption_to_closing(api_for: ApiFor) -> None:
    case = await Fraud.open(api_for, stage="presumptive")
    assert (await case.stage("under_investigation")).status_code == 200
    shown = await case.substantiated()
    assert (shown["stage"], shown["outcome"]) == ("substantiated", "substantiated")
    assert code(await case.stage("closed")) == (409, "fraud_case_outstanding")
    assert (await case.recovered("60.00")).json()["outstanding_usd"] == "40.00"
    act = await case.proposed("write_off", "40.00")
    assert (await case.decided(act)).json()["state"] == "approved"
    closed = (await case.stage("closed")).json()
    sums = [closed[f"{name}_usd"] for name in ("loss", "recovered", "written_off", "outstanding")]
    assert sums == ["100.00", "60.00", "40.00", "0.00"]
    assert (closed["stage"], closed["outcome"]) == ("closed", "substantiated")
    stages = [row["stage"] for row in (await case.read())["history"]]
    assert stages[0] == "presumptive"
    assert stages[-1] == "closed"
    assert [row["version"] for row in (await case.read())["history"]] == list(range(1, 7))


async def test_nothing_goes_back(api_for: ApiFor) -> None:
    case = await Fraud.open(api_for)
    first = await case.first()
    await case.substantiated()
    for stage in ("under_investigation", "unsubstantiated"):
        assert code(await case.stage(stage)) == (409, "fraud_case_stage")
    again = {"kind": "substantiate", "reference": "MEMO/2"}
    assert code(await first.post(f"{case.url}/acts", json=again)) == (409, "fraud_case_stage")
    now = (await case.read())["version"]

    async def change(**sent: Any) -> Any:
        current = (await case.read())["version"]
        return await first.patch(case.url, json=sent, headers=version(current))

    assert (await change(asset_recovery="civil_action")).status_code == 200
    for back in ("none", "demand_letter"):
        assert code(await change(asset_recovery=back)) == (409, "fraud_case_recovery")
    assert code(await change(loss_usd="90.00")) == (409, "fraud_case_loss")
    assert (await change(loss_usd="120.00")).json()["outstanding_usd"] == "120.00"
    assert (await first.patch(case.url, json={}, headers=version(now + 2))).status_code == 422
    assert (await first.patch(case.url, json={"loss_usd": None}, headers=version(now + 2))).is_error
    stale = await first.patch(case.url, json={"loss_usd": "130.00"}, headers=version(now))
    assert stale.status_code == 412


async def test_a_referral_goes_through_the_legal_office_and_on(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    case = await Fraud.open(api_for)
    overseer = await api_for(await add_officer(operator_database, world, "UNICEF", "FRO", "OVS"))
    lawyer = await api_for(await add_officer(operator_database, world, "UNICEF", "FRL", "LEGAL"))
    url = f"{case.url}/referral"
    referred = {
        "state": "referred",
        "referred_on": "2026-10-12",
        "authority_kind": "PROSECUTOR",
        "authority_country": "KE",
    }
    assert code(await lawyer.post(url, json=referred)) == (409, "fraud_case_referral")
    assert (await overseer.post(url, json={"state": "under_legal_review"})).status_code == 200
    assert code(await overseer.post(url, json=referred)) == (403, "role_required")
    for wrong in ({"authority_kind": "SHERIFF"}, {"referred_on": None}, {"referred_on": day(9)}):
        assert (await lawyer.post(url, json=referred | wrong)).status_code == 422, wrong
    done = await lawyer.post(url, json=referred)
    assert done.json()["authority_country"] == "KEN", done.text
    assert code(await lawyer.post(url, json={"state": "under_legal_review"}))[0] == 409
    assert code(await lawyer.post(url, json={"state": "concluded"}))[0] == 409
    assert (await lawyer.post(url, json={"state": "declined"})).status_code == 200
    assert (await lawyer.post(url, json={"state": "concluded"})).status_code == 200


async def test_two_persons_substantiate_and_write_off(
    api_for: ApiFor, database: Database, world: World
) -> None:
    case = await Fraud.open(api_for)
    act, first = await case.proposed("substantiate"), await case.first()
    url = f"{case.url}/acts/{act['id']}/decision"
    alone = await first.post(url, json={"decision": "approve"}, headers=version(1))
    assert code(alone) == (409, "same_person")
    twice = await first.post(
        f"{case.url}/acts", json={"kind": "substantiate", "reference": "MEMO/2"}
    )
    assert code(twice) == (409, "fraud_act_pending")
    assert (await case.decided(act, "reject")).json()["state"] == "rejected"
    assert code(await case.decided(act))[0] in (409, 412)
    assert (await case.read())["stage"] == "under_investigation"
    raw = (
        "UPDATE fraud_cases SET stage = 'substantiated', outcome = 'substantiated', "
        "outcome_on = current_date, version = version + 1 WHERE id = :id",
        "INSERT INTO fraud_case_amounts (id, fraud_case_id, owner_agency, kind, amount_usd, "
        "booked_on, reference, act_id, recorded_by) SELECT gen_random_uuid(), id, owner_agency, "
        f"'written_off', 5, current_date, 'X', '{act['id']}', changed_by FROM fraud_cases "
        "WHERE id = :id",
        "UPDATE fraud_cases SET written_off_usd = 5 WHERE id = :id",
        "UPDATE fraud_case_acts SET state = 'approved', decided_by = proposed_by, "
        "decided_at = now() WHERE fraud_case_id = :id",
    )
    await case.proposed("substantiate")
    for statement in raw:
        async with database.sessions() as session:
            session.sync_session.info[BINDING] = Binding(world.agencies["UNICEF"])
            with pytest.raises(DBAPIError):
                await session.execute(text(statement), {"id": UUID(case.opened["id"])})


async def test_sums_are_right_however_many_record_at_once(api_for: ApiFor) -> None:
    case = await Fraud.open(api_for)
    done = await asyncio.gather(*(case.recovered("60.00") for _ in range(4)))
    assert sorted(answer.status_code for answer in done) == [201, 422, 422, 422]
    done = await asyncio.gather(*(case.recovered("10.00") for _ in range(6)))
    assert [answer.status_code for answer in done].count(201) == 4
    shown = await case.read()
    assert shown["outstanding_usd"] == "0.00"
    assert [row["version"] for row in shown["history"]] == list(range(1, shown["version"] + 1))
    wrong = next(one for one in shown["amounts"] if one["amount_usd"] == "60.00")
    sent = {"reverses": wrong["id"], "booked_on": "2026-11-04", "reference": "RV/2"}
    first = await case.first()
    back = await asyncio.gather(
        *(first.post(f"{case.url}/recoveries", json=sent) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in back) == [201, 404, 404]
    assert (await case.read())["outstanding_usd"] == "60.00"


async def test_of_two_decisions_at_once_one_counts(api_for: ApiFor) -> None:
    case = await Fraud.open(api_for)
    await case.substantiated()
    act = await case.proposed("write_off", "70.00")
    approver = await api_for("UNICEF_APPROVER")
    url = f"{case.url}/acts/{act['id']}/decision"
    said = {"decision": "approve"}
    done = await asyncio.gather(
        case.decided(act), approver.post(url, json=said, headers=version(1))
    )
    assert sorted(answer.status_code for answer in done) == [200, 412]
    assert (await case.read())["written_off_usd"] == "70.00"
    # Both fit by themselves; together they would exceed the loss.
    act = await case.proposed("write_off", "30.00")
    both = await asyncio.gather(case.decided(act), case.recovered("30.00"))
    assert sorted(answer.is_success for answer in both) == [False, True]
    assert (await case.read())["outstanding_usd"] == "0.00"


async def test_whatever_is_booked_outstanding_never_falls_below_nothing(api_for: ApiFor) -> None:
    dice = random.Random(6)
    case = await Fraud.open(api_for, loss_usd="1000000000000000.99")
    left = Decimal("1000000000000000.99")
    for _ in range(25):
        part = Decimal(dice.randrange(1, 10**17)) / 100
        answer = await case.recovered(f"{part:.2f}")
        assert answer.is_success == (part <= left), (part, left)
        left -= part if answer.is_success else 0
        assert Decimal((await case.read())["outstanding_usd"]) == left


async def test_others_know_nothing_before_it_is_published(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    case = await Fraud.open(api_for)
    wfp, partner = await api_for("WFP"), case.opened["partner_id"]
    published = f"{URL}/published?partner_id={partner}"
    url = f"{case.url}/publication"
    assert code(await (await case.first()).post(url, headers=version(1)))[1] == (
        "fraud_case_not_publishable"
    )
    shown = await case.substantiated()
    for api in (wfp, await case.first()):
        assert (await api.read(published))["items"] == []
    assert (await wfp.get(case.url, headers=PURPOSE)).status_code == 404
    await case.published()
    (summary,) = (await wfp.read(published))["items"]
    assert (summary["owner_agency"], summary["loss_usd"]) == ("UNICEF", "100.00")
    for word in ("reference", "authority_kind", "sanction_case_id", "version"):
        assert word not in summary
    assert (await wfp.get(case.url, headers=PURPOSE)).status_code == 404
    twice = await (await case.first()).post(url, headers=version(shown["version"] + 1))
    assert code(twice) == (409, "fraud_case_not_publishable")
    own = await partner_api(api_for, operator_database, world, partner)
    assert (await own.get(published)).status_code == 403
    assert case.opened["id"] not in (await own.get("/v1/self/disclosures")).text


async def test_a_share_lets_one_agency_read_for_one_purpose_until_it_ends(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    case = await Fraud.open(api_for)
    first, wfp, fao = await case.first(), await api_for("WFP"), await api_for("FAO")
    share = await first.made(f"{case.url}/shares", share_body())
    assert code(await wfp.get(case.url)) == (422, "purpose_required")
    other = {"Access-Purpose": 'AUDIT; ref="A-1"'}
    assert code(await wfp.get(case.url, headers=other)) == (422, "purpose_not_shared")
    shown = await wfp.read(case.url, headers=PURPOSE)
    assert (shown["reference"], shown["history"]) == (case.opened["reference"], [])
    received = (await wfp.read("/v1/fraud-case-shares?limit=200"))["items"]
    assert case.opened["id"] in {one["fraud_case_id"] for one in received}
    for hidden in (f"{case.url}/shares", f"{case.url}/disclosures"):
        assert (await wfp.get(hidden)).status_code == 404
    assert (await fao.get(case.url, headers=PURPOSE)).status_code == 404
    told = (await first.read(f"{case.url}/disclosures"))["items"]
    assert {(one["agency"], one["reference"]) for one in told} == {("WFP", "OIG-2026-17")}
    for step in ("stage", "recoveries", "acts", "shares"):
        assert (await wfp.post(f"{case.url}/{step}", json={})).status_code in (404, 422)
    ended = await first.delete(f"{case.url}/shares/{share['id']}")
    assert ended.status_code == 204
    assert (await wfp.get(case.url, headers=PURPOSE)).status_code == 404
    for wrong in ({"shared_with": "UNICEF"}, {"valid_until": "2020-01-01T00:00:00Z"}):
        answer = await first.post(f"{case.url}/shares", json=share_body(**wrong))
        assert code(answer) == (422, "fraud_share_invalid")
    log = [row.event for row in await events_of(operator_database, case.opened["id"])]
    assert log.count("sanction:fraud_case:read") == 1, "looking at the log is none"


async def test_what_is_unsubstantiated_is_hidden_from_others_at_once(
    api_for: ApiFor, operator_database: Database
) -> None:
    case = await Fraud.open(api_for)
    first, wfp = await case.first(), await api_for("WFP")
    await first.made(f"{case.url}/shares", share_body())
    await wfp.read(case.url, headers=PURPOSE)
    assert (await case.stage("unsubstantiated")).status_code == 200
    assert (await wfp.get(case.url, headers=PURPOSE)).status_code == 404
    received = (await wfp.read("/v1/fraud-case-shares?limit=200"))["items"]
    assert case.opened["id"] not in {one["fraud_case_id"] for one in received}
    again = await first.post(f"{case.url}/shares", json=share_body())
    assert code(again) == (422, "fraud_case_not_shareable")
    assert code(await case.recovered("1.00")) == (409, "fraud_case_closed")
    assert (await case.stage("closed")).status_code == 200


async def test_of_sea_there_is_a_marker_alone(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    refused = await unicef.post(URL, json=body(partner, case_type="sea"))
    assert code(refused) == (422, "sea_marker_only")
    case = await Fraud.open(api_for, partner=partner, case_type="sea", loss_usd="0")
    for sent in ({"loss_usd": "5.00"}, {"asset_recovery": "demand_letter"}):
        answer = await unicef.patch(case.url, json=sent, headers=version(1))
        assert code(answer) == (422, "sea_marker_only"), sent
    review = await unicef.post(f"{case.url}/referral", json={"state": "under_legal_review"})
    assert code(review) == (422, "sea_marker_only")
    share = await unicef.post(f"{case.url}/shares", json=share_body())
    assert code(share) == (422, "fraud_case_not_shareable")
    now = await case.substantiated()
    answer = await unicef.post(f"{case.url}/publication", headers=version(now["version"]))
    assert code(answer) == (422, "sea_marker_only")


async def test_only_an_own_sanction_on_this_partner_is_linked(api_for: ApiFor) -> None:
    case = await Fraud.open(api_for, "UNDP")
    undp, partner = await case.first(), case.opened["partner_id"]
    own = await open_case(api_for, partner, "UNDP")
    other = await open_case(api_for, partner, "WFP")
    entry = await impose(api_for, partner, "UNDP")
    elsewhere = await impose(api_for)
    for wrong in (
        {"sanction_case_id": other["id"]},
        {"sanction_case_id": str(uuid4())},
        {"entry_id": elsewhere["entry_id"]},
    ):
        answer = await undp.patch(case.url, json=wrong, headers=version(1))
        assert code(answer) == (422, "linked_sanction_unknown"), wrong
    sent = {"sanction_case_id": own["id"], "entry_id": entry["entry_id"]}
    done = await undp.patch(case.url, json=sent, headers=version(1))
    assert done.json()["entry_id"] == entry["entry_id"], done.text
    freed = await undp.patch(case.url, json={"entry_id": None}, headers=version(2))
    assert freed.json()["entry_id"] is None


async def test_roles_and_numbers(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    new = body(partner)
    case = await unicef.made(URL, new)
    assert code(await unicef.post(URL, json=new)) == (409, "fraud_case_exists")
    wanted = {"OVS": (201, 200), "SAO": (201, 200), "LEGAL": (403, 200), "IPU": (403, 200)}
    wanted |= {"CO": (403, 404), "PFP": (403, 403)}
    for role, (write, read) in wanted.items():
        name = await add_officer(operator_database, world, "UNICEF", f"FR{role}", role)
        api = await api_for(name)
        assert (await api.post(URL, json=body(partner))).status_code == write, role
        assert (await api.get(f"{URL}/{case['id']}")).status_code == read, role
    listed = await unicef.read(f"{URL}?partner_id={partner}&stage=under_investigation")
    assert case["id"] in {one["id"] for one in listed["items"]}
    assert (await (await api_for("WFP")).read(f"{URL}?partner_id={partner}"))["items"] == []
