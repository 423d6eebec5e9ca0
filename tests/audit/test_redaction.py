"""Redacted content is hidden from all at once, and destroyed by two persons only."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core import metrics
from app.core.db import Database
from app.events.reminders import remind
from tests.assessments.factories import (
    PURPOSE,
    make_assessment,
    make_share,
    psea_detail,
    request_body,
    share_body,
)
from tests.audit.conftest import OfficerOf
from tests.audit.support import events_of
from tests.audit.test_holds import set_hold
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.factories import open_case
from tests.support import Api, World

__all__ = ["scoped"]
REASON = {"reason": "Canary: the comment names a survivor"}
CONFIRM = {"decision": "confirm", "reason": "Checked."}
UNDO = {"decision": "undo", "reason": "Nothing in it."}


async def decide(api: Api, url: str, body: dict[str, str], version: int = 1) -> Any:
    return await api.post(
        f"{url}/redaction/decision", json=body, headers={"If-Match": f'"v{version}"'}
    )


async def _stored(database: Database, record: str) -> Any:
    async with database.session() as session:
        return (
            await session.execute(
                text(
                    "SELECT length(sealed) AS size, redacted FROM assessment_details "
                    "WHERE assessment_id = :id"
                ),
                {"id": record},
            )
        ).one()


async def _seen(database: Database, world: World, agency: str, record: str) -> int:
    async with database.session(world.agencies[agency]) as session:
        found = await session.scalar(
            text("SELECT count(*) FROM assessment_details WHERE assessment_id = :id"),
            {"id": record},
        )
        return int(found or 0)


@pytest.mark.parametrize("limits", [{"countries": ("KEN",)}, {"max_level": "RESTRICTED"}])
async def test_who_may_not_know_of_a_record_neither_hides_it_nor_reads_that_it_was(
    limits: dict[str, Any], api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef, limited = await api_for("UNICEF"), await scoped("UNICEF", **limits)
    partner = (await make_partner(unicef, country="UGA"))["id"]
    record = (await make_assessment(unicef, partner, confidentiality="AGENCY_ONLY"))["id"]
    url, reason = f"/v1/assessments/{record}/redaction", {"reason": "published by mistake"}
    assert (await limited.post(url, json=reason)).json()["code"] == "assessment_not_found"
    made = await unicef.made(url, reason)
    decision = {"decision": "confirm", "reason": "so it was"}
    late = await limited.post(f"{url}/decision", json=decision, headers={"If-Match": '"v1"'})
    assert late.json()["code"] == "assessment_not_found"
    one = await limited.get(f"/v1/redactions/{made['id']}")
    assert one.json()["code"] == "redaction_not_found"
    listed = (await limited.read("/v1/redactions?limit=200"))["items"]
    assert made["id"] not in [item["id"] for item in listed]
    undp = await api_for("UNDP")
    case = (await open_case(api_for, partner))["id"]
    step = (await undp.read(f"/v1/sanctions/cases/{case}"))["steps"][0]["id"]
    limited = await scoped("UNDP", **limits)
    hidden = await limited.post(f"/v1/sanctions/cases/{case}/steps/{step}/redaction", json=reason)
    assert hidden.json()["code"] == "case_not_found"
    in_uganda = await scoped("UNICEF", countries=("UGA",))
    assert (await in_uganda.read(f"/v1/redactions/{made['id']}"))["state"] == "hidden"
    listed = (await in_uganda.read("/v1/redactions?limit=200"))["items"]
    assert made["id"] in [item["id"] for item in listed]


@pytest.mark.parametrize("level", ["RESTRICTED", "INTER_AGENCY", "AGENCY_ONLY"])
async def test_hidden_at_once_from_everybody_and_brought_back_whole(
    api_for: ApiFor, world: World, database: Database, level: str
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_REVIEWER")
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    record = (await make_assessment(unicef, confidentiality=level))["id"]
    url = f"/v1/assessments/{record}"
    if level == "RESTRICTED":
        await make_share(unicef, record)
    # Who could read it is told that it is gone; nobody else learns that there was anything.
    readers = {"RESTRICTED": [unicef, wfp], "AGENCY_ONLY": [unicef]}.get(level, [unicef, wfp, fao])
    before = [(await api.read(f"{url}/detail", headers=PURPOSE))["detail"] for api in readers]
    await unicef.made(f"{url}/redaction", REASON)
    for api in (unicef, wfp, fao):
        answer = await api.get(f"{url}/detail", headers=PURPOSE)
        told = (410, "content_redacted") if api in readers else (404, "assessment_not_found")
        assert (answer.status_code, answer.json()["code"]) == told
    for agency in ("UNICEF", "WFP", "FAO"):
        assert await _seen(database, world, agency, record) == 0
    summary = await unicef.read(url)
    assert (summary["redacted"], summary["version"]) == (True, 2)
    assert (await decide(second, url, UNDO)).status_code == 201
    assert [
        (await api.read(f"{url}/detail", headers=PURPOSE))["detail"] for api in readers
    ] == before
    assert (await unicef.read(url))["redacted"] is False


async def test_confirmed_it_is_destroyed_everywhere_and_the_proof_stays(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, second, wfp = (
        await api_for("UNICEF"),
        await api_for("UNICEF_REVIEWER"),
        await api_for("WFP"),
    )
    record = (await make_assessment(unicef))["id"]
    url = f"/v1/assessments/{record}"
    asked = await wfp.made("/v1/access-requests", request_body(record))
    reply = {"decision": "approve", "reason": "Canary: joint programme"}
    request_url = f"/v1/access-requests/{asked['id']}"
    given = await unicef.post(f"{request_url}/decision", json=reply, headers={"If-Match": '"v1"'})
    assert given.status_code == 200
    await wfp.read(f"{url}/detail", headers=PURPOSE)
    hidden = await unicef.made(f"{url}/redaction", REASON)
    assert [(item["agency"], item["purpose"]) for item in hidden["readers"]] == [
        ("WFP", "PARTNER_SELECTION")
    ]
    shown = await wfp.read(request_url)
    assert (shown["redacted"], shown["justification"], shown["reason"]) == (True, "", None)
    confirmed = (await decide(second, url, CONFIRM)).json()
    assert (confirmed["state"], confirmed["decision_reason"]) == ("confirmed", "Checked.")
    assert tuple(await _stored(operator_database, record)) == (0, True)
    async with operator_database.session() as session:
        left = await session.execute(
            text(
                "SELECT (SELECT count(*) FROM idempotency_keys WHERE route LIKE :route "
                "OR headers ->> 'location' = :at), "
                "(SELECT sum(length(sealed_justification) + length(sealed_reason)) "
                "FROM access_requests WHERE assessment_id = :id), "
                "(SELECT count(*) FROM outbox WHERE data::text ILIKE '%canary%'), "
                "(SELECT count(*) FROM audit_events WHERE detail::text ILIKE '%canary%')"
            ),
            {"route": f"{request_url}%", "at": request_url, "id": record},
        )
        assert tuple(left.one()) == (0, 0, 0, 0)
    assert (await wfp.get(f"{url}/detail", headers=PURPOSE)).status_code == 410
    assert (await unicef.get(f"{url}/detail")).status_code == 410
    names = [row.event for row in await events_of(operator_database, record)]
    assert {"assessment:detail:read", "redaction:content:hide", "redaction:content:destroy"} <= set(
        names
    )
    for body in (CONFIRM, UNDO):
        assert (await decide(second, url, body, 2)).json()["code"] == "redaction_decided"
    again = await unicef.post(f"{url}/redaction", json=REASON)
    assert again.json()["code"] == "redaction_exists"
    share = await unicef.post(f"{url}/shares", json=share_body(shared_with="FAO"))
    assert share.json()["code"] == "not_shareable"


async def test_one_person_alone_destroys_nothing(
    api_for: ApiFor, world: World, database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    record = (await make_assessment(unicef))["id"]
    url = f"/v1/assessments/{record}"
    assert (await decide(unicef, url, CONFIRM)).json()["code"] == "redaction_not_found"
    await unicef.made(f"{url}/redaction", REASON)
    answer = await decide(unicef, url, CONFIRM)
    assert (answer.status_code, answer.json()["code"]) == (409, "same_person")
    assert (await decide(unicef, url, CONFIRM, 7)).status_code == 412
    for api_url in (f"{url}/redaction", f"/v1/assessments/{uuid4()}/redaction"):
        assert (await wfp.post(api_url, json=REASON)).status_code == 404
    with pytest.raises(DBAPIError, match="two_persons"):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(
                text(
                    "UPDATE redactions SET state = 'confirmed', decided_by = requested_by, "
                    "decided_at = now(), sealed_decision = 'x' WHERE subject_id = :id"
                ),
                {"id": record},
            )


async def test_raw_sql_as_the_api_cannot_lift_or_fake_a_redaction(
    api_for: ApiFor, world: World, database: Database
) -> None:
    unicef = await api_for("UNICEF")
    record = (await make_assessment(unicef))["id"]
    for agency, sql in (
        ("UNICEF", "UPDATE assessment_details SET redacted = false WHERE assessment_id = :id"),
        ("UNICEF", "UPDATE assessments SET redacted = true WHERE id = :id"),
        (
            "WFP",
            "INSERT INTO redactions (id, agency_id, subject_kind, subject_id, record_id, "
            "partner_id, sealed_reason, requested_by) SELECT gen_random_uuid(), app_agency(), "
            "'assessment', :id, :id, gen_random_uuid(), 'x', p.id FROM persons p "
            "WHERE p.agency_id = app_agency() LIMIT 1",
        ),
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|row-level security"):
            async with database.session(world.agencies[agency]) as session:
                await session.execute(text(sql), {"id": record})
    await unicef.read(f"/v1/assessments/{record}/detail")


async def test_two_who_hide_or_decide_at_once_do_it_once(api_for: ApiFor) -> None:
    apis = [await api_for("UNICEF"), await api_for("UNICEF_REVIEWER")]
    third = await api_for("UNICEF_APPROVER")
    url = f"/v1/assessments/{(await make_assessment(apis[0]))['id']}"
    hidden = await asyncio.gather(*(api.post(f"{url}/redaction", json=REASON) for api in apis))
    assert sorted(answer.status_code for answer in hidden) == [201, 409]
    other = apis[1] if hidden[0].status_code == 201 else apis[0]
    decided = await asyncio.gather(decide(third, url, UNDO), decide(other, url, CONFIRM))
    assert sorted(answer.status_code for answer in decided) in ([201, 409], [201, 412], [201, 404])


async def test_roles_are_asked_for_where_an_agency_has_given_roles(
    api_for: ApiFor, officer: OfficerOf
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    url = f"/v1/assessments/{record}/redaction"
    for role, code in (("ERP", "scope_missing"), ("HFP", "role_required")):
        answer = await (await officer("UNICEF", role)).post(url, json=REASON)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    await (await officer("UNICEF", "PFP")).made(url, REASON)


async def test_a_draft_that_is_redacted_is_neither_read_nor_changed(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_assessment(unicef, status="draft")
    url = f"/v1/assessments/{draft['id']}"
    await unicef.made(f"{url}/redaction", REASON)
    answer = await unicef.patch(url, json={"detail": psea_detail(4)}, headers={"If-Match": '"v2"'})
    assert (answer.status_code, answer.json()["code"]) == (410, "content_redacted")


async def test_under_a_legal_hold_it_is_hidden_but_kept(
    api_for: ApiFor, officer: OfficerOf, operator_database: Database
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_REVIEWER")
    legal, ovs = await officer("UNICEF", "LEGAL"), await officer("UNICEF", "OVS")
    record = (await make_assessment(unicef))["id"]
    url = f"/v1/assessments/{record}"
    hold = await set_hold(legal, record)
    await unicef.made(f"{url}/redaction", REASON)
    answer = await decide(second, url, CONFIRM)
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")
    kept = await _stored(operator_database, record)
    assert (kept.size > 0, kept.redacted) == (True, True)
    await ovs.made(f"/v1/legal-holds/{hold['id']}/release", {"reason": "Settled."})
    assert (await decide(second, url, CONFIRM)).status_code == 201


async def test_overdue_it_stays_hidden_is_listed_and_the_owner_reminded_once_a_day(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_REVIEWER")
    record = (await make_assessment(unicef))["id"]
    url = f"/v1/assessments/{record}"
    made = await unicef.made(f"{url}/redaction", REASON)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE redactions SET decide_by = now() - interval '1 hour' WHERE id = :id"),
            {"id": made["id"]},
        )
    assert await remind(worker_database) >= 1
    await remind(worker_database)
    names = [row.event for row in await events_of(operator_database, record)]
    assert names.count("redaction:decision:overdue") == 1
    assert metrics.exceptions_overdue.labels("redactions")._value.get() >= 1
    listed = await unicef.read("/v1/redactions?state=overdue")
    assert made["id"] in [item["id"] for item in listed["items"]]
    assert (await unicef.get(f"{url}/detail")).status_code == 410
    assert (await decide(second, url, UNDO)).status_code == 201
    assert (await unicef.read(f"/v1/redactions/{made['id']}"))["state"] == "undone"


async def test_others_see_nothing_of_a_redaction(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    record = (await make_assessment(unicef))["id"]
    made = await unicef.made(f"/v1/assessments/{record}/redaction", REASON)
    assert (await wfp.get(f"/v1/redactions/{made['id']}")).json()["code"] == "redaction_not_found"
    listed = (await wfp.read("/v1/redactions?limit=200"))["items"]
    assert made["id"] not in [item["id"] for item in listed]


async def test_a_step_of_a_case_is_hidden_restored_and_destroyed(
    api_for: ApiFor, operator_database: Database, world: World, database: Database
) -> None:
    undp, second = await api_for("UNDP"), await api_for("UNDP_REVIEWER")
    case = await open_case(api_for, (await make_partner(undp))["id"])
    url = f"/v1/sanctions/cases/{case['id']}"
    await undp.made(f"{url}/notice", {"sent_on": "2026-05-04", "summary": "Canary: grounds."})
    steps = (await undp.read(url))["steps"]
    step = f"{url}/steps/{steps[1]['id']}"
    await undp.made(f"{step}/redaction", REASON)
    shown = (await undp.read(url))["steps"]
    assert [(item["kind"], item["redacted"]) for item in shown] == [
        ("finding", False),
        ("notice", True),
    ]
    assert shown[1]["content"] == {}
    async with database.session(world.agencies["UNDP"]) as session:
        visible = await session.scalar(
            text("SELECT count(*) FROM sanction_case_steps WHERE case_id = :id"), {"id": case["id"]}
        )
    assert visible == 1
    assert (await decide(second, step, UNDO)).status_code == 201
    assert (await undp.read(url))["steps"] == steps
    await undp.made(f"{step}/redaction", REASON)
    assert (await decide(second, step, CONFIRM)).status_code == 201
    async with operator_database.session() as session:
        sizes = await session.scalars(
            text("SELECT length(sealed) FROM sanction_case_steps WHERE case_id = :id ORDER BY id"),
            {"id": case["id"]},
        )
        assert [size == 0 for size in sizes] == [False, True]
    for path in (f"{url}/steps/{uuid4()}", f"/v1/sanctions/cases/{uuid4()}/steps/{uuid4()}"):
        answer = await undp.post(f"{path}/redaction", json=REASON)
        assert answer.json()["code"] == "case_not_found"


async def test_a_step_is_append_only_for_everybody_else(
    api_for: ApiFor, operator_database: Database
) -> None:
    case = await open_case(api_for, (await make_partner(await api_for("UNDP")))["id"])
    for change in ("sealed = ''", "kind = 'lift'", "redacted = true"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with operator_database.session() as session:
                await session.execute(
                    text(f"UPDATE sanction_case_steps SET {change} WHERE case_id = :id"),
                    {"id": case["id"]},
                )


async def test_a_held_case_keeps_its_steps(api_for: ApiFor, officer: OfficerOf) -> None:
    undp, second = await api_for("UNDP"), await api_for("UNDP_REVIEWER")
    case = await open_case(api_for, (await make_partner(undp))["id"])
    url = f"/v1/sanctions/cases/{case['id']}"
    step = f"{url}/steps/{(await undp.read(url))['steps'][0]['id']}"
    await set_hold(await officer("UNDP", "LEGAL"), case["id"], "sanction_case")
    await undp.made(f"{step}/redaction", REASON)
    assert (await decide(second, step, CONFIRM)).json()["code"] == "legal_hold"
