"""Exports: who, for what, what is in the file, and what the log says of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.search import export
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api

PURPOSE = {"Access-Purpose": 'AUDIT; ref="EXP-1"'}


async def _exported(api: Api, query: str) -> Any:
    answer = await api.get(f"/v1/partners/export?{query}", headers=PURPOSE)
    assert answer.status_code == 200, answer.text
    return answer


async def _log(operator: Database, export_id: str) -> list[Any]:
    async with operator.session() as session:
        rows = await session.execute(
            text(
                "SELECT event, purpose, detail FROM audit_events WHERE subject_id = :id ORDER BY id"
            ),
            {"id": export_id},
        )
        return list(rows.all())


async def test_every_id_is_in_the_log_before_the_end(
    api_for: ApiFor, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHUNK", 2)
    api = await api_for("UNICEF")
    made = [(await make_partner(api, country="GUM"))["id"] for _ in range(5)]
    answer = await _exported(api, "country=GUM")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["id"] for line in lines] == made[::-1]
    assert "privileges and immunities" in answer.headers["registry-notice"]
    log = await _log(operator_database, answer.headers["registry-export"])
    assert [row.event for row in log] == [
        "partner:export:begin", *["partner:export:send"] * 3, "partner:export:end",
    ]  # fmt: skip
    assert {row.purpose for row in log} == {"AUDIT"}
    assert log[0].detail["filters"] == {"country": ["GUM"]}
    assert [one for row in log[1:-1] for one in row.detail["ids"]] == made[::-1]
    digest = hashlib.sha256(answer.content).hexdigest()
    assert log[-1].detail == {"count": 5, "sha256": digest}


async def test_a_csv_calculates_nothing_and_keeps_its_header(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    await make_partner(api, country="MNP", legal_name='=HYPERLINK("http://x")', aliases=["+1"])
    answer = await _exported(api, "country=MNP&format=csv&bom=true")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert tuple(header) == export.FIELDS
    cells = dict(zip(header, row, strict=True))
    assert cells["legal_name"].startswith("'=")
    assert cells["aliases"].startswith("'+")


async def test_the_public_gets_public_profiles_and_fields(
    api_for: ApiFor, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    shown = await make_partner(api, country="ASM", publication_consent=True)
    for more in (
        {},
        {"publication_consent": True},
        {"publication_consent": True, "protected": True},
    ):
        await make_partner(api, country="ASM", **more)
    async with operator_database.session() as session:
        await session.execute(
            text(
                "UPDATE partners SET version = version + 1, verification = 'verified', "
                "verified_by = created_by, verified_on = CURRENT_DATE WHERE id = :id"
            ),
            {"id": shown["id"]},
        )
    lines = (await _exported(api, "country=ASM&audience=public")).text.splitlines()
    (only,) = map(json.loads, lines)
    assert only["registry_number"] == shown["registry_number"]
    assert tuple(only) == export.PUBLIC_FIELDS
    # With a country the list starts from an index, without one it walks along its order.
    for query in ("country=ASM&public=true", "public=true"):
        listed = await api.get(f"/v1/partners?{query}")
        assert listed.status_code == 200
        assert [item["id"] for item in listed.json()["items"]] == [shown["id"]]
    hidden = await api.get("/v1/partners?country=ASM&public=false")
    assert len(hidden.json()["items"]) == 3


async def test_a_protected_profile_leaves_with_nobody_else(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    wfp = await api_for("WFP", "partners:export")
    partner = await make_partner(unicef, country="COK", protected=True)
    assert partner["id"] in (await _exported(unicef, "country=COK")).text
    assert (await _exported(wfp, "country=COK")).text == ""


async def test_an_export_needs_its_scope_and_a_purpose(api_for: ApiFor) -> None:
    reader, exporter = (
        await api_for("WFP", "partners:read"),
        await api_for("WFP", "partners:export"),
    )
    assert (await reader.get("/v1/partners/export", headers=PURPOSE)).status_code == 403
    refused = await exporter.get("/v1/partners/export?country=KEN")
    assert refused.json()["code"] == "purpose_required"
    for query in ("q=relief", "format=xlsx", "limit=5", "scheme=LEI&value=x"):
        bad = await exporter.get(f"/v1/partners/export?{query}", headers=PURPOSE)
        assert bad.status_code == 422, query
