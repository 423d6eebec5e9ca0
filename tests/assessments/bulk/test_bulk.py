"""Assessments by the hundred: each line as a request of its own, and sent again without effect."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any
from uuid import UUID

import pytest

from app.assessments.bulk import endpoints
from app.assessments.types import ALL
from app.core.db import Database
from tests.assessments.bulk.support import line, load, send
from tests.assessments.factories import SECRET, assessment_body, psea_detail
from tests.audit.support import events_of
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.merges.support import merged, pair
from tests.support import Api

__all__ = ["scoped"]


async def outbox_of(database: Database, subject: str) -> list[tuple[str, Any]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT type, data FROM outbox WHERE subject_id = $1 ORDER BY id", UUID(subject)
        )
        return [(row["type"], row["data"]) for row in rows]


async def count_of(api: Api, partner_id: str) -> int:
    found = await api.read(f"/v1/assessments?partner_id={partner_id}&limit=200")
    return len(found["items"])


async def refused_in(database: Database, request_id: str) -> list[Any]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event, detail FROM audit_events WHERE request_id = $1", request_id
        )
        return [row["detail"]["code"] for row in rows if "code" in row["detail"]]


async def test_a_line_is_filed_as_the_same_request_would_be(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    first, second = (await make_partner(wfp))["id"], (await make_partner(wfp))["id"]
    alone = await wfp.made("/v1/assessments", assessment_body(first))
    sent = line(second)
    (result,) = await load(wfp, sent)
    assert {name: result[name] for name in ("line", "id", "status", "version")} == {
        "line": 1,
        "id": sent["id"],
        "status": "created",
        "version": 1,
    }
    assert result["rating"] == alone["rating"]
    made = result["assessment_id"]
    one = await wfp.read(f"/v1/assessments/{alone['id']}")
    other = await wfp.read(f"/v1/assessments/{made}")
    own = {"id", "partner_id"}
    assert {k: v for k, v in one.items() if k not in own and not k.endswith("_at")} == {
        k: v for k, v in other.items() if k not in own and not k.endswith("_at")
    }
    assert (await wfp.read(f"/v1/assessments/{made}/detail"))["detail"] == psea_detail()
    log = await events_of(operator_database, made)
    log_alone = await events_of(operator_database, alone["id"])
    assert [(event.event, event.owner_agency) for event in log if "read" not in event.event] == [
        (event.event, event.owner_agency) for event in log_alone
    ]
    assert log[0].event == "assessment:record:file"
    assert log[0].detail == log_alone[0].detail
    told = await outbox_of(operator_database, made)
    told_alone = await outbox_of(operator_database, alone["id"])
    assert [(kind, data | {"partner_id": first}) for kind, data in told] == told_alone
    assert told


async def test_the_example_of_every_type_can_be_a_line(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    lines = [
        kind.body_model.model_json_schema()["examples"][0]
        | {"id": secrets.token_hex(8), "partner_id": partner}
        for kind in ALL.values()
    ]
    results = await load(wfp, *lines)
    assert [one["status"] for one in results] == ["created"] * len(ALL), results
    assert [one["rating"]["scheme"] for one in results] == [one["methodology"] for one in lines]


async def test_each_bad_line_says_where_and_keeps_no_other_from_being_filed(
    api_for: ApiFor,
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    missing = psea_detail()
    del missing["standards"][3]
    odd = psea_detail()
    odd["standards"][1]["result"] = "perhaps"
    bad: list[tuple[Any, str, str, str]] = [
        ("{not json", "malformed_json", "", "malformed_json"),
        ("[1]", "invalid_request", "", "not_an_object"),
        (line(partner, id="no space"), "invalid_request", "/id", "string_pattern_mismatch"),
        (line(partner, id=7), "invalid_request", "/id", "string_pattern_mismatch"),
        (
            {k: v for k, v in line(partner).items() if k != "id"},
            "invalid_request",
            "/id",
            "missing",
        ),
        (line(None), "invalid_request", "/partner_id", "one_partner"),
        (
            line(partner, identifier={"scheme": "UNPP", "value": "1"}),
            "invalid_request",
            "/partner_id",
            "one_partner",
        ),
        (line(partner, type="astrology"), "invalid_request", "", "union_tag_invalid"),
        (line(partner, surprise="me"), "invalid_request", "", "extra_forbidden"),
        (line(partner, owner_agency="UNICEF"), "invalid_request", "", "extra_forbidden"),
        (
            line(partner, detail=odd),
            "invalid_request",
            "/detail/standards/1/result",
            "literal_error",
        ),
        (
            line(partner, detail=missing),
            "detail_invalid",
            "/detail/standards",
            "standard_missing",
        ),
        (line(partner, methodology="X-1"), "methodology_unknown", "", "methodology_unknown"),
        (
            line(partner, conducted_on="2199-01-01"),
            "invalid_request",
            "/conducted_on",
            "in_future",
        ),
        (
            line(None, identifier={"scheme": "TAX_ID", "value": "1", "country": "KEN"}),
            "invalid_request",
            "/identifier/scheme",
            "value_error",
        ),
        (
            line(None, identifier={"scheme": "MAGIC", "value": "1"}),
            "invalid_request",
            "/identifier/scheme",
            "enum",
        ),
    ]
    results = await load(wfp, line(partner), *(one for one, *_ in bad), line(partner))
    assert [results[0]["status"], results[-1]["status"]] == ["created", "created"]
    for number, (result, (_, code, pointer, error)) in enumerate(
        zip(results[1:-1], bad, strict=True), 2
    ):
        assert (result["line"], result["status"]) == (number, "invalid"), result
        said = result["errors"][0]
        assert (result["code"], said["pointer"], said["code"]) == (code, pointer, error), result
    text = json.dumps(results)
    for sent in ("surprise", "astrology", "perhaps", "MAGIC", SECRET):
        assert sent not in text, "what was sent is not repeated"
    assert await count_of(wfp, partner) == 2


async def test_a_line_is_told_what_other_agencies_have(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    (first,) = await load(unicef, line(partner))
    assert "warnings" not in first
    (second,) = await load(wfp, line(partner))
    alone = await (await api_for("UNHCR")).made("/v1/assessments", assessment_body(partner))
    assert [one["agency"] for one in second["warnings"]] == ["UNICEF"]
    assert {one["agency"] for one in alone["warnings"]} == {"UNICEF", "WFP"}


async def test_a_line_sent_again_is_not_filed_again(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    first, second = line(partner), line(partner)
    made = await load(wfp, first)
    again = await load(wfp, first, second, second, first | {"conducted_on": "2026-03-02"})
    assert [one["status"] for one in again] == ["unchanged", "created", "unchanged", "invalid"]
    assert again[0]["assessment_id"] == made[0]["assessment_id"]
    assert again[2]["assessment_id"] == again[1]["assessment_id"]
    assert again[3]["code"] == "idempotency_key_reused"
    assert again[3]["errors"][0]["pointer"] == "/id"
    assert await count_of(wfp, partner) == 2
    # The order of its members does not make it another line; another agency's id is its own.
    backwards = dict(reversed(first.items()))
    assert (await load(wfp, backwards))[0]["status"] == "unchanged"
    assert (await load(await api_for("UNHCR"), first))[0]["status"] == "created"


async def test_a_line_that_was_refused_may_be_sent_again_when_corrected(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    sent = line(partner, methodology="X-1")
    assert (await load(wfp, sent))[0]["status"] == "invalid"
    assert (await load(wfp, sent | {"methodology": "UN-PSEA-2020"}))[0]["status"] == "created"


async def test_the_same_stream_twice_at_once_files_each_line_once(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    lines = [line(partner) for _ in range(12)]
    both = await asyncio.gather(load(wfp, *lines), load(wfp, *lines[::-1]))
    both[1].reverse()
    for one, other in zip(*both, strict=True):
        assert {one["status"], other["status"]} == {"created", "unchanged"}
        assert one["assessment_id"] == other["assessment_id"]
    assert await count_of(wfp, partner) == 12


async def test_more_lines_than_a_chunk_are_numbered_through(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "CHUNK", 5)
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    sent = [line(partner, status="draft") for _ in range(12)]
    sent[10]["methodology"] = "X-1"
    results = await load(wfp, *sent)
    assert [one["line"] for one in results] == list(range(1, 13))
    assert [one["line"] for one in results if one["status"] != "created"] == [11]
    assert await count_of(await api_for("UNHCR"), partner) == 0, "a draft is its owner's alone"


async def test_a_partner_is_found_by_an_identifier_as_by_resolve(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    number = f"V{secrets.token_hex(5)}"
    vendor = {"scheme": "AGENCY_VENDOR", "value": number, "country": "KEN"}
    partner = await make_partner(wfp, identifiers=[vendor])
    hidden = await make_partner(unicef, protected=True)
    own = {name: hidden["identifiers"][0][name] for name in ("scheme", "value")}
    lines = [
        line(None, identifier=vendor),
        line(None, identifier={"scheme": "REGISTRY", "value": partner["registry_number"]}),
        line(None, identifier=vendor | {"value": "nobody"}),
        line(None, identifier=own),
        line(hidden["id"]),
        line(str(UUID(int=7))),
    ]
    ordinary = await api_for("WFP", "partners:read", "assessments:read", "assessments:write")
    answer = await send(ordinary, *lines)
    results = [json.loads(one) for one in answer.text.splitlines()]
    assert [one["status"] for one in results] == ["created"] * 2 + ["refused"] * 4
    for one in results[:2]:
        made = await wfp.read(f"/v1/assessments/{one['assessment_id']}")
        assert made["partner_id"] == partner["id"]
    places = [(one["code"], one["errors"][0]["pointer"]) for one in results[2:]]
    assert places == [
        ("partner_not_found", "/identifier"),
        ("contact_registry", "/identifier"),
        ("partner_not_found", "/partner_id"),
        ("partner_not_found", "/partner_id"),
    ]
    hidden_one, absent = ({**one, "line": 0, "id": ""} for one in results[4:])
    assert hidden_one == absent, "a hidden profile looks like none"
    # Another agency's vendor number of the same text is not WFP's.
    (other,) = await load(unicef, lines[0] | {"id": secrets.token_hex(8)})
    assert other["code"] == "partner_not_found"


async def test_an_identifier_needs_the_scope_that_resolving_needs(
    api_for: ApiFor, operator_database: Database
) -> None:
    partner = await make_partner(await api_for("WFP"))
    writer = await api_for("WFP", "assessments:write")
    own = {name: partner["identifiers"][0][name] for name in ("scheme", "value")}
    answer = await send(writer, line(None, identifier=own), line(partner["id"]))
    first, second = (json.loads(one) for one in answer.text.splitlines())
    assert (first["status"], first["code"]) == ("refused", "scope_missing")
    assert second["status"] == "created"
    refusals = await refused_in(operator_database, answer.headers["x-request-id"])
    assert refusals == ["scope_missing"]


async def test_a_merged_profile_names_the_one_that_stands_for_it(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    await merged(api_for, loser, survivor)
    (result,) = await load(unicef, line(loser["id"]))
    assert (result["status"], result["code"]) == ("refused", "partner_merged")
    assert result["partner_id"] == survivor["id"]


async def test_rights_are_those_of_a_single_request(api_for: ApiFor, scoped: ScopedApi) -> None:
    wfp = await api_for("WFP")
    here = (await make_partner(wfp))["id"]
    there = (await make_partner(wfp, country="UGA"))["id"]
    for api, partner in (
        (await scoped("WFP", roles=("RCO",)), here),
        (await scoped("WFP", roles=("PO",)), here),
        (await scoped("WFP", max_level="INTER_AGENCY"), here),
        (await scoped("WFP", countries=("KEN",)), there),
        (await scoped("WFP", roles=("PFP",), countries=("KEN",)), here),
    ):
        alone = await api.post("/v1/assessments", json=assessment_body(partner))
        if alone.json().get("code") == "scope_missing":
            assert (await send(api, line(partner))).status_code == 403
            continue
        (result,) = await load(api, line(partner))
        assert result.get("code") == alone.json().get("code")
        assert (result["status"] == "created") == (alone.status_code == 201)


async def test_a_dry_run_says_what_would_be_and_leaves_nothing(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    sent = [line(partner, detail=psea_detail(6)), line(partner, methodology="X-1")]
    answer = await send(wfp, *sent, dry_run="true")
    good, bad = (json.loads(one) for one in answer.text.splitlines())
    assert (good["status"], bad["status"]) == ("created", "invalid")
    assert good["rating"]["value"] == "MEDIUM_CAPACITY"
    assert "assessment_id" not in good
    assert await count_of(wfp, partner) == 0
    async with operator_database.connection() as connection:
        left = await connection.fetchval(
            "SELECT (SELECT count(*) FROM audit_events WHERE request_id = $1) "
            "+ (SELECT count(*) FROM idempotency_keys WHERE key = $2)",
            answer.headers["x-request-id"],
            sent[0]["id"],
        )
    assert left == 0
    assert (await load(wfp, sent[0]))[0]["status"] == "created", "the id is not used up"


async def test_nothing_of_a_line_stays_in_the_stored_answers(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    sent = line(partner)
    await load(wfp, sent)
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT sealed_body, headers, route, fingerprint FROM idempotency_keys WHERE key = $1",
            sent["id"],
        )
    assert SECRET.encode() not in row["sealed_body"]
    assert (row["headers"], row["route"], len(row["fingerprint"])) == (
        {},
        "/v1/assessments/bulk",
        32,
    )


@pytest.mark.parametrize("query", ["dry_run=maybe", "dry=true", "dry_run=true&odd=1"])
async def test_a_query_that_is_none_is_refused(query: str, api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    answer = await wfp.post(
        f"/v1/assessments/bulk?{query}",
        content=b"7\n",
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == 422


async def test_only_a_stream_of_lines_is_taken(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    answer = await wfp.post("/v1/assessments/bulk", json={})
    assert answer.status_code == 415
