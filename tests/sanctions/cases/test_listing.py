"""Affiliates and individuals on the list: each by a notice, a reply and a decision of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.cases.support import Case, code
from tests.support import Api, World

PERSON = {"names": ["Amina Canary", "A. Canary"], "birth_date": "1975-02", "nationalities": ["KE"]}


async def _feed(api: Api, stream: str) -> dict[str, Any]:
    """What a stream holds, by entry."""
    held: dict[str, Any] = {}
    after = 0
    while True:
        url = f"/v1/feeds/sanctions/changes?stream={stream}&after={after}&limit=1000"
        page = await api.read(url)
        for change in page["changes"]:
            held[change["entry_id"]] = change["entry"]
        after = page["to"]
        if not page["more"]:
            return held


async def test_each_party_is_listed_by_its_own_decision_and_no_other(
    api_for: ApiFor, settle: Settle
) -> None:
    case = await Case.open(api_for)
    affiliate = (await make_partner(await api_for("UNICEF")))["id"]
    investigator, url = await case.investigator(), f"{case.url}/respondents"
    added = await investigator.made(url, {"relation": "CONTROLLED", "partner_id": affiliate})
    added = await investigator.made(url, {"relation": "PRINCIPAL", "individual": PERSON})
    second, person = (one["id"] for one in added["respondents"][1:])
    main = await case.imposed()
    # The decision on the one lists neither the other nor the person, whatever step they are at.
    for respondent in (second, person):
        for step in (case.told, case.replied, case.reviewed):
            assert code(await case.decide(respondent_id=respondent)) == (409, "step_out_of_order")
            await step(respondent_id=respondent)
    listed = (await (await api_for("WFP")).read("/v1/sanctions/entries?limit=200"))["items"]
    named = [one["individual"]["names"] for one in listed if one["individual"]]
    assert PERSON["names"] not in named
    assert affiliate not in [one["partner_id"] for one in listed]
    of_affiliate = (await case.decide(respondent_id=second)).json()
    done = await case.decide(respondent_id=person)
    assert done.status_code == 201, done.text
    of_person = done.json()
    linked = {"entry_id": main["entry_id"], "relation": "CONTROLLED"}
    assert (of_affiliate["partner_id"], of_affiliate["affiliate_of"]) == (affiliate, linked)
    assert of_person["affiliate_of"]["relation"] == "PRINCIPAL"
    assert (of_person["partner_id"], of_person["level"]) == (None, "INTER_AGENCY")
    await settle()
    wfp = await api_for("WFP")
    shown = (await _feed(wfp, "inter_agency"))[of_person["entry_id"]]
    assert (shown["kind"], shown["partner_id"]) == ("person", None)
    assert [one["name"] for one in shown["names"]] == PERSON["names"]
    assert (shown["birth_dates"], shown["countries"]) == (["1975-02"], ["KEN"])
    assert of_person["entry_id"] not in await _feed(wfp, "public")
    # What is decided on the person holds back none of the partners.
    for partner in (case.partner, affiliate):
        restraints = (await wfp.read(f"/v1/partners/{partner}/standing"))["restraints"]
        assert of_person["entry_id"] not in str(restraints)
        assert len(restraints) == 1
        assert (await wfp.read(f"/v1/partners/{partner}/flags"))["items"] == []


async def test_a_person_is_listed_alone_where_the_partner_is_not(
    api_for: ApiFor, settle: Settle
) -> None:
    case = await Case.open(api_for)
    body = {"relation": "PRINCIPAL", "individual": PERSON}
    added = await (await case.investigator()).made(f"{case.url}/respondents", body)
    person = added["respondents"][1]["id"]
    await case.told()
    await case.to_review(respondent_id=person)
    entry = (await case.decide(respondent_id=person)).json()
    assert entry["affiliate_of"] is None
    public = await case.decide(respondent_id=person, level="PUBLIC")
    assert code(public) == (409, "step_out_of_order")
    standing = await (await api_for("WFP")).read(f"/v1/partners/{case.partner}/standing")
    assert (standing["locked"], standing["restraints"]) == (False, [])
    await settle()
    assert entry["entry_id"] in await _feed(await api_for("FAO"), "inter_agency")


async def test_no_party_is_listed_on_the_decision_about_another(
    api_for: ApiFor, database: Database, world: World
) -> None:
    """In raw SQL: by the respondent of the decision, only its own party; and that one once."""
    case = await Case.open(api_for)
    investigator, url = await case.investigator(), f"{case.url}/respondents"
    first = await investigator.made(url, {"relation": "PRINCIPAL", "individual": PERSON})
    other = {"relation": "PRINCIPAL", "individual": PERSON | {"names": ["Other Canary"]}}
    second = (await investigator.made(url, other))["respondents"][2]["id"]
    decided = first["respondents"][1]["id"]
    await case.told()
    await case.to_review(respondent_id=decided)
    assert (await case.decide(respondent_id=decided)).status_code == 201
    partner = UUID(case.partner)
    someone = '{"names": ["X"], "birth_date": null, "nationalities": []}'
    for respondent, whom, refused in (
        (second, (None, someone), "no decision on this party"),
        (decided, (partner, None), "no decision on this party"),
        (decided, (None, someone), "no_overlap_person"),
    ):
        with pytest.raises(DBAPIError, match=refused):
            async with database.session(world.agencies["UNDP"]) as session:
                await session.execute(
                    text(
                        "INSERT INTO sanction_entries (id, partner_id, individual, "
                        "imposing_agency, case_id, respondent_id, measure, blocking, "
                        "new_agreements, renewals, practices, procedure, decided_on, "
                        "effective_from) VALUES (gen_random_uuid(), :partner, "
                        "CAST(:individual AS jsonb), :agency, :case, :respondent, "
                        "'DEBARMENT_INDEFINITE', true, 'stop', 'stop', '{CORRUPT}', 'full', "
                        "current_date, current_date)"
                    ),
                    {
                        "partner": whom[0],
                        "individual": whom[1],
                        "agency": world.agencies["UNDP"],
                        "case": UUID(case.opened["id"]),
                        "respondent": UUID(respondent),
                    },
                )
