"""Requirements over HTTP: whose ratings count, what is said of them, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from app.core.db import Database
from tests.assessments.assurance.support import (
    YEAR,
    approve,
    file_final,
    fresh_country,
    make_plan,
    partner_in,
    plan_row,
    rate,
)
from tests.assessments.factories import make_assessment, psea_detail
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, World

__all__ = ["scoped"]
CASH = {"cash_usd": "300000.00", "liquidations_usd": "60000", "year": str(YEAR)}


async def needs(api: Api, partner: str, **params: Any) -> dict[str, Any]:
    return await api.read(f"/v1/partners/{partner}/assurance-requirements", params=params)


async def test_a_rating_filed_by_another_agency_counts_and_is_named(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    body = {"conducted_on": f"{YEAR}-01-01", "detail": psea_detail(met=6)}
    filed = await make_assessment(wfp, partner, **body)
    found = await needs(unicef, partner, **CASH)
    assert (found["agency"], found["year"]) == ("UNICEF", YEAR)
    assert found["risk"]["sea"]["agency"] == "WFP"
    assert found["risk"]["sea"]["assessment_id"] == filed["id"]
    assert found["risk"]["sea"]["level"] == filed["rating"]["level"]
    assert found["risk"]["unknown"] == ["hact"]
    assert found["cash_usd"] == "300000.00"
    assert found["liquidations_usd"] == "60000.00"
    rows = {"LOW": 1, "MODERATE": 2, "HIGH": 3}
    assert found["programmatic_visits"]["minimum"] == rows[filed["rating"]["level"]]
    assert found["programmatic_visits"]["band"] == {"above": "100000.00", "up_to": "500000.00"}
    assert found["programmatic_visits"]["rule"] == {
        "policy": "UNICEF",
        "version": "2026.1",
        "section": "programmatic_visits",
        "source": "UNICEF eTools code, HACT minimum requirements",
        "confirmed": True,
        "note": None,
    }
    assert found["spot_checks"]["minimum"] == 1
    assert found["micro_assessment"]["needed"] is True
    assert found["micro_assessment"]["rule"]["confirmed"] is False


async def test_an_agency_only_rating_counts_for_its_owner_alone(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    await rate(
        operator_database,
        world.agencies["WFP"],
        partner,
        "hact_micro",
        "HIGH",
        confidentiality="AGENCY_ONLY",
    )
    assert (await needs(unicef, partner, **CASH))["risk"]["hact"] is None
    assert (await needs(wfp, partner, **CASH))["risk"]["row"] == "high"


async def test_a_draft_counts_for_nobody(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    more = {"status": "draft", "confidentiality": "INTER_AGENCY"}
    await rate(operator_database, world.agencies["UNICEF"], partner, "psea", "HIGH", **more)
    assert (await needs(unicef, partner))["risk"]["row"] is None


async def test_another_agencys_policy_is_asked_by_name(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    found = await needs(unicef, partner, agency="UNDP", cash_usd="150000.01")
    assert (found["agency"], found["policy"]["agency"]) == ("UNDP", "UNDP")
    assert found["micro_assessment"]["threshold_usd"] == "150000.00"
    assert found["micro_assessment"]["rule"]["confirmed"] is True
    assert found["risk"]["assumed"] is True
    assert found["programmatic_visits"]["rule"]["policy"] == "default"
    assert found["programmatic_visits"]["rule"]["confirmed"] is False
    other = await needs(unicef, partner, agency="FAO")
    assert other["policy"]["agency"] == "default"


async def test_ratings_of_a_merged_profile_count(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    loser, survivor = await make_partner(unicef), await make_partner(unicef)
    await rate(operator_database, world.agencies["WFP"], loser["id"], "hact_micro", "HIGH")
    body = {"into": survivor["id"], "reason": "entered twice"}
    merge = await unicef.made(
        f"/v1/partners/{loser['id']}/merge", body, headers={"If-Match": '"v1"'}
    )
    decided = await second.post(
        f"/v1/partner-merges/{merge['id']}/decision",
        json={"decision": "approve", "reason": "one"},
        headers={"If-Match": '"v1"'},
    )
    assert decided.status_code == 200, decided.text
    assert (await needs(unicef, survivor["id"]))["risk"]["row"] == "high"


async def test_a_scheduled_audit_of_the_approved_plan_takes_the_spot_checks_place(
    api_for: ApiFor,
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    country = fresh_country()
    partner = await partner_in(unicef, country)
    plan = await make_plan(unicef, country)
    await plan_row(unicef, plan["id"], partner, type="audit")
    assert (await needs(unicef, partner, **CASH))["spot_checks"]["minimum"] == 1
    await approve(unicef, second, plan["id"])
    found = await needs(unicef, partner, **CASH)
    assert (found["spot_checks"]["minimum"], found["spot_checks"]["reason"]) == (
        0,
        "audit_scheduled",
    )
    assert (found["audits"]["minimum"], found["audits"]["reason"]) == (1, "planned")
    # Another agency's plan is its own business.
    assert (await needs(unicef, partner, agency="WFP", **CASH))["spot_checks"]["minimum"] == 1


async def test_an_audit_earlier_in_the_cycle_is_enough(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    when = {"conducted_on": date(YEAR - 1, 5, 1)}
    await file_final(operator_database, world.agencies["UNICEF"], partner, "audit", **when)
    cash = {"cash_usd": "600000", "cycle_cash_usd": "900000.5"}
    alone = await needs(unicef, partner, **cash)
    assert (alone["audits"]["minimum"], alone["cycle_cash_usd"]) == (1, "900000.50")
    cycle = await needs(unicef, partner, **cash, cycle_start=f"{YEAR - 2}-01-01")
    assert (cycle["audits"]["minimum"], cycle["audits"]["in_cycle_before"]) == (0, 1)


BAD = [
    ("cash_usd", "-1"),
    ("cash_usd", "1e6"),
    ("cash_usd", "NaN"),
    ("cash_usd", "Infinity"),
    ("cash_usd", "1000000000000000000"),
    ("cash_usd", "1.234"),
    ("cash_usd", "1,000"),
    ("cash_usd", " 1"),
    ("cash_usd", ""),
    ("liquidations_usd", "-0.01"),
    ("liquidations_usd", "0x10"),
    ("cycle_cash_usd", "+1"),
    ("year", "2013"),
    ("year", "2101"),
    ("year", "2026.0"),
    ("year", "2_026"),
    ("cycle_start", "2026-02-30"),
    ("cycle_start", f"{YEAR + 1}-01-01"),
    ("cycle_start", f"{YEAR - 11}-12-31"),
    ("agency", "unicef"),
    ("agency", "NOBODY"),
    ("agencies", "UNICEF"),
]


@pytest.mark.parametrize("route", ["requirements", "coverage"])
async def test_bad_questions_are_refused(api_for: ApiFor, route: str) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    url = f"/v1/partners/{partner}/assurance-{route}"
    for name, value in BAD:
        answer = await unicef.get(url, params={name: value})
        assert answer.status_code == 422, (name, value, answer.text)
        assert value == "" or value not in answer.json().get("errors", [{}])[0].get("message", "")
    smaller = {"cash_usd": "2.00", "cycle_cash_usd": "1.99"}
    assert (await unicef.get(url, params=smaller)).status_code == 422
    assert (await unicef.get(url, params=[("cash_usd", "1"), ("cash_usd", "2")])).status_code in (
        200,
        422,
    )


@pytest.mark.parametrize("route", ["requirements", "coverage"])
async def test_a_partner_that_is_not_to_be_known_is_absent(
    api_for: ApiFor, scoped: ScopedApi, route: str
) -> None:
    unicef, field = await api_for("UNICEF"), await scoped("FAO", roles=("PO",), countries=("UGA",))
    protected = (await make_partner(unicef, protected=True))["id"]
    plain = (await make_partner(unicef))["id"]
    narrow = await api_for("FAO", "assessments:read")
    for api, partner in ((narrow, protected), (narrow, str(uuid4())), (field, plain)):
        answer = await api.get(f"/v1/partners/{partner}/assurance-{route}")
        assert (answer.status_code, answer.json()["code"]) == (404, "partner_not_found")
    assert (await unicef.get(f"/v1/partners/{protected}/assurance-{route}")).status_code == 200
    no_scope = await api_for("FAO", "partners:read")
    refused = await no_scope.get(f"/v1/partners/{plain}/assurance-{route}")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("role", "status"), [("HFP", 200), ("PO", 200), ("IPU", 200), ("PFP", 403), ("SAO", 403)]
)
async def test_roles_read_assurance_as_the_matrix_says(
    api_for: ApiFor, scoped: ScopedApi, role: str, status: int
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    api = await scoped("WFP", roles=(role,))
    for url in (f"/v1/partners/{partner}/assurance-requirements", "/v1/assurance-plans/calendar"):
        assert (await api.get(url)).status_code == status, url


async def _office(api: Api, **more: Any) -> tuple[str, str]:
    """An international headquarters and its profile in another country."""
    fixed = {"partner_type": "NGO_INTL", "identifiers": []}
    main = (await make_partner(api, country="NOR", **fixed | more))["id"]
    country = fresh_country()
    return main, (await make_partner(api, country=country, hq_id=main, **fixed | more))["id"]


async def test_a_psea_result_of_the_headquarters_counts_and_says_so(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    main, office = await _office(unicef)
    assert (await needs(unicef, office, **CASH))["headquarters"]["reason"] == "no_valid_result"
    on = {"conducted_on": f"{YEAR}-01-01"}
    above = (await make_assessment(wfp, main, **on))["id"]
    found = await needs(unicef, office, **CASH)
    sea = found["risk"]["sea"]
    assert (sea["assessment_id"], sea["inherited_from"], sea["agency"]) == (above, main, "WFP")
    assert (found["risk"]["row"], found["headquarters"]["counts"]) == ("low", True)
    covered = await unicef.read(f"/v1/partners/{office}/assurance-coverage", params=CASH)
    assert covered["requirements"]["risk"]["sea"]["inherited_from"] == main
    excepted = await needs(unicef, office, **CASH, without_headquarters="true")
    assert (excepted["risk"]["sea"], excepted["headquarters"]["reason"]) == (None, "excepted")
    assert (await needs(unicef, main, **CASH))["headquarters"] is None
    # One of its own, of any agency, stands for it: the headquarters' is left out.
    own = (await make_assessment(wfp, office, detail=psea_detail(met=3), **on))["id"]
    found = await needs(unicef, office, **CASH)
    assert (found["risk"]["sea"]["assessment_id"], found["risk"]["row"]) == (own, "high")
    assert found["headquarters"]["reason"] == "own_result"
    # Never from a country profile up.
    assert (await needs(unicef, main, **CASH))["risk"]["sea"]["assessment_id"] == above


async def test_of_the_headquarters_an_agency_only_result_counts_for_its_owner_alone(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    main, office = await _office(unicef)
    more = {"confidentiality": "AGENCY_ONLY"}
    await rate(operator_database, world.agencies["WFP"], main, "psea", "HIGH", **more)
    assert (await needs(unicef, office, **CASH))["headquarters"]["reason"] == "no_valid_result"
    assert (await needs(wfp, office, **CASH))["headquarters"]["reason"] == "inherited"


async def test_a_micro_assessment_of_the_headquarters_counts_for_no_country_profile(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    main, office = await _office(unicef)
    await rate(operator_database, world.agencies["WFP"], main, "hact_micro", "LOW")
    found = await needs(unicef, office, **CASH)
    assert (found["risk"]["hact"], found["micro_assessment"]["valid"]) == (None, None)
    assert found["micro_assessment"]["needed"] is True


@pytest.mark.parametrize("value", ["false", "1", "", "True"])
async def test_an_exception_is_stated_plainly_or_not_at_all(value: str, api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    url = f"/v1/partners/{partner}/assurance-requirements"
    answer = await unicef.get(url, params={"without_headquarters": value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
