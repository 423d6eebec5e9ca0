"""Loads through the API: what each line becomes, and that a second sending changes nothing."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, unique

NDJSON = {"Content-Type": "application/x-ndjson"}


def line(**more: Any) -> dict[str, Any]:
    """A line that can be stored, with a key and an identifier of its own."""
    word = secrets.token_hex(6)
    body = {
        "key": f"K-{word}",
        "legal_name": unique("Amani Relief Trust"),
        "partner_type": "NGO_NATIONAL",
        "country": "KEN",
        "identifiers": [{"scheme": "AGENCY_VENDOR", "value": f"V{word}", "country": "KEN"}],
    }
    return body | more


async def send(api: Api, *lines: Any, **query: Any) -> httpx.Response:
    """Lines, each a document or raw text."""
    body = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)
    return await api.post("/v1/partners/bulk", content=body, headers=NDJSON, params=query)


async def load(api: Api, *lines: Any, **query: Any) -> list[dict[str, Any]]:
    """The results of a stream that is taken."""
    answer = await send(api, *lines, **query)
    assert answer.status_code == 200, answer.text
    return [json.loads(one) for one in answer.text.splitlines()]


async def test_a_line_becomes_a_profile_and_the_same_line_again_changes_nothing(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    sent = [line(legal_name_native="منظمة أماني", acronym="ART"), line(aliases=["Amani"])]
    answer = await send(wfp, *sent)
    first = [json.loads(one) for one in answer.text.splitlines()]
    assert [one["status"] for one in first] == ["created", "created"]
    assert [one["line"] for one in first] == [1, 2]
    made = await unicef.read(f"/v1/partners/{first[0]['partner_id']}")
    assert made["legal_name_native"] == "منظمة أماني"
    assert made["registry_number"] == first[0]["registry_number"]
    assert made["status"] == "draft"
    assert made["created_by"] == "WFP"
    assert made["identifiers"][0]["agency"] == "WFP"
    shown = await wfp.read(answer.headers["location"])
    assert (shown["state"], shown["lines"], shown["created"]) == ("finished", 2, 2)
    again = await load(wfp, *sent, load_id=shown["id"])
    assert [one["status"] for one in again] == ["unchanged", "unchanged"]
    assert [one["partner_id"] for one in again] == [one["partner_id"] for one in first]
    shown = await wfp.read(answer.headers["location"])
    assert (shown["lines"], shown["unchanged"]) == (4, 2)
    logged = await events_of(operator_database, shown["id"])
    stored = [row for row in logged if row.event == "partner:load:store"]
    assert len(stored) == 1, "one entry of the log for the chunk that stored something"
    assert stored[0].detail["created"] == [[one["partner_id"], 1] for one in first]
    async with operator_database.connection() as connection:
        data = await connection.fetchval(
            "SELECT data FROM outbox WHERE type = 'partners.loaded' AND subject_id = $1",
            UUID(shown["id"]),
        )
        waiting = await connection.fetchval(
            "SELECT count(*) FROM duplicate_checks WHERE partner_id = ANY ($1::uuid[])",
            [UUID(one["partner_id"]) for one in first],
        )
    assert data["created"] == stored[0].detail["created"]
    assert waiting == 2


async def test_a_bad_line_is_reported_and_keeps_no_other_from_being_stored(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    good = [line(), line()]
    results = await load(
        wfp,
        good[0],
        "{not json",
        "[1]",
        line(country="XX"),
        line(legal_name=None),
        line(surprise="me"),
        {"legal_name": "No key", "partner_type": "CBO", "country": "KEN"},
        line(key="a\u0000b"),
        line(key="x" * 201),
        line(tags=["WOMEN_LED"], partner_type="GOV_NATIONAL"),
        line(identifiers=[{"scheme": "LEI", "value": "123"}]),
        line(identifiers=[{"scheme": "AGENCY_VENDOR", "value": "1", "country": "UGA"}]),
        line(valid_from="2199-01-01"),
        line(hq_key="nobody has this"),
        line(key=7),
        good[1],
    )
    assert [one["status"] for one in results[1:-1]] == ["invalid"] * 14
    assert [results[0]["status"], results[-1]["status"]] == ["created", "created"]
    codes = [one["errors"][0]["code"] for one in results[1:-1]]
    assert codes[:2] == ["malformed_json", "not_an_object"]
    assert results[5]["errors"][0]["code"] == "extra_forbidden"
    assert "surprise" not in json.dumps(results[5]), "what was sent is not repeated"
    assert results[3]["errors"][0]["pointer"] == "/country"
    assert codes[10] == "vendor_country_unfit"
    assert codes[12] == "headquarters_unknown"


async def test_an_identifier_of_another_is_a_conflict_that_names_it(api_for: ApiFor) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    value = f"KE-NCB-{secrets.token_hex(6)}"
    taken = [{"scheme": "ORG_ID", "value": value}]
    there = await make_partner(unicef, identifiers=taken)
    twin = [{"scheme": "ORG_ID", "value": f"KE-NCB-{secrets.token_hex(6)}"}]
    results = await load(
        wfp, line(identifiers=taken), line(identifiers=twin), line(identifiers=twin), line()
    )
    assert [one["status"] for one in results] == ["conflict", "created", "conflict", "created"]
    assert results[0]["errors"][0]["code"] == "identifier_taken"
    assert results[0]["errors"][0]["partner_id"] == there["id"]
    assert results[2]["errors"][0]["code"] == "identifier_taken"
    later = await load(wfp, line(identifiers=twin))
    assert later[0]["errors"][0]["partner_id"] == results[1]["partner_id"]


async def test_a_protected_holder_is_not_named(api_for: ApiFor) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    held = [{"scheme": "ORG_ID", "value": f"KE-NCB-{secrets.token_hex(6)}"}]
    there = await make_partner(unicef, identifiers=held, protected=True)
    wfp = await api_for("WFP", "partners:read", "partners:write")
    (result,) = await load(wfp, line(identifiers=held))
    assert result["errors"][0]["contact_registry"] is True
    assert there["id"] not in json.dumps(result)


async def test_a_changed_line_changes_what_its_agency_gave_and_keeps_what_others_gave(
    api_for: ApiFor,
) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    sent = line(website="https://old.example")
    (made,) = await load(wfp, sent)
    url = f"/v1/partners/{made['partner_id']}"
    patch = await unicef.patch(
        url, json={"website": "https://new.example"}, headers={"If-Match": '"v1"'}
    )
    assert patch.status_code == 200
    number = {"scheme": "ORG_ID", "value": f"KE-NCB-{secrets.token_hex(6)}"}
    name = unique("Amani Renewed")
    again = sent | {"legal_name": name, "identifiers": [*sent["identifiers"], number]}
    (result,) = await load(wfp, again)
    assert (result["status"], result["version"]) == ("updated", 3)
    assert result["kept"] == ["website"]
    now = await wfp.read(url)
    assert now["legal_name"] == name
    assert now["former_names"] == [sent["legal_name"]]
    assert now["website"] == "https://new.example"
    assert {one["scheme"] for one in now["identifiers"]} == {"AGENCY_VENDOR", "ORG_ID"}
    (same,) = await load(wfp, again)
    assert same["status"] == "unchanged"
    only = again | {"website": "https://other.example", "legal_name": name}
    (kept,) = await load(wfp, only)
    assert kept["status"] == "conflict"
    assert kept["errors"][0]["code"] == "owned_by_other"
    history = await wfp.read(f"{url}/history")
    assert len(history["items"]) == 3


async def test_a_claimed_profile_is_its_partners(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    sent = line()
    (made,) = await load(wfp, sent)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET control = 'partner', version = version + 1 WHERE id = :id"),
            {"id": made["partner_id"]},
        )
    (result,) = await load(wfp, sent | {"acronym": "NEW"})
    assert result["status"] == "conflict"
    assert result["errors"][0]["code"] == "owned_by_partner"


async def test_headquarters_come_by_key_whatever_the_order_within_a_chunk(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    head = line(partner_type="NGO_INTL", country="CHE", identifiers=[])
    office = line(partner_type="NGO_INTL", hq_key=head["key"])
    twin = line(partner_type="NGO_INTL", hq_key=head["key"])
    wrong = line(partner_type="NGO_NATIONAL", hq_key=head["key"], country="UGA", identifiers=[])
    results = await load(wfp, office, twin, wrong, head)
    assert [one["status"] for one in results] == ["created", "conflict", "invalid", "created"]
    made = await wfp.read(f"/v1/partners/{results[0]['partner_id']}")
    assert made["hq_id"] == results[3]["partner_id"]
    assert results[1]["errors"][0]["code"] == "country_profile_exists"
    ring = [line(key=a, hq_key=b, partner_type="NGO_INTL") for a, b in (("r1", "r2"), ("r2", "r1"))]
    assert [one["status"] for one in await load(wfp, *ring)] == ["invalid", "invalid"]


async def test_the_same_key_twice_is_taken_in_order(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    first = line()
    results = await load(wfp, first, first, first | {"acronym": "ART"})
    assert [one["status"] for one in results] == ["created", "unchanged", "updated"]
    assert len({one["partner_id"] for one in results}) == 1


async def test_keys_and_loads_are_each_agencys_own(api_for: ApiFor) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    answer = await send(wfp, line(key="SAME", identifiers=[]))
    (mine,) = [json.loads(one) for one in answer.text.splitlines()]
    other = await load(unicef, line(key="SAME", identifiers=[]))
    assert other[0]["status"] == "created"
    assert other[0]["partner_id"] != mine["partner_id"]
    where = answer.headers["location"]
    assert (await unicef.get(where)).status_code == 404
    listed = await unicef.read("/v1/partners/loads")
    assert where.rsplit("/", 1)[1] not in [one["id"] for one in listed["items"]]
    refused = await send(unicef, line(), load_id=where.rsplit("/", 1)[1])
    assert refused.status_code == 404
    assert refused.json()["code"] == "load_not_found"


async def test_a_dry_run_says_the_same_and_stores_nothing(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    sent, before = line(), await wfp.read("/v1/partners/loads")
    results = await load(wfp, sent, line(country="??"), dry_run=True)
    assert [one["status"] for one in results] == ["created", "invalid"]
    assert "partner_id" not in results[0]
    assert await wfp.read("/v1/partners/loads") == before
    assert [one["status"] for one in await load(wfp, sent)] == ["created"]


async def test_streams_with_the_same_lines_at_once_make_each_partner_once(
    api_for: ApiFor,
) -> None:
    wfp = await api_for("WFP")
    sent = [line() for _ in range(40)]
    turned = list(reversed(sent))
    answers = await asyncio.gather(load(wfp, *sent), load(wfp, *turned), load(wfp, *sent))
    ids: dict[str, set[str]] = {}
    for results in answers:
        for one in results:
            assert one["status"] in ("created", "unchanged"), one
            ids.setdefault(one["key"], set()).add(one["partner_id"])
    assert all(len(found) == 1 for found in ids.values())
    assert sum(one["status"] == "created" for a in answers for one in a) == len(sent)


async def test_agencies_that_load_one_identifier_at_once_share_no_number(api_for: ApiFor) -> None:
    apis = [await api_for(name) for name in ("WFP", "UNICEF", "UNHCR")]
    numbers = [[{"scheme": "ORG_ID", "value": f"KE-NCB-{secrets.token_hex(6)}"}] for _ in range(30)]
    answers = await asyncio.gather(
        *(load(api, *(line(identifiers=number) for number in numbers)) for api in apis)
    )
    for place in range(len(numbers)):
        statuses = sorted(results[place]["status"] for results in answers)
        assert statuses == ["conflict", "conflict", "created"]


@pytest.mark.parametrize("kind", ["application/json", "text/csv"])
async def test_other_bodies_are_refused(api_for: ApiFor, kind: str) -> None:
    wfp = await api_for("WFP")
    answer = await wfp.post("/v1/partners/bulk", content="{}", headers={"Content-Type": kind})
    assert answer.status_code == 415


async def test_loading_needs_the_right_to_write(api_for: ApiFor) -> None:
    reader = await api_for("WFP", "partners:read")
    assert (await send(reader, line())).status_code == 403
    assert (await reader.get("/v1/partners/loads")).status_code == 403
