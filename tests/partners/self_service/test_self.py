"""The partner's own routes: what it reads, writes and answers."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.corrections.upkeep import tell_overdue
from tests.assessments.factories import make_assessment
from tests.audit.support import add_officer
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.documents.factories import PDF, document_body
from tests.partners.factories import make_partner
from tests.partners.flags.support import make_flag
from tests.sanctions.factories import impose
from tests.support import World

PURPOSE = {"Access-Purpose": 'AUDIT; ref="A-1"'}


async def test_after_a_claim_agencies_ask_and_the_partner_answers(
    api_for: ApiFor, world: World
) -> None:
    partner, own = await claimed_partner(api_for, world)
    wfp, url = await api_for("WFP"), f"/v1/partners/{partner}"
    etag = (await wfp.get(url)).headers["etag"]
    for path, body, match in (
        (url, {"website": "https://new.example"}, etag),
        (f"{url}/sections/other", {"data_confirmed": True}, '"v0"'),
    ):
        refused = await wfp.patch(path, json=body, headers={"If-Match": match})
        assert (refused.status_code, refused.json().get("code")) == (409, "owned_by_partner"), path
    person = {"full_name": "A B", "role": "head"}
    assert (await wfp.post(f"{url}/people", json=person)).json()["code"] == "owned_by_partner"
    asked = {"pointer": "/profile/website", "proposed": "https://new.example", "reason": "Moved."}
    bad = await wfp.post(f"{url}/corrections", json=asked | {"proposed": "no url"})
    assert (bad.status_code, bad.json()["code"]) == (422, "proposal_unfit")
    made = await wfp.made(f"{url}/corrections", asked)
    assert date.fromisoformat(made["due_on"]) == date.fromisoformat(
        made["filed_at"][:10]
    ) + timedelta(15)
    assert (await (await api_for("FAO")).read(f"{url}/corrections"))["items"] == []
    stranger = (await claimed_partner(api_for, world))[1]
    answer = {"decision": "accept", "reason": "Right."}
    place = f"/v1/self/corrections/{made['id']}/decision"
    match = {"If-Match": '"v1"'}
    assert (await stranger.read("/v1/self/corrections"))["items"] == []
    assert (await stranger.post(place, json=answer, headers=match)).status_code == 404
    assert (await own.post(place, json=answer, headers=match)).status_code == 200
    assert (await wfp.read(url))["website"] == "https://new.example"
    sources = await wfp.read(f"{url}/sources")
    assert sources["fields"]["website"]["source"] == "partner"
    again = await own.post(place, json=answer, headers={"If-Match": '"v2"'})
    assert again.json()["code"] == "correction_decided"


async def test_an_overdue_correction_is_said_once(
    api_for: ApiFor, world: World, worker_database: Database, operator_database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    asked = {"pointer": "/profile/acronym", "proposed": "AB", "reason": "So on the letterhead."}
    made = await (await api_for("WFP")).made(f"/v1/partners/{partner}/corrections", asked)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE partner_corrections SET due_on = current_date - 1 WHERE id = $1",
            UUID(made["id"]),
        )
    assert await tell_overdue(worker_database) >= 1
    assert await tell_overdue(worker_database) == 0
    assert (await own.read("/v1/self/corrections"))["items"][0]["overdue"] is True


async def test_the_partner_keeps_its_profile_people_and_documents(
    api_for: ApiFor, world: World
) -> None:
    partner, own = await claimed_partner(api_for, world)
    profile = await own.get("/v1/self/profile")
    changed = await own.patch(
        "/v1/self/profile", json={"protected": True}, headers={"If-Match": profile.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    open_again = {"If-Match": changed.headers["etag"]}
    shown = await own.patch("/v1/self/profile", json={"protected": False}, headers=open_again)
    assert shown.status_code == 200
    person = await own.made("/v1/self/people", {"full_name": "Amina Otieno", "role": "head"})
    listed = (await own.read("/v1/self/people"))["items"]
    assert listed[0]["person"]["full_name"] == "Amina Otieno"
    place = f"/v1/self/people/{person['id']}"
    assert (
        await own.patch(place, json={"phone": "+254700000000"}, headers={"If-Match": '"v1"'})
    ).status_code == 200
    asked = {"kind": "access", "received_on": "2026-03-01", "text": "What do you keep about me?"}
    filed = await own.made(f"{place}/requests", asked | {"through": "partner"})
    assert filed["owner_agency"] == "UNICEF"
    draft = await own.made("/v1/self/documents", document_body())
    headers = {"If-Match": '"v1"', "Content-Type": "application/octet-stream"}
    put = await own.put(f"/v1/self/documents/{draft['id']}/content", content=PDF, headers=headers)
    assert put.status_code == 200, put.text
    other = (await claimed_partner(api_for, world))[1]
    assert (await other.read("/v1/self/documents"))["items"] == []
    assert (await other.read("/v1/self/people"))["items"] == []
    number = {"scheme": "ORG_ID", "value": f"KE-NCB-{uuid4().hex[:12]}"}
    held = await own.made("/v1/self/identifiers", number)
    assert held["added_by"] is None
    taken = await other.post("/v1/self/identifiers", json=number)
    assert taken.status_code == 409
    assert partner not in taken.text
    assert (await own.post("/v1/self/confirmation", json=None)).status_code in (200, 201)
    assert (await own.read("/v1/self/standing"))["partner_id"] == partner
    assert (await own.read("/v1/self/completeness"))["partner_id"] == partner
    assert (await own.post("/v1/self/deactivation", json={})).status_code == 202


async def test_statements_of_every_kind_are_told_but_what_oversight_keeps_back(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    unicef = await api_for("UNICEF")
    flag, hidden = [(await make_flag(unicef, partner))["id"] for _ in range(2)]
    final = await make_assessment(unicef, partner)
    await make_assessment(unicef, partner, status="draft")
    entry = (await impose(api_for, partner, "UNICEF"))["entry_id"]
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSM", "OVS"))
    mark = {"subject_kind": "flag", "subject_id": hidden, "reason": "Under investigation."}
    await officer.made("/v1/withholdings", mark | {"until": until()})
    pages, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = await own.read("/v1/self/statements", params=params)
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    told = {(one["kind"], one["id"]) for one in pages}
    assert told == {("flag", flag), ("assessment", final["id"]), ("sanction_entry", entry)}
    words = {"text": "The report was late because of the flood."}
    url = f"/v1/self/statements/flag/{flag}/comments"
    made = await own.made(url, words)
    gone = await own.post(f"/v1/self/statements/flag/{hidden}/comments", json=words)
    assert gone.status_code == 404
    stranger = (await claimed_partner(api_for, world))[1]
    assert (await stranger.post(url, json=words)).status_code == 404
    assert (await stranger.read("/v1/self/statements"))["items"] == []
    wanted = {"subject_kind": "flag", "subject_id": flag}
    place = f"/v1/partners/{partner}/comments"
    assert (await unicef.read(place, params=wanted))["items"][0]["id"] == made["id"]
    fao = await api_for("FAO")
    assert (await fao.get(place, params=wanted)).status_code == 422
    read = await fao.get(place, params=wanted, headers=PURPOSE)
    assert read.json()["items"][0]["text"] == words["text"]
    async with operator_database.session() as session:
        old = "UPDATE partner_flags SET made_at = now() - interval '20 days' WHERE id = :id"
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(old), {"id": UUID(flag)})
    late = await own.post(url, json=words)
    assert (late.status_code, late.json()["code"]) == (409, "comment_period_over")


@pytest.mark.parametrize("path", ["profile", "people", "statements", "administrators", "standing"])
async def test_an_agency_has_no_part_in_the_own_routes(api_for: ApiFor, path: str) -> None:
    assert (await (await api_for("WFP")).get(f"/v1/self/{path}")).status_code == 403


async def test_a_protected_profile_may_be_protected_by_an_agency_but_is_not_shown_again(
    api_for: ApiFor, world: World
) -> None:
    partner, _ = await claimed_partner(api_for, world)
    unicef, url = await api_for("UNICEF"), f"/v1/partners/{partner}"
    etag = (await unicef.get(url)).headers["etag"]
    done = await unicef.patch(url, json={"protected": True}, headers={"If-Match": etag})
    assert done.status_code == 200, done.text
    back = await unicef.patch(
        url, json={"protected": False}, headers={"If-Match": done.headers["etag"]}
    )
    assert back.json()["code"] == "owned_by_partner"
    await make_partner(unicef)
