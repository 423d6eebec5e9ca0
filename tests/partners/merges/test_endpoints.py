"""Merges through HTTP: two persons, what stands against it, and the way back."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.merges.support import decided, merged, of, pair, proposed, unmerged


async def _aliases(database: Database, *partners: dict[str, Any]) -> dict[str, str]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT partner_id, survivor_id FROM partner_aliases WHERE partner_id = ANY ($1)",
            [UUID(partner["id"]) for partner in partners],
        )
    return {str(row[0]): str(row[1]) for row in rows}


async def test_two_persons_merge_and_every_step_says_who_and_why(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    answer = await unicef.post(
        f"/v1/partners/{loser['id']}/merge",
        json={
            "into": survivor["id"],
            "reason": "One certificate.",
            "evidence": {"matched_on": ["legal_name"], "document_ids": [str(uuid4())]},
        },
        headers=of(1),
    )
    assert answer.status_code == 201, answer.text
    merge = answer.json()
    assert answer.headers["location"] == f"/v1/partner-merges/{merge['id']}"
    assert (merge["state"], merge["evidence"]["matched_on"]) == ("proposed", ["legal_name"])
    assert (await wfp.get(f"/v1/partners/{loser['id']}")).status_code == 200
    own = await decided(unicef, merge)
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    done = await decided(wfp, merge)
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "merged"
    steps = [(step["kind"], step["agency"], step["reason"]) for step in done.json()["steps"]]
    assert steps == [
        ("proposed", "UNICEF", "One certificate."),
        ("approved", "WFP", "Compared with the original."),
    ]
    again = await decided(wfp, done.json())
    assert (again.status_code, again.json()["code"]) == (409, "merge_decided")
    async with operator_database.connection() as connection:
        logged = await connection.fetch(
            "SELECT event FROM audit_events WHERE subject_id = $1 AND event LIKE 'partner:%' "
            "ORDER BY id",
            UUID(merge["id"]),
        )
        told = await connection.fetch(
            "SELECT type, data::text FROM outbox WHERE subject_id = $1 AND type LIKE '%merged'",
            UUID(loser["id"]),
        )
    assert [row[0] for row in logged] == ["partner:merge:propose", "partner:merge:approve"]
    assert [row[0] for row in told] == ["partner.merged"]
    assert survivor["id"] in told[0][1]


async def test_the_old_id_leads_on_and_back_when_undone(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    merge = await merged(api_for, loser, survivor)
    old = f"/v1/partners/{loser['id']}"
    answer = await unicef.get(old)
    assert answer.status_code == 308
    assert answer.headers["location"] == f"/v1/partners/{survivor['id']}"
    assert answer.headers["cache-control"] == "no-cache"
    followed = await unicef.get(old, follow_redirects=True)
    assert followed.json()["id"] == survivor["id"]
    written = await unicef.patch(old, json={"acronym": "X"}, headers=of(2))
    assert (written.status_code, written.json()["code"]) == (409, "partner_merged")
    assert written.json()["partner_id"] == survivor["id"]
    undone = await unmerged(api_for, merge)
    assert (undone["state"], undone["undo"]) == ("undone", "approved")
    back = await unicef.read(old)
    assert (back["id"], back["status"], back["version"]) == (loser["id"], "draft", 3)


async def test_who_may_not_know_the_survivor_is_not_led_to_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    await merged(api_for, loser, survivor)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET protected = true, version = version + 1 WHERE id = :id"),
            {"id": UUID(survivor["id"])},
        )
    stranger = await api_for("FAO", "partners:read", "partners:write", "partners:merge")
    url = f"/v1/partners/{loser['id']}"
    missing = await stranger.get(f"/v1/partners/{uuid4()}")
    hidden = await stranger.get(url)
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json().keys() == missing.json().keys()
    write = await stranger.patch(url, json={"acronym": "X"}, headers=of(2))
    assert write.status_code == 404
    listed = await stranger.read(f"/v1/partner-merges?partner_id={loser['id']}")
    assert listed["items"] == []
    maker = await api_for("UNICEF", "partners:read")
    assert (await maker.get(url)).status_code == 308


async def test_what_the_creator_of_either_profile_may_see(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await make_partner(wfp), await make_partner(unicef)
    await merged(api_for, loser, survivor)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET protected = true, version = version + 1 WHERE id = :id"),
            {"id": UUID(survivor["id"])},
        )
    its_maker = await api_for("WFP", "partners:read")
    assert (await its_maker.get(f"/v1/partners/{loser['id']}")).status_code == 308


async def test_chains_are_flat_and_are_undone_one_by_one(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    a, b = await pair(unicef)
    c, d = await pair(unicef)
    first = await merged(api_for, a, b)
    second = await merged(api_for, b, c)
    third = await merged(api_for, c, d)
    ids = [one["id"] for one in (a, b, c, d)]
    flat = await _aliases(operator_database, a, b, c, d)
    assert flat == dict.fromkeys(ids[:3], d["id"])
    assert (await unicef.get(f"/v1/partners/{a['id']}")).headers["location"].endswith(d["id"])
    await unmerged(api_for, second)
    assert await _aliases(operator_database, a, b, c, d) == {a["id"]: b["id"], c["id"]: d["id"]}
    gone = await unicef.post(
        f"/v1/partners/{b['id']}/merge", json={"into": c["id"], "reason": "One."}, headers=of(3)
    )
    assert (gone.status_code, gone.json()["partner_id"]) == (409, d["id"])
    await merged(api_for, b, d)
    assert await _aliases(operator_database, a, b, c, d) == dict.fromkeys(ids[:3], d["id"])
    await unmerged(api_for, first)
    await unmerged(api_for, third)
    assert await _aliases(operator_database, a, b, c, d) == {b["id"]: d["id"]}


@pytest.mark.parametrize(
    ("loses", "stays", "code"),
    [
        ({"country": "KE"}, {"country": "UG"}, "merge_countries_differ"),
        ({"partner_type": "GOV_LOCAL"}, {"partner_type": "NGO_LOCAL"}, "merge_types_differ"),
        ({"partner_type": "IGO"}, {"partner_type": "UN_ENTITY"}, "merge_types_differ"),
    ],
)
async def test_what_cannot_be_one_legal_person_is_refused(
    api_for: ApiFor, loses: dict[str, Any], stays: dict[str, Any], code: str
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await make_partner(unicef, **loses), await make_partner(unicef, **stays)
    answer = await unicef.post(
        f"/v1/partners/{loser['id']}/merge",
        json={"into": survivor["id"], "reason": "One."},
        headers=of(1),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_public_bodies_of_two_levels_and_charities_of_two_types_may_be_one(
    api_for: ApiFor,
) -> None:
    unicef = await api_for("UNICEF")
    for one, other in (("GOV_LOCAL", "GOV_NATIONAL"), ("CBO", "NGO_LOCAL")):
        loser = await make_partner(unicef, partner_type=one)
        survivor = await make_partner(unicef, partner_type=other)
        assert (await proposed(unicef, loser, survivor))["state"] == "proposed"


async def test_headquarters_must_be_the_same_and_are_no_country_profile(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    international: dict[str, Any] = {"partner_type": "NGO_INTL", "country": "CH"}
    first, second = await pair(unicef, **international)
    # Country profiles in the country of their headquarters: merging them is of one country.
    beside = international | {"same_country_reason": "A branch with a register of its own."}
    office = await make_partner(unicef, **beside, hq_id=first["id"])
    other = await make_partner(unicef, **beside, hq_id=second["id"])
    alone = await make_partner(unicef, **international)

    async def code(loser: dict[str, Any], survivor: dict[str, Any]) -> str:
        answer = await unicef.post(
            f"/v1/partners/{loser['id']}/merge",
            json={"into": survivor["id"], "reason": "One."},
            headers=of(1),
        )
        return str(answer.json().get("code") or answer.status_code)

    differ = "merge_headquarters_differ"
    assert await code(first, office) == differ  # headquarters into its own country profile
    assert await code(office, first) == differ
    assert await code(office, other) == differ  # of two headquarters
    assert await code(office, alone) == differ  # what it inherits would be lost
    assert await code(first, other) == differ  # headquarters below another
    assert await code(alone, office) == "201"
    await merged(api_for, second, first)
    assert await code(other, office) == "201"  # their headquarters are one by now


async def test_bad_proposals(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    url = f"/v1/partners/{loser['id']}/merge"
    body = {"into": survivor["id"], "reason": "One."}

    async def code(body: dict[str, Any], headers: dict[str, str] | None = None) -> tuple[int, str]:
        answer = await unicef.post(url, json=body, headers=of(1) if headers is None else headers)
        return answer.status_code, answer.json()["code"]

    assert await code(body, {}) == (428, "precondition_required")
    assert await code(body, of(7)) == (412, "precondition_failed")
    assert await code(body | {"into": loser["id"]}) == (422, "merge_same_profile")
    assert await code(body | {"into": str(uuid4())}) == (422, "survivor_unknown")
    assert await code({"into": survivor["id"]}) == (422, "invalid_request")
    assert await code(body | {"reason": "  "}) == (422, "invalid_request")
    assert await code(body | {"reason": "x\u202e"}) == (422, "invalid_request")
    assert await code(body | {"more": 1}) == (422, "invalid_request")
    too_many = {"matched_on": ["name"] * 21}
    assert await code(body | {"evidence": too_many}) == (422, "invalid_request")
    await proposed(unicef, loser, survivor)
    assert await code(body) == (409, "merge_open")
    absent = await unicef.post(f"/v1/partners/{uuid4()}/merge", json=body, headers=of(1))
    assert (absent.status_code, absent.json()["code"]) == (404, "partner_not_found")


async def test_rejected_and_withdrawn_proposals_change_nothing_and_make_room(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    rejected = await decided(wfp, await proposed(unicef, loser, survivor), "reject")
    assert rejected.json()["state"] == "rejected"
    merge = await proposed(unicef, loser, survivor)
    why = {"reason": "Not sure any more."}
    gone = await unicef.post(f"/v1/partner-merges/{merge['id']}/withdrawal", json=why)
    assert (gone.status_code, gone.json()["state"]) == (200, "withdrawn")
    late = await decided(wfp, gone.json())
    assert (late.status_code, late.json()["code"]) == (409, "merge_decided")
    assert await _aliases(operator_database, loser, survivor) == {}
    listed = await wfp.read(f"/v1/partner-merges?partner_id={loser['id']}&limit=1")
    assert [item["id"] for item in listed["items"]] == [merge["id"]]
    assert listed["next_cursor"]
    page = await wfp.read(f"/v1/partner-merges?partner_id={survivor['id']}&state=rejected")
    assert [item["id"] for item in page["items"]] == [rejected.json()["id"]]
    assert (await proposed(unicef, loser, survivor))["state"] == "proposed"


async def test_undoing_wants_two_persons_and_may_be_refused(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    merge = await proposed(unicef, loser, survivor)
    url = f"/v1/partner-merges/{merge['id']}/undo"
    why = {"reason": "Two certificates."}
    early = await unicef.post(url, json=why)
    assert (early.status_code, early.json()["code"]) == (409, "merge_not_in_force")
    merge = (await decided(wfp, merge)).json()
    nobody = await decided(wfp, merge, step="undo/approval")
    assert (nobody.status_code, nobody.json()["code"]) == (409, "merge_undo_not_proposed")
    asked = (await unicef.post(url, json=why)).json()
    assert asked["undo"] == "proposed"
    twice = await wfp.post(url, json=why)
    assert (twice.status_code, twice.json()["code"]) == (409, "merge_undo_open")
    own = await decided(unicef, asked, step="undo/approval")
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    kept = await decided(wfp, asked, "reject", step="undo/approval")
    assert (kept.json()["state"], kept.json()["undo"]) == ("merged", "rejected")
    assert (await unicef.get(f"/v1/partners/{loser['id']}")).status_code == 308
    assert (await unmerged(api_for, merge))["state"] == "undone"


async def test_an_active_profile_is_not_merged_into_a_deactivated_one(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    merge = await proposed(unicef, loser, survivor)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET deactivated_at = now(), version = 2 WHERE id = :id"),
            {"id": UUID(survivor["id"])},
        )
    # What was fit when it was proposed is asked again when it is decided.
    answer = await decided(wfp, merge)
    assert (answer.status_code, answer.json()["code"]) == (409, "survivor_deactivated")
    assert (await wfp.read(f"/v1/partner-merges/{merge['id']}"))["state"] == "proposed"


async def test_a_protected_profile_is_not_given_away_by_a_merge(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET protected = true, version = 2 WHERE id = :id"),
            {"id": UUID(loser["id"])},
        )
    answer = await unicef.post(
        f"/v1/partners/{loser['id']}/merge",
        json={"into": survivor["id"], "reason": "One."},
        headers=of(2),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "merge_protection_differs")


async def test_a_profile_whose_control_is_disputed_is_not_merged(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    async with operator_database.session() as session:
        await session.execute(
            text(
                "INSERT INTO restraints (id, partner_id, reason, source_kind, source_id) "
                "VALUES (uuidv7(), :id, 'CONTROL_DISPUTED', 'claim', uuidv7())"
            ),
            {"id": UUID(survivor["id"])},
        )
    answer = await unicef.post(
        f"/v1/partners/{loser['id']}/merge",
        json={"into": survivor["id"], "reason": "One."},
        headers=of(1),
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "control_disputed")


async def test_the_history_of_the_merged_profile_is_kept(
    api_for: ApiFor, operator_database: Database
) -> None:
    loser, survivor = await pair(await api_for("UNICEF"))
    await unmerged(api_for, await merged(api_for, loser, survivor))
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT version, body ->> 'merged_into' FROM partner_versions "
            "WHERE partner_id = $1 ORDER BY version",
            UUID(loser["id"]),
        )
    assert [tuple(row) for row in rows] == [(1, None), (2, survivor["id"])]


async def test_the_database_refuses_one_person_and_ways_back(
    api_for: ApiFor, database: Database, operator_database: Database
) -> None:
    """Below the service: raw statements as reg_app, bound to an agency."""
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    merge = await proposed(unicef, loser, survivor)
    values = {"id": UUID(merge["id"])}
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT proposed_by, (SELECT agency_id FROM persons WHERE id = proposed_by) AS agency "
            "FROM partner_merges WHERE id = $1",
            values["id"],
        )

    async def refused(statement: str, **more: Any) -> str:
        try:
            async with database.session(row["agency"]) as session:
                await session.execute(text(statement), values | more)
        except Exception as error:  # noqa: BLE001 - whatever the database says
            return str(error)
        return "carried out"

    merges = "UPDATE partner_merges SET version = version + 1, state = 'merged', "
    same = await refused(
        f"{merges} decided_by = :me, decided_at = now() WHERE id = :id", me=row["proposed_by"]
    )
    assert "ck_partner_merges_second_person" in same
    skipped = await refused("UPDATE partner_merges SET state = 'undone' WHERE id = :id")
    assert "next version" in skipped
    back = await refused(
        "UPDATE partner_merges SET state = 'undone', version = version + 1 WHERE id = :id"
    )
    assert "does not go back" in back
    for forbidden in (
        "UPDATE partners SET merged_into = :into, version = version + 1 WHERE id = :loser",
        "INSERT INTO partner_aliases VALUES (:loser, :into)",
        "DELETE FROM partner_merge_steps WHERE merge_id = :id",
        "UPDATE partner_merge_steps SET reason = 'x' WHERE merge_id = :id",
        "UPDATE partner_merges SET survivor_id = :into WHERE id = :id",
    ):
        names = {"into": UUID(survivor["id"]), "loser": UUID(loser["id"])}
        used = {name: value for name, value in names.items() if f":{name}" in forbidden}
        kept = values if ":id" in forbidden else {}
        async with database.session(row["agency"]) as session:
            with pytest.raises(Exception, match="permission denied"):
                await session.execute(text(forbidden), kept | used)
