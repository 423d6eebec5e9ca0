"""The list in FollowTheMoney form: the same entries, one version a file, safe cells."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI, Request

from app.auth import jose
from app.auth.feed_tokens import FeedReader
from app.core import csv_cells
from app.core.db import Database
from app.sanctions.feed import ftm, ftm_files
from app.sanctions.feed.ftm_endpoints import Wanted, get_entities
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.support import Api

FTM = "/v1/feeds/sanctions/ftm"

ENTRY: dict[str, Any] = {
    "entry_id": "e1",
    "source": "unsc",
    "reference": "QDi.001",
    "kind": "person",
    "names": [
        {"name": "=Evil", "type": "weak_alias"},
        {"name": "Amani Tereki", "type": "primary"},
        {"name": "آماني", "type": "original_script"},
        {"name": "A. Tereki", "type": "alias"},
        {"name": "Amani Olduvai", "type": "former"},
    ],
    "countries": ["KEN", "XKX"],
    "birth_dates": ["1970", "1971/1973", "1970-02-03"],
    "identifiers": [],
    "registry_number": None,
    "imposing_agency": None,
    "measure": "LISTED",
    "effect": {"eligible": False, "text": "A hit is a potential match"},
    "effective_from": "2020-01-02",
    "effective_to": None,
    "practices": [],
    "programme": "Al-Qaida",
    "measures": [
        {
            "imposed_by": "Committee 1267", "listed_by": None, "measure": "Asset freeze",
            "programme": "Al-Qaida", "grounds": None, "legal_basis": "S/RES/1267",
            "reference": "S-1", "from": "2019-01-01", "to": "2031-01-01", "indefinite": False,
        }
    ],
    "decided_on": None,
    "status": "ACTIVE",
    "gender": "male",
}  # fmt: skip


async def _entities(api: Api, stream: str = "inter_agency") -> list[dict[str, Any]]:
    answer = await api.get(f"{FTM}/entities.ftm.json?stream={stream}")
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.content.splitlines()]


def test_a_listed_person_becomes_a_person() -> None:
    found = ftm.entity(ENTRY, "public")
    assert (found["id"], found["schema"], found["caption"]) == ("e1", "Person", "Amani Tereki")
    assert found["properties"] == {
        "weakAlias": ["=Evil"],
        "name": ["Amani Tereki", "آماني"],
        "alias": ["A. Tereki"],
        "previousName": ["Amani Olduvai"],
        "nationality": ["ke", "xk"],
        "birthDate": ["1970", "1971", "1973", "1970-02-03"],
        "gender": ["male"],
        "topics": ["sanction"],
        "notes": ["UNSC QDi.001: LISTED; A hit is a potential match; from 2020-01-02"],
    }


def test_what_is_imposed_is_an_entity_of_its_own() -> None:
    found = ftm.sanction(ENTRY, "public")
    assert (found["id"], found["schema"], found["target"]) == ("e1-sanction", "Sanction", False)
    assert found["properties"] == {
        "entity": ["e1"],
        "publisher": ["UNSC"],
        "authorityId": ["QDi.001", "S-1"],
        "unscId": ["QDi.001"],
        "program": ["Al-Qaida"],
        "provisions": ["LISTED", "A hit is a potential match", "Asset freeze", "S/RES/1267"],
        "status": ["active"],
        "startDate": ["2020-01-02", "2019-01-01"],
        "authority": ["Committee 1267"],
        "endDate": ["2031-01-01"],
    }


@pytest.mark.parametrize(
    ("kind", "scheme", "value", "where"),
    [
        ("vessel", "IMO number", "IMO 9319466", "imoNumber"),
        ("vessel", "IMO number", "IMO 9319467", "registrationNumber"),
        ("vessel", "MMSI", "1", "registrationNumber"),
        ("aircraft", "Tail number", "EP-X", "registrationNumber"),
        ("unknown", "Tax", "7", "idNumber"),
        ("organisation", "LEI", "213800KUD8LAJWSQ9D15", "leiCode"),
    ],
)
def test_only_what_a_schema_knows_is_said(kind: str, scheme: str, value: str, where: str) -> None:
    found = ftm.entity(
        ENTRY | {"kind": kind, "identifiers": [{"scheme": scheme, "value": value}]}, "public"
    )
    assert found["properties"][where] == [value]
    assert not {"birthDate", "gender", "nationality"} & found["properties"].keys()


def test_values_of_a_cell_are_sorted_and_told_apart() -> None:
    names = [{"name": name, "type": "alias"} for name in ("B", "A; or C", "B")]
    more = {"names": [{"name": "P", "type": "primary"}, *names]}
    (row,) = csv.DictReader(
        io.StringIO(
            (
                ftm_files.table_header()
                + ftm_files.table_lines([(ENTRY | more, ftm.UNSEEN)], "public")
            ).decode()
        )
    )
    assert row["aliases"] == '"A; or C";B'
    assert row["sanctions"] == "Committee 1267 Al-Qaida - active - 2019-01-01 - 2031-01-01"


def test_a_debarred_organisation_becomes_an_organization() -> None:
    more = {
        "kind": "organisation",
        "names": [],
        "identifiers": [{"scheme": "LEI", "value": "L1"}, {"scheme": "UNGM", "value": "7"}],
        "registry_number": "IPR-0000001-C",
        "imposing_agency": "UNDP",
        "effective_to": "2030-01-01",
    }
    found = ftm.entity(ENTRY | more, "inter_agency")
    assert (found["schema"], found["caption"]) == ("Organization", "QDi.001")
    properties = found["properties"]
    assert "leiCode" not in properties  # that is none
    assert properties["idNumber"] == ["L1", "7", "IPR-0000001-C"]
    assert properties["topics"] == ["debarment"]
    assert properties["country"] == ["ke", "xk"]
    assert properties["notes"][0].endswith("from 2020-01-02 to 2030-01-01")
    undated = ftm.entity(ENTRY | {"effective_from": None}, "public")
    assert "from" not in undated["properties"]["notes"][0]


async def test_the_file_holds_the_list_in_a_stable_order(api_for: ApiFor, settle: Settle) -> None:
    entry = await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    lines = await _entities(wfp)
    found = [item for item in lines if item["schema"] != "Sanction"]
    manifest = jose.unverified_claims((await wfp.get("/v1/feeds/sanctions/manifest")).text)
    assert len(found) == len({item["id"] for item in found}) == manifest["count"]
    mine = next(item for item in found if item["id"] == entry["entry_id"])
    assert mine["schema"] == "Organization"
    assert mine["properties"]["topics"] == ["debarment"]
    (imposed,) = [x for x in lines if x["properties"].get("entity") == [entry["entry_id"]]]
    assert imposed["properties"]["authority"] == ["UNDP"]
    assert lines == await _entities(wfp)
    assert entry["entry_id"] not in {item["id"] for item in await _entities(wfp, "public")}


async def test_an_unchanged_list_is_a_304_and_a_changed_one_is_not(
    api_for: ApiFor, settle: Settle
) -> None:
    await settle()
    wfp = await api_for("WFP")
    tags = set()
    for name in ("index.json", "entities.ftm.json", "targets.simple.csv"):
        url = f"{FTM}/{name}"
        first = await wfp.get(url)
        tag = {"If-None-Match": first.headers["etag"]}
        tags.add(first.headers["etag"])
        assert (await wfp.get(url, headers=tag)).status_code == 304
        other = await wfp.get(f"{url}?stream=public", headers=tag)
        assert other.status_code == 200
        await impose(api_for)
        await settle()
        assert (await wfp.get(url, headers=tag)).status_code == 200
    assert len(tags) == 3


async def test_the_index_leads_to_the_files(api_for: ApiFor, settle: Settle) -> None:
    await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    index = await wfp.read(f"{FTM}/index.json")
    assert index["datasets"] == [{key: index[key] for key in index if key != "datasets"}]
    assert index["entity_count"] == 2 * index["thing_count"] == len(await _entities(wfp))
    for item in index["resources"]:
        answer = await wfp.get(item["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(item["mime_type"])
    before = index["version"]
    await impose(api_for)
    await settle()
    after = await wfp.read(f"{FTM}/index.json")
    assert after["version"] > before
    assert (await wfp.get(f"{FTM}/index.json?stream=agencies")).status_code == 422
    old = index["resources"][0]["url"]
    assert len((await wfp.get(old)).content.splitlines()) == index["entity_count"]
    unknown = await wfp.get(f"{FTM}/entities.ftm.json?version=20010101000000-000")
    assert unknown.json()["code"] == "file_not_found"


def test_a_later_version_is_the_greater_text() -> None:
    start = datetime(2026, 11, 22, 19, 26, 34, tzinfo=UTC)
    times = [start + timedelta(microseconds=22 * step) for step in range(100_000)]
    versions = [ftm.version(at) for at in times]
    assert versions == sorted(set(versions))
    assert versions[0] == "20261122192634-000"
    assert ftm.version(start + timedelta(microseconds=999_999)) == "20261122192634-zzz"


async def test_the_table_has_no_cell_that_calculates(api_for: ApiFor, settle: Settle) -> None:
    unicef = await api_for("UNICEF")
    name = '=HYPERLINK("http://x", "y")'
    partner = await make_partner(unicef, legal_name=name, aliases=["+1", "@a", "-b", "＝c"])
    entry = await impose(api_for, partner["id"])
    await settle()
    answer = await unicef.get(f"{FTM}/targets.simple.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert tuple(rows[0]) == ftm_files.COLUMNS
    mine = next(row for row in rows if row["id"] == entry["entry_id"])
    assert mine["name"] == f"'{name}"
    assert mine["aliases"] == "'+1;-b;@a;ART;＝c"
    assert mine["countries"] == "ke"
    assert mine["dataset"] == "partner_registry_inter_agency"
    for row in rows:
        assert not [cell for cell in row.values() if cell[:1] in set("=+-@\t\r＝＋－＠") - {""}]


@pytest.mark.parametrize(
    ("text", "cell"),
    [("a", "a"), ("", ""), ("=1", "'=1"), (" =1", "' =1"), ("\t1", "'\t1"),
     ("\u3000＋1", "'\u3000＋1"), ("a=1", "a=1"), ("-5", "'-5"), ("@x", "'@x"), ("\r=", "'\r=")],
)  # fmt: skip
def test_cells_that_a_spreadsheet_would_calculate_are_text(text: str, cell: str) -> None:
    assert csv_cells.safe(text) == cell


async def test_a_file_is_one_version_however_slowly_it_is_read(
    app: FastAPI, api_for: ApiFor, settle: Settle, database: Database
) -> None:
    await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    whole = (await wfp.get(f"{FTM}/entities.ftm.json")).content
    token = wfp.headers["Authorization"].removeprefix("Bearer ")
    request = Request({"type": "http", "app": app, "headers": []})
    reader = FeedReader(await app.state.verifier.verify(token), opaque=False)
    slow = await get_entities(Wanted(request, reader, database, "inter_agency", None))
    pieces = slow.body_iterator.__aiter__()  # type: ignore[attr-defined]  # Starlette calls it an iterable
    read = await pieces.__anext__()
    await impose(api_for)
    await settle()
    async for piece in pieces:
        read += piece
    assert read == whole
    assert (await wfp.get(f"{FTM}/entities.ftm.json")).content != whole


async def test_a_stream_without_a_head_is_absent(
    api_for: ApiFor, settle: Settle, operator_database: Database
) -> None:
    await settle()
    wfp = await api_for("WFP")
    rename = "UPDATE feed_heads SET stream = $2 WHERE stream = $1"
    async with operator_database.connection() as connection:
        await connection.execute(rename, "public", "away")
        try:
            answer = await wfp.get(f"{FTM}/index.json?stream=public")
        finally:
            await connection.execute(rename, "away", "public")
    assert answer.json()["code"] == "stream_not_found"
    assert ftm.version(None) == "19700101000000-000"
