"""Who is told of what: relations, confidentiality, own vendor numbers, numbers without gaps."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.events.descriptions import TOLD
from app.events.telling import CONSUMERS
from tests.assessments.factories import make_assessment, make_share, request_body
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.support import Api, World

EVENTS = "/v1/events"
Told = list[dict[str, Any]]
Listen = Callable[..., Awaitable[Callable[[], Awaitable[dict[str, Told]]]]]


@pytest.fixture
def listen(api_for: ApiFor, settle: Settle) -> Listen:
    """``heard = await listen("UNICEF")``; ``await heard()``: what each was told since, checked
    against the schema of its type."""

    async def start(*names: str) -> Callable[[], Awaitable[dict[str, Told]]]:
        await settle()
        places = {
            name: (await (await api_for(name)).read(EVENTS, params={"start": "now"}))["cursor"]
            for name in names
        }

        async def heard() -> dict[str, Told]:
            await settle()
            found: dict[str, Told] = {}
            for name, cursor in places.items():
                params = {"after": cursor, "limit": "200"}
                found[name] = (await (await api_for(name)).read(EVENTS, params=params))["items"]
                for one in found[name]:
                    jsonschema.validate(one, TOLD[EventType(one["type"])].schema())
            return found

        return heard

    return start


def types(told: Told, **where: Any) -> list[str]:
    """Types of those whose data has these values."""
    return [one["type"] for one in told if where.items() <= one["data"].items()]


async def numbered(api: Api, partner_id: str) -> str:
    """Give the agency a vendor number of the partner; the number."""
    value = f"V{secrets.token_hex(5)}"
    body = {"scheme": "AGENCY_VENDOR", "value": value, "country": "KEN"}
    await api.made(f"/v1/partners/{partner_id}/identifiers", body)
    return value


async def test_agencies_with_a_relation_are_told_each_with_its_own_numbers(
    api_for: ApiFor, listen: Listen
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    value = await numbered(wfp, partner)
    heard = await listen("UNICEF", "WFP", "FAO")
    made = (await make_assessment(unicef, partner))["id"]
    told = await heard()
    assert types(told["UNICEF"], partner_id=partner) == ["assessment.filed"]
    (event,) = [one for one in told["WFP"] if one["data"].get("partner_id") == partner]
    assert event["data"] == {
        "resource": f"/v1/assessments/{made}",
        "agency": "UNICEF",
        "type": "psea",
        "version": 1,
        "partner_id": partner,
        "vendor_numbers": [{"partner_id": partner, "value": value, "country": "KEN", "area": None}],
    }
    assert types(told["FAO"], partner_id=partner) == []
    assert value not in str(told["UNICEF"]) + str(told["FAO"])


async def test_an_assessment_or_a_clearance_is_a_relation_as_long_as_it_holds(
    api_for: ApiFor, listen: Listen, operator_database: Database
) -> None:
    unicef, wfp, fao = [await api_for(name) for name in ("UNICEF", "WFP", "FAO")]
    partner = (await make_partner(unicef))["id"]
    await make_assessment(wfp, partner)
    await fao.made(
        "/v1/clearances",
        {"partner": {"id": partner}, "country": "KEN", "purpose": "PARTNER_SELECTION"},
    )
    heard = await listen("WFP", "FAO", "UNHCR")
    url = f"/v1/partners/{partner}"
    headers = {"If-Match": (await unicef.get(url)).headers["ETag"]}
    assert (await unicef.patch(url, json={"acronym": "NEW"}, headers=headers)).status_code == 200
    told = await heard()
    for name, wanted in (("WFP", ["partner.changed"]), ("FAO", ["partner.changed"]), ("UNHCR", [])):
        assert types(told[name], partner_id=partner) == wanted, name
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE assessments SET valid_until = current_date - 1 WHERE partner_id = :id"),
            {"id": partner},
        )
        related = await session.scalars(
            text("SELECT agency_id FROM partner_relations(:id)"), {"id": partner}
        )
        assert len(related.all()) == 2  # its maker, and the one with the clearance


async def test_what_is_an_agencys_own_is_told_nobody_else(api_for: ApiFor, listen: Listen) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    await numbered(wfp, partner)
    heard = await listen("UNICEF", "WFP")
    await make_assessment(unicef, partner, confidentiality="AGENCY_ONLY")
    told = await heard()
    assert types(told["UNICEF"], partner_id=partner) == ["assessment.filed"]
    assert types(told["WFP"], partner_id=partner) == []


async def test_a_protected_partner_is_told_to_those_who_know_it(
    api_for: ApiFor, listen: Listen
) -> None:
    unicef, wfp, fao = [await api_for(name) for name in ("UNICEF", "WFP", "FAO")]
    partner = (await make_partner(unicef, country="MMR"))["id"]
    value = {"scheme": "AGENCY_VENDOR", "value": secrets.token_hex(6), "country": "MMR"}
    await wfp.made(f"/v1/partners/{partner}/identifiers", value)
    await make_assessment(fao, partner)
    url = f"/v1/partners/{partner}"
    etag = (await unicef.get(url)).headers["ETag"]
    protected = await unicef.patch(url, json={"protected": True}, headers={"If-Match": etag})
    assert protected.status_code == 200
    heard = await listen("UNICEF", "WFP", "FAO")
    await make_assessment(unicef, partner)
    told = await heard()
    assert types(told["UNICEF"], partner_id=partner) == ["assessment.filed"]
    assert types(told["WFP"], partner_id=partner) == ["assessment.filed"]
    assert partner not in str(told["FAO"])


async def test_shares_and_requests_are_told_the_other_party(
    api_for: ApiFor, listen: Listen
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    heard = await listen("UNICEF", "WFP", "FAO")
    made = (await make_assessment(unicef))["id"]
    asked = await wfp.made("/v1/access-requests", request_body(made))
    await unicef.post(
        f"/v1/access-requests/{asked['id']}/decision",
        json={"decision": "deny", "reason": "Not now."},
        headers={"If-Match": '"v1"'},
    )
    await make_share(unicef, made)
    told = await heard()
    request = f"/v1/access-requests/{asked['id']}"
    both = ["access_request.filed", "access_request.decided"]
    assert types(told["UNICEF"], resource=request) == both
    assert types(told["WFP"], resource=request) == both
    assert "assessment.shared" in types(told["WFP"], resource=f"/v1/assessments/{made}")
    assert types(told["FAO"], resource=f"/v1/assessments/{made}") == []


async def test_a_measure_is_told_everybody_and_a_restricted_one_its_agency(
    api_for: ApiFor, listen: Listen, worker_database: Database, world: World
) -> None:
    heard = await listen("UNDP", "FAO")
    entry = await impose(api_for)
    hidden = uuid4()
    async with worker_database.session() as session:
        kind, owner = EventType.SANCTION_IMPOSED, world.agencies["UNDP"]
        await events.publish(session, kind, hidden, owner, level="RESTRICTED")
    told = await heard()
    resource = f"/v1/sanctions/entries/{entry['entry_id']}"
    for name in ("UNDP", "FAO"):
        assert "sanction.imposed" in types(told[name], resource=resource)
    assert types(told["UNDP"], resource=f"/v1/sanctions/entries/{hidden}") == ["sanction.imposed"]
    assert str(hidden) not in str(told["FAO"])


async def test_numbers_of_an_agency_have_no_gap_and_nothing_is_told_twice(
    worker_database: Database, operator_database: Database, world: World, settle: Settle
) -> None:
    """Several at once take turns at the cursor, and one that breaks off tells nothing."""
    await settle()
    async with operator_database.connection() as connection:
        # Other tests may have left rows of their own numbers.
        before = dict(await connection.fetch("SELECT agency_id, seq FROM event_tops"))
    subjects = [uuid4() for _ in range(30)]
    for subject in subjects:
        async with worker_database.session() as session:
            kind = EventType.AGENCY_RESUMED if subject.int % 2 else EventType.FRAUD_CASE_CHANGED
            await events.publish(session, kind, subject, world.agencies["UNICEF"], code="UNICEF")
    async with worker_database.session() as session:
        await session.execute(text("SELECT 1"))
    await asyncio.gather(settle(), settle(), settle())
    (consumer,) = CONSUMERS
    assert await events.consume(worker_database, consumer) == 0
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT e.agency_id, count(*) AS told, count(DISTINCT e.event_id) AS events, "
            "max(e.seq) - min(e.seq) + 1 AS span, max(e.seq) AS last, t.seq AS top "
            "FROM agency_events e JOIN event_tops t USING (agency_id) "
            "LEFT JOIN unnest($1::uuid[], $2::bigint[]) b(agency_id, seq) USING (agency_id) "
            "WHERE e.seq > coalesce(b.seq, 0) GROUP BY 1, t.seq",
            list(before),
            list(before.values()),
        )
    assert rows
    for row in rows:
        assert row["told"] == row["events"] == row["span"], dict(row)
        assert row["last"] == row["top"]
