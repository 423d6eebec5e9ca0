"""Due process: no measure without notice, reply, review and three persons."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.factories import TERMS, impose, open_case, reviewed_case
from tests.support import World

DECISION = {"measure": "DEBARMENT_FIXED", "reason": "Forged invoices.", **TERMS}


async def test_three_persons_impose_a_measure(api_for: ApiFor) -> None:
    entry = await impose(api_for)
    assert entry["imposing_agency"] == "UNDP"
    assert entry["measure"] == "DEBARMENT_FIXED"
    assert entry["blocking"] is True
    assert entry["effect"]["eligible"] is False
    assert entry["practices"] == ["FRAUDULENT"]
    assert entry["status"] == "ACTIVE"
    assert entry["procedure"] == "full"
    assert entry["seq"] is None


async def test_no_decision_before_the_review(api_for: ApiFor) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await open_case(api_for, partner["id"])
    approver = await api_for("UNDP_APPROVER")
    answer = await approver.post(
        f"/v1/sanctions/cases/{case['id']}/decision", json=DECISION, headers={"If-Match": '"v1"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "step_out_of_order")


async def test_no_review_while_the_partner_may_still_reply(api_for: ApiFor) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await open_case(api_for, partner["id"])
    url = f"/v1/sanctions/cases/{case['id']}"
    investigator, reviewer = await api_for("UNDP"), await api_for("UNDP_REVIEWER")
    await investigator.made(f"{url}/notice", {"sent_on": "2026-11-20", "summary": "Intent."})
    answer = await reviewer.post(
        f"{url}/review", json={"recommendation": "impose", "note": "Early."}
    )
    assert answer.json()["code"] == "reply_period_open"


async def test_the_end_of_the_reply_period_opens_the_review(api_for: ApiFor) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await open_case(api_for, partner["id"])
    url = f"/v1/sanctions/cases/{case['id']}"
    investigator, reviewer = await api_for("UNDP"), await api_for("UNDP_REVIEWER")
    told = await investigator.made(f"{url}/notice", {"sent_on": "2026-05-04", "summary": "Intent."})
    assert told["reply_due_on"] == "2026-06-03"
    reviewed = await reviewer.made(f"{url}/review", {"recommendation": "impose", "note": "Silent."})
    assert reviewed["state"] == "UNDER_REVIEW"


@pytest.mark.parametrize("same", ["UNDP", "UNDP_REVIEWER"])
async def test_nobody_decides_what_they_investigated_or_reviewed(
    api_for: ApiFor, same: str
) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await reviewed_case(api_for, partner["id"])
    answer = await (await api_for(same)).post(
        f"/v1/sanctions/cases/{case['id']}/decision",
        json=DECISION,
        headers={"If-Match": f'"v{case["version"]}"'},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "same_person")


async def test_the_investigator_may_not_review(api_for: ApiFor) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await open_case(api_for, partner["id"])
    url = f"/v1/sanctions/cases/{case['id']}"
    investigator = await api_for("UNDP")
    await investigator.made(f"{url}/notice", {"sent_on": "2026-05-04", "summary": "Intent."})
    answer = await investigator.post(
        f"{url}/review", json={"recommendation": "impose", "note": "Mine."}
    )
    assert answer.json()["code"] == "same_person"


async def test_four_eyes_hold_in_the_database_itself(
    api_for: ApiFor, database: Database, world: World
) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await reviewed_case(api_for, partner["id"])
    with pytest.raises(IntegrityError, match="decider_apart"):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(
                text(
                    "UPDATE sanction_respondents SET state = 'IMPOSED', decided_on = current_date, "
                    "decider_id = investigator_id WHERE case_id = :id"
                ),
                {"id": case["id"]},
            )


async def test_a_case_does_not_exist_for_another_agency(api_for: ApiFor) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await open_case(api_for, partner["id"])
    wfp = await api_for("WFP")
    assert (await wfp.get(f"/v1/sanctions/cases/{case['id']}")).status_code == 404
    refused = await wfp.post(
        f"/v1/sanctions/cases/{case['id']}/notice",
        json={"sent_on": "2026-05-04", "summary": "Not mine."},
    )
    assert refused.status_code == 404
    listed = await wfp.read("/v1/sanctions/cases?limit=200")
    assert case["id"] not in [item["id"] for item in listed["items"]]


async def test_what_was_written_reads_back_and_lies_sealed(
    api_for: ApiFor, database: Database, world: World
) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await reviewed_case(api_for, partner["id"])
    read = await (await api_for("UNDP")).read(f"/v1/sanctions/cases/{case['id']}")
    assert [step["kind"] for step in read["steps"]] == ["finding", "notice", "reply", "review"]
    assert read["steps"][2]["content"]["text"] == "Disputed."
    async with database.session(world.agencies["UNDP"]) as session:
        sealed = await session.scalars(text("SELECT sealed FROM sanction_case_steps"))
        assert not any(b"Disputed" in blob for blob in sealed)


async def test_of_many_decisions_at_once_one_measure_stands(api_for: ApiFor) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    cases = [await reviewed_case(api_for, partner["id"]) for _ in range(6)]
    approver = await api_for("UNDP_APPROVER")
    answers = await asyncio.gather(
        *(
            approver.post(
                f"/v1/sanctions/cases/{case['id']}/decision",
                json=DECISION,
                headers={"If-Match": f'"v{case["version"]}"'},
            )
            for case in cases
        )
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 409, 409, 409, 409, 409]
    listed = await approver.read(f"/v1/sanctions/entries?partner_id={partner['id']}")
    assert len(listed["items"]) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"effective_to": None}, "measure_period"),
        ({"measure": "DEBARMENT_INDEFINITE"}, "measure_period"),
        ({"effective_from": "2026-06-15", "effective_to": "2026-06-01"}, "date_not_possible"),
    ],
)
async def test_a_measure_has_the_period_its_kind_needs(
    api_for: ApiFor, change: dict[str, object], code: str
) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    case = await reviewed_case(api_for, partner["id"])
    answer = await (await api_for("UNDP_APPROVER")).post(
        f"/v1/sanctions/cases/{case['id']}/decision",
        json=DECISION | change,
        headers={"If-Match": f'"v{case["version"]}"'},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_only_the_imposing_agency_lifts_and_only_once(api_for: ApiFor) -> None:
    entry = await impose(api_for)
    url = f"/v1/sanctions/entries/{entry['entry_id']}"
    body, headers = {"reason": "Appeal granted."}, {"If-Match": '"v1"'}
    stranger = await (await api_for("WFP_APPROVER")).post(f"{url}/lift", json=body, headers=headers)
    assert stranger.status_code == 404
    approver = await api_for("UNDP_APPROVER")
    lifted = await approver.made(f"{url}/lift", body, headers=headers)
    assert lifted["status"] == "LIFTED"
    cases = await approver.read("/v1/sanctions/cases?limit=200")
    case = next(c for c in cases["items"] if c["partner_id"] == entry["partner_id"])
    steps = (await approver.read(f"/v1/sanctions/cases/{case['id']}"))["steps"]
    assert (steps[-1]["kind"], steps[-1]["content"]) == ("lift", body)
    again = await approver.post(f"{url}/lift", json=body, headers={"If-Match": '"v2"'})
    assert again.json()["code"] == "entry_ended"


async def test_whoever_has_a_part_in_a_case_reads_it(api_for: ApiFor) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    url = f"/v1/sanctions/cases/{(await open_case(api_for, partner['id']))['id']}"
    for name, scope in (("UNDP_REVIEWER", "review"), ("UNDP_APPROVER", "decide")):
        assert (await (await api_for(name, f"sanctions:{scope}")).get(url)).status_code == 200
    assert (await (await api_for("UNDP", "sanctions:read")).get(url)).status_code == 403
