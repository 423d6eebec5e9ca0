"""What the parts of a profile ask of each other: verification, flags, merges, papers, control."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from app.partners.restraints import Reason
from app.partners.sections.completeness import RULES
from tests.conftest import ApiFor
from tests.partners.documents.factories import document_body
from tests.partners.factories import make_partner
from tests.partners.flags.support import hq, locked, make_flag, make_red, partner_api
from tests.partners.merges.support import merged, unmerged
from tests.partners.objections.test_objections import objection_body
from tests.partners.sections.factories import FULL, save_all, saved
from tests.partners.verifications.factories import (
    BAD,
    body,
    change,
    complete_partner,
    put,
    standing,
    verify,
)
from tests.support import World


async def _status(api: Any, partner: str) -> str:
    return str((await standing(api, partner))["status"])


async def test_types_that_declare_are_the_same_in_rules_and_database(database: Database) -> None:
    async with database.session() as session:
        kept = await session.scalar(
            text("SELECT declaration_types FROM verification_question_sets")
        )
    assert set(kept or ()) == {t for name in RULES.declaration for t in RULES.groups[name]}


async def test_a_partner_without_declaration_is_not_verified(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    await change(operator_database, partner, complete=True)
    refused = await unicef.post(f"/v1/partners/{partner}/verifications", json=body())
    assert refused.status_code == 409
    assert "declaration_missing" in refused.text


async def test_a_verifier_is_shown_what_is_flagged_yellow_and_standing_counts_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await complete_partner(unicef, operator_database)
    flag = await make_flag(unicef, partner)
    await make_flag(unicef, partner, kind="OBSERVATION")
    url = f"/v1/partners/{partner}/verifications"
    assert "flags_not_shown" in (await wfp.post(url, json=body())).text
    await verify(wfp, partner, flags_shown=[flag["id"]])
    for api, mine in ((unicef, 2), (wfp, 0)):
        flags = (await standing(api, partner))["flags"]
        assert (flags["yellow"], flags["observations"], flags["mine"]) == (1, 1, mine)


async def test_a_red_flag_on_a_merged_profile_locks_the_survivor_and_refers(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await make_partner(unicef), await make_partner(unicef)
    await make_red(await hq(api_for, operator_database, world), loser["id"])
    asked = {"partner": {"id": survivor["id"]}, "country": "KEN", "purpose": "PARTNER_SELECTION"}
    before = await wfp.made("/v1/clearances", asked)
    assert "RED_FLAG" not in [reason["code"] for reason in before["reasons"]]
    merge = await merged(api_for, loser, survivor)
    assert await locked(operator_database, survivor["id"])
    answer = await wfp.made("/v1/clearances", asked)
    assert answer["outcome"] in {"REFER", "BLOCKED"}
    (reason,) = (one for one in answer["reasons"] if one["code"] == "RED_FLAG")
    assert reason["detail"]["alone"] == "REFER"
    assert (answer["flags"]["red"], answer["flags"]["red_mine"]) == (1, 0)
    assert (await unicef.made("/v1/clearances", asked))["flags"]["red_mine"] == 1
    await unmerged(api_for, merge)
    assert not await locked(operator_database, survivor["id"])


async def test_a_newer_negative_of_the_merged_profile_counts_until_it_is_undone(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser = await complete_partner(unicef, operator_database)
    survivor = await complete_partner(unicef, operator_database)
    await verify(unicef, survivor)
    await verify(wfp, loser, answers=BAD)
    read = [await unicef.read(f"/v1/partners/{one}") for one in (loser, survivor)]
    merge = await merged(api_for, read[0], read[1])
    assert await _status(unicef, survivor) == "unverified"
    await unmerged(api_for, merge)
    assert await _status(unicef, survivor) == "verified"
    assert await _status(unicef, loser) == "unverified"


async def test_an_older_negative_and_a_positive_about_other_data_leave_the_survivor_as_it_was(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser = await complete_partner(unicef, operator_database)
    survivor = await complete_partner(unicef, operator_database)
    other = await complete_partner(unicef, operator_database)
    await verify(wfp, loser, answers=BAD)
    await verify(unicef, survivor)
    await verify(unicef, other)
    read = {one: await unicef.read(f"/v1/partners/{one}") for one in (loser, survivor, other)}
    await merged(api_for, read[loser], read[survivor])
    assert await _status(unicef, survivor) == "verified"
    fresh = await make_partner(unicef)
    await change(operator_database, fresh["id"], complete=True)
    await merged(api_for, read[other], await unicef.read(f"/v1/partners/{fresh['id']}"))
    now = await standing(unicef, fresh["id"])
    assert now["verification"]["status"] == "pending_verification"
    assert now["status"] == "draft", "what the merge recounts: no section of it is saved"


async def _events(database: Database, partner: str) -> list[str]:
    async with database.session() as session:
        found = await session.scalars(
            text("SELECT type FROM outbox WHERE subject_id = :id"), {"id": UUID(partner)}
        )
        return list(found)


async def test_other_certificates_ask_for_a_new_verification(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await complete_partner(unicef, operator_database)
    await save_all(unicef, partner)
    await verify(unicef, partner)
    await saved(unicef, partner, "registration", {"has_governing_document": False}, 1)
    assert "partner.verification_stale" not in await _events(operator_database, partner)
    certificate = FULL["registration"]["certificates"][0] | {"number": "OP.2"}
    await saved(unicef, partner, "registration", {"certificates": [certificate]}, 2)
    assert (await standing(unicef, partner))["verification"]["status"] == "pending_verification"
    assert (await _events(operator_database, partner)).count("partner.verification_stale") == 1
    (seen,) = (await unicef.read(f"/v1/partners/{partner}/verifications"))["items"]
    assert (seen["stale"], seen["current"]) == (True, True)


async def test_another_registration_number_asks_for_a_new_verification(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await complete_partner(unicef, operator_database)
    await verify(unicef, partner)
    number = {"scheme": "NAT_REG", "value": partner[-12:], "country": "KEN", "authority": "Board"}
    await unicef.made(f"/v1/partners/{partner}/identifiers", number)
    assert (await standing(unicef, partner))["verification"]["status"] == "pending_verification"
    assert (await _events(operator_database, partner)).count("partner.verification_stale") == 1


async def test_another_type_is_asked_other_sections(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await complete_partner(unicef, operator_database, partner_type="NGO_LOCAL")
    profile = await unicef.read(f"/v1/partners/{partner}")
    assert profile["complete"]
    answer = await unicef.patch(
        f"/v1/partners/{partner}",
        json={"partner_type": "NGO_NATIONAL"},
        headers={"If-Match": f'"v{profile["version"]}"'},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["complete"] is False


async def test_a_profile_with_a_red_flag_becomes_no_state(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    await make_red(await hq(api_for, operator_database, world), partner["id"])
    answer = await unicef.patch(
        f"/v1/partners/{partner['id']}",
        json={"partner_type": "GOV_LOCAL"},
        headers={"If-Match": '"v1"'},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "red_flag_in_force")


async def test_an_objection_to_a_verification_or_an_entry_is_taken_back_by_who_raised_it(
    api_for: ApiFor, database: Database, operator_database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    partner = await complete_partner(unicef, operator_database)
    verification = await verify(unicef, partner, answers=BAD)
    own = await partner_api(api_for, operator_database, world, partner)
    for kind, statement in (("verification", verification["id"]), ("profile_field", partner)):
        made = await own.made("/v1/self/objections", objection_body(statement, kind))
        assert made["owner_agency"] == "UNICEF"
        assert (await standing(unicef, partner))["contested"] is True
        by_owner = await unicef.post(f"/v1/objections/{made['id']}/withdrawal")
        assert by_owner.status_code == 404
        # Nor past the application: an owner would be rid of it without an answer.
        taken = text("UPDATE objections SET state = 'withdrawn', version = 2 WHERE id = :id")
        async with database.session(world.agencies["UNICEF"]) as session:
            with pytest.raises(IntegrityError, match="withdrawn by who raised it"):
                await session.execute(taken, {"id": UUID(made["id"])})
            await session.rollback()
        url = f"/v1/self/objections/{made['id']}/withdrawal"
        answer = await own.post(url)
        assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn"), answer.text
        assert (await own.post(url)).json()["code"] == "objection_answered"
        assert (await standing(unicef, partner))["contested"] is False


@pytest.mark.parametrize("why", ["disputed", "claimed"])
async def test_no_agency_edits_what_is_disputed_or_the_partners_own(
    api_for: ApiFor, operator_database: Database, why: str
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    if why == "disputed":
        await put(operator_database, partner, Reason.CONTROL_DISPUTED)
    else:
        await change(operator_database, partner, control="partner")
    code = {"disputed": "control_disputed", "claimed": "owned_by_partner"}[why]
    version = (await unicef.read(f"/v1/partners/{partner}"))["version"]
    url, match = f"/v1/partners/{partner}", {"If-Match": f'"v{version}"'}
    unpp = {"scheme": "UNPP", "value": str(uuid4().int % 10**7 + 10**7)}
    answers = [
        await unicef.patch(url, json={"acronym": "A"}, headers=match),
        await unicef.post(f"{url}/confirmation"),
        await unicef.post(f"{url}/identifiers", json=unpp),
        await unicef.patch(
            f"{url}/sections/other", json={"remarks": "x"}, headers={"If-Match": '"v0"'}
        ),
        await unicef.post(f"{url}/documents", json=document_body(kind="registration_certificate")),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, code)] * 5
    vendor = {"scheme": "AGENCY_VENDOR", "value": f"V-{uuid4().hex}", "country": "KEN"}
    await unicef.made(f"{url}/identifiers", vendor)
