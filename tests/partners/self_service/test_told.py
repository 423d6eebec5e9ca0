"""What the partner is told of: corrections, outcomes of verification, flags that others can see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database
from tests.audit.support import add_officer
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed, claimed_partner
from tests.partners.flags.support import COMMENT, flag_body, hq, make_flag, make_red, url_of
from tests.partners.merges.support import merged
from tests.partners.verifications.factories import BAD, complete_partner, verify
from tests.support import Api, World

STATEMENTS, FLAGS = "/v1/self/statements", "/v1/self/flags"


async def statements(own: Api, kind: str) -> list[dict[str, Any]]:
    items = (await own.read(STATEMENTS))["items"]
    return [one for one in items if one["kind"] == kind]


async def test_of_a_correction_the_moment_it_is_filed(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    other = (await claimed_partner(api_for, world))[1]
    asked = {"pointer": "/profile/acronym", "proposed": "ART", "reason": "So on the letterhead."}
    made = await (await api_for("WFP")).made(f"/v1/partners/{partner}/corrections", asked)
    (told,) = (await own.read("/v1/self/corrections"))["items"]
    assert {name: told[name] for name in asked} == asked
    assert (told["id"], told["filed_by"], told["state"]) == (made["id"], "WFP", "open")
    assert told["due_on"] == made["due_on"]
    assert (await own.read("/v1/self/corrections", params={"state": "rejected"}))["items"] == []
    assert (await other.read("/v1/self/corrections"))["items"] == []
    async with operator_database.session() as session:
        found = await session.execute(
            text("SELECT type FROM outbox WHERE subject_id IN (:made, :partner) AND data::text "
                 "|| subject_id::text LIKE '%' || :made_text || '%'"),
            {"made": UUID(made["id"]), "partner": UUID(partner), "made_text": made["id"]},
        )  # fmt: skip
        assert "correction.filed" in [row.type for row in found]


async def test_of_every_outcome_of_verification_and_of_both_that_contradict(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await complete_partner(unicef, operator_database)
    own = (await claimed(api_for, world, partner))[0]
    assert await statements(own, "verification") == []
    good = await verify(unicef, partner)
    bad = await verify(wfp, partner, answers=BAD, reason="The mandate has changed.")
    newest, older = await statements(own, "verification")
    assert (newest["id"], newest["agency"], newest["result"]) == (bad["id"], "WFP", "unverified")
    assert (older["id"], older["agency"], older["result"]) == (good["id"], "UNICEF", "verified")
    assert older["until"] == good["valid_until"]
    assert newest["may_object"] is True
    assert (await own.read("/v1/self/standing"))["status"] == "unverified"
    assert "The mandate" not in (await own.get(STATEMENTS)).text
    stranger = (await claimed_partner(api_for, world))[1]
    assert await statements(stranger, "verification") == []


async def test_of_a_flag_of_its_headquarters_that_counts_for_it(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    head = await hq(api_for, operator_database, world, "IPUT")
    country = {"partner_type": "NGO_INTL"}
    main = await complete_partner(head, operator_database, **country)
    branch = await complete_partner(
        head, operator_database, **country, hq_id=main, country="UGA", identifiers=[]
    )
    own = (await claimed(api_for, world, branch))[0]
    red = await make_red(head, main)
    assert [one["id"] for one in (await own.read(FLAGS))["items"]] == [red["id"]]
    (told,) = await statements(own, "flag")
    assert (told["id"], told["partner_id"]) == (red["id"], main)


async def test_of_flags_that_others_see_and_of_no_others(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    head = await hq(api_for, operator_database, world, "IPUV")
    url = f"/v1/partners/{partner}/flags"
    seen = [
        await make_flag(unicef, partner, kind="OBSERVATION"),
        await make_flag(unicef, partner),
        await make_red(head, partner),
    ]
    ended = await make_flag(head, partner)
    done = await head.post(f"{url_of(ended)}/invalidation", json=COMMENT)
    assert done.status_code == 200, done.text
    kept = await make_flag(unicef, partner)
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVST", "OVS"))
    mark = {"subject_kind": "flag", "subject_id": kept["id"], "reason": "Under investigation."}
    await officer.made("/v1/withholdings", mark | {"until": until()})
    others = {one["id"] for one in (await wfp.read(url))["items"]}
    told = {one["id"] for one in (await own.read(FLAGS))["items"]}
    assert told == {one["id"] for one in seen}
    assert told == others - {kept["id"]}, "all that others see but what oversight keeps back"
    assert {one["id"] for one in await statements(own, "flag")} == told
    assert flag_body()["text"] not in (await own.get(STATEMENTS)).text


async def test_of_what_was_said_of_a_profile_that_was_merged_into_its_own(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser = {"id": await complete_partner(unicef, operator_database)}
    partner, own = await claimed_partner(api_for, world)
    bad = await verify(unicef, loser["id"], answers=BAD)
    assert await statements(own, "verification") == []
    await merged(api_for, loser, {"id": partner})
    told = await statements(own, "verification")
    assert [(one["id"], one["partner_id"]) for one in told] == [(bad["id"], loser["id"])]
