"""What adjudicators read, for which purpose, and who learns of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from app.core.db import Database
from app.sanctions.matches.upkeep import escalate
from tests.audit.support import add_officer, events_of
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.sanctions.matches.support import (
    PURPOSE,
    REASON,
    URL,
    Rescreening,
    a_find,
    confirmed,
    detail_of,
    match_of,
    matches_of,
    say,
)
from tests.support import World, unique


async def test_details_take_a_purpose_and_are_logged_where_the_partner_does_not_look(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    await rescreening.subject(partner, a_find(partner))
    match = await match_of(wfp, partner)
    bare = await wfp.get(f"{URL}/{match['id']}")
    assert (bare.status_code, bare.json()["code"]) == (422, "purpose_required")
    absent = await wfp.get(f"{URL}/{uuid4()}")
    assert (absent.status_code, absent.json()["code"]) == (404, "match_not_found")
    read = await detail_of(wfp, match)
    assert read["explanation"] == {"names": [["Canary Amani", "Canary Imani"]]}
    logged = await events_of(operator_database, match["id"])
    assert [one.event for one in logged] == [
        *("sanction:match:open", "access:request:refuse"),
        "sanction:match:read",
    ]
    assert logged[2].purpose == "AUDIT"
    async with operator_database.session() as session:
        told = await session.scalars(
            text("SELECT DISTINCT partner_id FROM audit_events WHERE subject_id = :id"),
            {"id": UUID(match["id"])},
        )
        assert list(told) == [None], "what names the partner there, it is told of"


async def test_both_sides_stand_beside_each_other(
    api_for: ApiFor, rescreening: Rescreening, settle: Any
) -> None:
    wfp = await api_for("WFP")
    name = unique("Corvid Basin Trust")
    listed = (await make_partner(wfp, legal_name=name, country="UG", aliases=[]))["id"]
    entry = await impose(api_for, listed)
    await settle()
    partner = (await make_partner(wfp, legal_name=name, aliases=["Other"]))["id"]
    found = a_find(partner, entry_id=UUID(entry["entry_id"]), source="agency")
    await rescreening.subject(partner, found)
    read = await detail_of(wfp, await match_of(wfp, partner))
    fields = {one["field"]: one for one in read["compared"]}
    assert set(fields) == {"kind", "names", "countries", "birth_dates", "identifiers"}
    assert name in fields["names"]["subject"]
    assert name in fields["names"]["listed"]
    assert fields["names"]["result"] == "overlap"
    assert (fields["countries"]["subject"], fields["countries"]["listed"]) == (["KEN"], ["UGA"])
    assert fields["countries"]["result"] == "different"
    assert fields["birth_dates"]["result"] == "unknown"


async def test_a_person_is_opened_for_the_reader_and_logged_by_name_of_its_entry(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    made = await wfp.made(
        f"/v1/partners/{partner}/people", {"full_name": "Canary Wanjiru Kamau", "role": "head"}
    )
    await rescreening.subject(partner, a_find(partner, person=made["id"]), person=made["id"])
    match = await match_of(wfp, partner)
    assert match["subject"] == "person"
    read = await detail_of(wfp, match)
    [names] = [one for one in read["compared"] if one["field"] == "names"]
    assert names["subject"] == ["Canary Wanjiru Kamau"]
    assert read["person_id"] == made["id"]
    logged = await events_of(operator_database, partner)
    assert any(made["id"] in (one.detail.get("people") or ()) for one in logged)
    # Nothing of the person is stored with the pair in the clear.
    async with operator_database.session() as session:
        row = await session.execute(
            text("SELECT to_jsonb(m)::text AS t FROM screening_matches m WHERE id = :id"),
            {"id": UUID(match["id"])},
        )
        assert "Canary" not in row.scalar_one()


async def test_the_list_filters_and_pages(
    api_for: ApiFor, rescreening: Rescreening, world: World
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    finds = [a_find(partner), a_find(partner, source="world_bank"), a_find(partner)]
    await rescreening.subject(partner, *finds)
    [one, two, three] = await matches_of(wfp, partner)
    await say(wfp, one)
    assert {item["id"] for item in await matches_of(wfp, partner, mine="true")} == {
        *(two["id"], three["id"])
    }
    assert [item["id"] for item in await matches_of(wfp, partner, state="decided")] == [one["id"]]
    assert len(await matches_of(wfp, partner, source="world_bank")) == 1
    assert await matches_of(wfp, partner, due_before="2026-01-01T00:00:00Z") == []
    seen: list[str] = []
    query: dict[str, Any] = {"partner_id": partner, "limit": "2"}
    while True:
        page = await wfp.read(URL, params=query)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(seen) == sorted(item["id"] for item in (one, two, three))
    for bad in ({"state": "x"}, {"mine": "false"}, {"due_before": "yesterday"}, {"limit": "0"}):
        assert (await wfp.get(URL, params=bad)).status_code == 422


async def test_a_protected_profile_shows_no_item_to_others(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef, protected=True))["id"]
    await rescreening.subject(partner, a_find(partner))
    match = await match_of(unicef, partner)
    scopes = ("screening:adjudicate", "partners:read")
    narrow = await api_for("FAO", *scopes)
    assert await matches_of(narrow, partner) == []
    assert (await narrow.get(f"{URL}/{match['id']}", headers=PURPOSE)).status_code == 404


async def test_overdue_ones_are_told_of_once(
    api_for: ApiFor,
    rescreening: Rescreening,
    worker_database: Database,
    operator_database: Database,
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    await rescreening.subject(partner, a_find(partner))
    match = await match_of(wfp, partner)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE screening_matches SET due_at = now() - interval '1 day' WHERE id = :id"),
            {"id": UUID(match["id"])},
        )
    assert await escalate(worker_database) == 1
    assert await escalate(worker_database) == 0
    later = await match_of(wfp, partner)
    assert later["escalated_at"] is not None
    assert (await say(wfp, match))["state"] == "decided", "its version did not change"


async def test_figures_are_told_from_five_on(api_for: ApiFor, rescreening: Rescreening) -> None:
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    partner = (await make_partner(wfp))["id"]
    script = "Mymr"
    await rescreening.subject(partner, *(a_find(partner, script=script) for _ in range(5)))
    matches = await matches_of(wfp, partner)

    async def told() -> dict[str, Any] | None:
        page = await wfp.read(f"{URL}/statistics")
        assert page["smallest_group"] == 5
        return next((one for one in page["scripts"] if one["script"] == script), None)

    assert await told() is None
    for match in matches[:4]:
        await say(wfp, match)
    assert await told() == {"script": script, "decided": None, "false_share": None}
    await confirmed(wfp, reviewer, matches[4])
    assert await told() == {"script": script, "decided": 5, "false_share": 0.8}


async def test_reasons_are_redacted_and_the_decision_stands(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database
) -> None:
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    fao = await api_for("FAO")
    partner = (await make_partner(wfp))["id"]
    await rescreening.subject(partner, a_find(partner))
    match = await say(wfp, await match_of(wfp, partner))
    [word] = (await detail_of(wfp, match))["decisions"]
    url = f"{URL}/{match['id']}/decisions/{word['id']}/redaction"
    assert (await fao.post(url, json={"reason": "x"})).status_code == 404
    hidden = await wfp.made(url, {"reason": "Canary: names a witness."})
    [offer] = (await detail_of(fao, match))["offers"]
    assert (offer["redacted"], offer["reason"]) == (True, None)
    done = await reviewer.post(
        f"{url}/decision",
        json={"decision": "confirm", "reason": "Yes."},
        headers={"If-Match": f'"v{hidden["version"]}"'},
    )
    assert done.status_code == 201, done.text
    async with operator_database.session() as session:
        left = await session.scalar(
            text("SELECT length(sealed) FROM match_decisions WHERE id = :id"),
            {"id": UUID(word["id"])},
        )
    assert left == 0
    assert (await match_of(wfp, partner))["own"]["state"] == "not_a_match"


# ------------------------------------------------------------------------- facts of the partner


async def test_the_partner_is_asked_for_kinds_of_facts_and_told_nothing_else(
    api_for: ApiFor, world: World, rescreening: Rescreening
) -> None:
    partner, own = await claimed_partner(api_for, world)
    _, other = await claimed_partner(api_for, world)
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    found = a_find(partner)
    await rescreening.subject(partner, found)
    match = await match_of(wfp, partner)
    own_url = "/v1/self/facts-requests"
    assert (await own.read(own_url))["items"] == []
    url = f"{URL}/{match['id']}/facts-request"
    person_kind = await wfp.post(url, json={"kinds": ["birth_date"], **REASON})
    assert (person_kind.status_code, person_kind.json()["code"]) == (422, "match_fact_kind")
    asked = await wfp.made(url, {"kinds": ["other_names", "registration"], **REASON})
    twice = await wfp.post(url, json={"kinds": ["website"], **REASON})
    assert (twice.status_code, twice.json()["code"]) == (409, "match_facts_asked")
    [seen] = (await own.read(own_url))["items"]
    assert set(seen["kinds"]) == {"other_names", "registration"}
    told = str(seen)
    for secret in (match["id"], match["entry_id"], found.reference, "unsc", "Canary"):
        assert secret not in told
    assert (await other.read(own_url))["items"] == []
    answer_url = f"{own_url}/{asked['id']}/answer"
    body = {"facts": {"other_names": "Canary Amani Trust, until 2009"}}
    assert (await other.post(answer_url, json=body)).status_code == 404
    unasked = await own.post(answer_url, json={"facts": {"website": "https://a.example"}})
    assert unasked.status_code == 422
    wrong: list[dict[str, Any]] = [{"facts": {}}, {"facts": {"x": "y"}}, {"facts": {"website": 1}}]
    for bad in (*wrong, {}):
        assert (await own.post(answer_url, json=bad)).status_code == 422
    answered = await own.made(answer_url, body)
    assert answered["state"] == "answered"
    assert "Canary" not in str(answered)
    again = await own.post(answer_url, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "match_facts_answered")
    [mine] = (await detail_of(wfp, match))["facts_requests"]
    assert mine["facts"] == body["facts"]
    assert (await detail_of(fao, match))["facts_requests"] == [], "the asking agency's alone"


async def test_oversight_keeps_a_question_back_and_deciding_closes_it(
    api_for: ApiFor, world: World, rescreening: Rescreening, operator_database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    wfp = await api_for("WFP")
    await rescreening.subject(partner, a_find(partner), a_find(partner))
    [one, two] = await matches_of(wfp, partner)
    body = {"kinds": ["founders"], **REASON}
    kept = await wfp.made(f"{URL}/{one['id']}/facts-request", body)
    told = await wfp.made(f"{URL}/{two['id']}/facts-request", body)
    officer = await api_for(await add_officer(operator_database, world, "WFP", "MATCH_OVS", "OVS"))
    await officer.made(
        "/v1/withholdings",
        {
            "subject_kind": "match_facts",
            "subject_id": kept["id"],
            "until": until(30),
            "reason": "Canary: a case is open.",
        },
    )
    items = (await own.read("/v1/self/facts-requests"))["items"]
    assert [item["id"] for item in items] == [told["id"]]
    facts = {"facts": {"founders": "A. Person, 1998"}}
    gone = await own.post(f"/v1/self/facts-requests/{kept['id']}/answer", json=facts)
    assert gone.status_code == 404
    await say(wfp, two)
    closed = await own.post(f"/v1/self/facts-requests/{told['id']}/answer", json=facts)
    assert (closed.status_code, closed.json()["code"]) == (409, "match_facts_answered")
