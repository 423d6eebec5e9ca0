"""What a decision may impose: regimes, effects, scope, levels, affiliates, individuals."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.auth.caller import Caller, Person
from app.core.clock import utc_now
from app.core.db import Database
from app.core.ids import new_id
from app.sanctions.entries import errors
from app.sanctions.entries.schemas import IndividualIn, MeasureTerms
from app.sanctions.entries.service import NewEntry, get_entry, impose
from tests.conftest import ApiFor, Settle
from tests.sanctions.entries.support import (
    changes,
    clearance,
    day,
    lift,
    measure,
    new_partner,
    reasons,
    refused,
    version,
)
from tests.support import World

_CONTACT = {"continuity_contact": "Kenya country office"}


async def test_a_blocking_measure_stops_new_agreements_and_renewals_and_never_payments_by_itself(
    api_for: ApiFor,
) -> None:
    entry = await measure(api_for)
    effect = {name: entry["effect"][name] for name in entry["effect"] if name != "text"}
    assert effect == {
        "eligible": False,
        "new_agreements": "stop",
        "renewals": "stop",
        "payments_due": "continue",
        "running_agreements": "continue",
        "wind_down_until": None,
        "continuity_contact": None,
    }
    assert entry["scope"] == {"all": True, "countries": [], "modalities": []}
    assert (entry["regime"], entry["level"]) == ("IMPLEMENTING_PARTNER", "INTER_AGENCY")


async def test_each_effect_is_stated_and_shown_wherever_the_measure_is(
    api_for: ApiFor, settle: Settle
) -> None:
    partner = await new_partner(api_for)
    effects = {
        "renewals": "allowed",
        "payments_due": "stop",
        "running_agreements": "wind_down",
        "wind_down_until": day(60),
        **_CONTACT,
    }
    entry = await measure(api_for, partner, effects=effects, contact_office="Investigations")
    shown = {name: entry["effect"][name] for name in effects}
    assert shown == effects
    (restriction,) = (await clearance(api_for, partner))["restrictions"]
    assert {name: restriction["effect"][name] for name in effects} == effects
    assert restriction["contact_office"] == "Investigations"
    await settle()
    page = await (await api_for("WFP")).read("/v1/feeds/sanctions/changes?after=0&limit=1000")
    fed = next(c["entry"] for c in page["changes"] if c["entry_id"] == entry["entry_id"])
    assert {name: fed["effect"][name] for name in effects} == effects
    assert fed["effect"]["eligible"] is False


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"effects": {"running_agreements": "stop"}}, "invalid_request"),
        ({"effects": {"running_agreements": "wind_down", **_CONTACT}}, "invalid_request"),
        ({"effects": {"wind_down_until": day(9)}}, "invalid_request"),
        ({"effects": {"payments_due": "stop"}}, "invalid_request"),
        ({"effects": {"new_agreements": "allowed"}}, "invalid_request"),
        ({"scope": {"countries": ["XX"]}}, "invalid_request"),
        ({"scope": {"modalities": ["a b"]}}, "invalid_request"),
        ({"level": "AGENCY_ONLY"}, "invalid_request"),
        ({"regime": "DONOR"}, "invalid_request"),
        ({"conditions": [{"condition": "x"}] * 21}, "invalid_request"),
        ({"supersedes": {"entry_id": str(uuid4()), "version": "1"}}, "invalid_request"),
        (
            {"measure": "CENSURE", "effective_to": None, "effects": {"renewals": "stop"}},
            "measure_terms",
        ),
        ({"measure": "INTERIM_SUSPENSION", "level": "INTER_AGENCY"}, "measure_terms"),
        ({"release_not_before": day(3)}, "measure_terms"),
        ({"practice_ended_on": day(1)}, "date_not_possible"),
        (
            {
                "effects": {
                    "running_agreements": "wind_down",
                    "wind_down_until": day(-9),
                    **_CONTACT,
                }
            },
            "date_not_possible",
        ),
        ({"supersedes": {"entry_id": str(uuid4())}}, "named_entry_unknown"),
        (
            {"affiliate_of": {"entry_id": str(uuid4()), "relation": "CONTROLLED"}},
            "named_entry_unknown",
        ),
        ({"affiliate_of": {"entry_id": str(uuid4()), "relation": "FRIEND"}}, "invalid_request"),
    ],
)
async def test_terms_that_cannot_be_are_refused(
    terms: dict[str, Any], code: str, api_for: ApiFor
) -> None:
    status, found = await refused(api_for, **terms)
    assert (status, found) == (422, code)


async def test_regimes_are_kept_apart(api_for: ApiFor) -> None:
    partner = await new_partner(api_for)
    await measure(api_for, partner, regime="VENDOR")
    assert reasons(await clearance(api_for, partner)) == {"SANCTIONED_OTHER_REGIME": "REFER"}
    standing = await (await api_for("WFP")).read(f"/v1/partners/{partner}/standing")
    assert standing["locked"] is False
    # The other regime is free for a measure of its own, this one is not.
    await measure(api_for, partner)
    assert (await refused(api_for, partner, regime="VENDOR")) == (409, "entry_overlaps")
    own = reasons(await clearance(api_for, partner, "UNDP"))
    assert own == {"SANCTIONED_OWN": "BLOCKED", "SANCTIONED_OTHER_REGIME": "REFER"}


async def test_measures_that_do_not_block_may_overlap(api_for: ApiFor) -> None:
    partner = await new_partner(api_for)
    for _ in range(2):
        await measure(api_for, partner, measure="CENSURE", effective_to=None)
    await measure(api_for, partner)
    assert (await refused(api_for, partner, effective_from=day(400), effective_to=day(500)))[
        0
    ] == 409
    await measure(api_for, partner, effective_from=day(401), effective_to=day(500))


@pytest.mark.parametrize(
    ("scope", "asked", "code"),
    [
        ({"countries": ["KE"]}, {}, "SANCTIONED_OTHER_AGENCY"),
        ({"countries": ["UGA"]}, {}, "SANCTIONED_OTHER_SCOPE"),
        ({"modalities": ["cash"]}, {}, "SANCTIONED_OTHER_AGENCY"),
        ({"modalities": ["cash"]}, {"modality": "cash"}, "SANCTIONED_OTHER_AGENCY"),
        ({"modalities": ["cash"]}, {"modality": "in_kind"}, "SANCTIONED_OTHER_SCOPE"),
    ],
)
async def test_a_scope_reaches_the_work_that_is_asked_about(
    scope: dict[str, Any], asked: dict[str, str], code: str, api_for: ApiFor
) -> None:
    partner = await new_partner(api_for)
    entry = await measure(api_for, partner, scope=scope)
    assert entry["scope"]["all"] is False
    assert list(reasons(await clearance(api_for, partner, **asked))) == [code]
    standing = await (await api_for("WFP")).read(f"/v1/partners/{partner}/standing")
    assert standing["locked"] is (scope == {"countries": ["KE"]})


async def test_only_the_imposing_agency_publishes(api_for: ApiFor, settle: Settle) -> None:
    entry = await measure(api_for)
    url, body = f"/v1/sanctions/entries/{entry['entry_id']}", {"level": "PUBLIC"}
    await settle()
    assert await changes(api_for, entry, "public") == []
    other = await (await api_for("WFP_APPROVER")).patch(url, json=body, headers=version(entry))
    assert other.status_code == 404
    undp = await api_for("UNDP_APPROVER")
    assert (await undp.patch(url, json=body)).status_code == 428
    public = (await undp.patch(url, json=body, headers=version(entry))).json()
    assert (public["level"], public["version"]) == ("PUBLIC", 2)
    assert (await undp.patch(url, json=body, headers=version(entry))).status_code == 412
    back = await undp.patch(url, json={"level": "INTER_AGENCY"}, headers=version(public))
    await settle()
    assert await changes(api_for, entry, "public") == [
        ("remove", "level_changed", None),
        ("remove", "level_changed", None),
    ]
    assert [op for op, *_ in await changes(api_for, entry)] == ["put"] * 3
    for level in ("RESTRICTED", "AGENCY_ONLY"):
        no = await undp.patch(url, json={"level": level}, headers=version(back.json()))
        assert no.status_code == 422
    late = {"last_reviewed": day(1)}
    assert (await undp.patch(url, json=late, headers=version(back.json()))).status_code == 422


async def test_affiliates_are_named_by_a_decision_of_their_own(
    api_for: ApiFor, settle: Settle
) -> None:
    head = await measure(api_for)
    affiliate = await new_partner(api_for)
    assert reasons(await clearance(api_for, affiliate)) == {}, "nothing is inferred"
    named = {"entry_id": head["entry_id"], "relation": "COMMON_CONTROL"}
    extended = await measure(api_for, affiliate, affiliate_of=named)
    assert extended["affiliate_of"] == named
    # Lifting the one leaves the other.
    assert (await lift(api_for, head)).status_code == 201
    assert reasons(await clearance(api_for, affiliate)) == {"SANCTIONED_OTHER_AGENCY": "REFER"}
    status, code = await refused(api_for, affiliate_of=named)
    assert (status, code) == (422, "named_entry_unknown")


async def test_another_agencys_measure_is_neither_superseded_nor_extended(api_for: ApiFor) -> None:
    fao = await measure(api_for, agency="FAO")
    theirs = {"entry_id": fao["entry_id"]}
    for field in ({"supersedes": theirs}, {"affiliate_of": theirs | {"relation": "ASSIGN"}}):
        assert await refused(api_for, fao["partner_id"], **field) == (422, "named_entry_unknown")


async def test_a_measure_is_superseded_by_one_of_its_partner_and_regime_at_its_version(
    api_for: ApiFor,
) -> None:
    old = await measure(api_for)
    named: dict[str, Any] = {"supersedes": {"entry_id": old["entry_id"]}}
    assert await refused(api_for, **named) == (422, "named_entry_unknown")
    partner = old["partner_id"]
    assert (await refused(api_for, partner, regime="VENDOR", **named))[0] == 422
    stale: dict[str, Any] = {"supersedes": {"entry_id": old["entry_id"], "version": 7}}
    assert (await refused(api_for, partner, **stale))[0] == 412
    late = {"effective_from": day(500), "effective_to": day(600)}
    assert await refused(api_for, partner, **named, **late) == (422, "date_not_possible")
    new = await measure(api_for, partner, effective_from=day(0), **named)
    assert new["status"] == "ACTIVE"
    assert await refused(api_for, partner, effective_from=day(600), effective_to=day(700),
                         **named) == (422, "named_entry_unknown")  # fmt: skip


# ------------------------------------------------------------------------------- individuals


def caller_of(world: World) -> Caller:
    person = Person(world.persons["UNDP_APPROVER"], "P", "HQ", "approver")
    return Caller(world.agencies["UNDP"], "UNDP", "UNDP_APPROVER", frozenset(), person)


def _person(**more: Any) -> NewEntry:
    terms = MeasureTerms.model_validate(
        {"measure": "DEBARMENT_FIXED", "effective_from": day(-1), "effective_to": day(90)}
    )
    facts = {"names": ["Zawadi Canary", "Z. Canary"], "birth_date": "1975", "nationalities": ["KE"]}
    return NewEntry(
        **{
            "partner_id": None,
            "case_id": None,
            "practices": ["CORRUPT"],
            "terms": terms,
            "individual": IndividualIn.model_validate(facts),
            **more,
        }
    )


async def test_a_person_is_listed_with_what_tells_it_from_others(
    api_for: ApiFor, database: Database, world: World, settle: Settle
) -> None:
    caller = caller_of(world)
    async with database.session(caller.binding) as session:
        entry = await impose(session, caller, _person(), utc_now())
        made = await get_entry(session, entry.id)
    assert (made["partner_id"], made["individual"]["birth_date"]) == (None, "1975")
    wfp = await api_for("WFP")
    read = await wfp.read(f"/v1/sanctions/entries/{entry.id}")
    assert read["individual"]["names"] == ["Zawadi Canary", "Z. Canary"]
    await settle()
    page = await wfp.read("/v1/feeds/sanctions/changes?after=0&limit=1000")
    fed = next(c["entry"] for c in page["changes"] if c["entry_id"] == str(entry.id))
    assert (fed["kind"], fed["birth_dates"], fed["countries"]) == ("person", ["1975"], ["KEN"])
    assert fed["names"][0] == {"name": "Zawadi Canary", "type": "primary"}
    body = {"subject": {"kind": "person", "names": ["Zawadi Canary"], "birth_date": "1975"}}
    found = await wfp.made("/v1/screenings", body)
    assert str(entry.id) in json.dumps(found["hits"])


@pytest.mark.parametrize(
    ("more", "error"),
    [({"level": "PUBLIC"}, errors.MeasureTermsInvalid),
     ({"level": "RESTRICTED"}, errors.MeasureTermsInvalid)],
)  # fmt: skip
async def test_a_person_is_listed_for_agencies_only(
    more: dict[str, str], error: type[Exception], database: Database, world: World
) -> None:
    caller = caller_of(world)
    with pytest.raises(error):
        async with database.session(caller.binding) as session:
            await impose(session, caller, _person(**more), utc_now())


async def test_a_measure_names_a_partner_or_a_person(
    database: Database, world: World, api_for: ApiFor
) -> None:
    entry = await measure(api_for)
    columns = "imposing_agency, measure, blocking, practices, procedure, decided_on, effective_from"
    for partner, individual in (("NULL", "NULL"), (f"'{entry['partner_id']}'", "'{}'::jsonb")):
        with pytest.raises(Exception, match="ck_sanction_entries_subject"):
            async with database.session(world.agencies["UNDP"]) as session:
                await session.execute(
                    text(
                        f"INSERT INTO sanction_entries (id, partner_id, individual, {columns}) "
                        f"VALUES (:id, {partner}, {individual}, app_agency(), 'CENSURE', false, "
                        "'{}', 'full', current_date, current_date)"
                    ),
                    {"id": new_id()},
                )
