"""A list that one agency switched on counts for it, and nobody else can tell."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.sanctions.lists.importer import import_list
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.lists.conftest import JOINT, OPT_IN
from tests.sanctions.lists.support import URL, party, switch_off, switch_on, write
from tests.support import Api, unique

ORG = "Zephyrine Quartz Holdings"
STREAM = f"source.{OPT_IN}"
_VARIES = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r'|\d{4}-\d{2}-\d{2}T[\d:.]+Z|eyJ[\w.-]+|"(next_cursor|request_id)":"[^"]+"'
)


async def screened(api: Api, name: str = ORG, kind: str = "organisation") -> dict[str, Any]:
    return await api.made("/v1/screenings", {"subject": {"kind": kind, "names": [name]}})


async def cleared(api: Api, partner: str) -> dict[str, Any]:
    body = {"partner": {"id": partner}, "country": "KEN", "purpose": "PARTNER_SELECTION"}
    return await api.made("/v1/clearances", body)


async def test_it_counts_in_the_answers_of_the_agency_alone(
    api_for: ApiFor, two_lists: Path, settle: Settle
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    partner = (await make_partner(wfp, legal_name=ORG))["id"]
    use = await switch_on(api_for, OPT_IN, "WFP")
    mine, other = await screened(wfp), await screened(fao)
    assert {hit["source"] for hit in mine["hits"]} == {OPT_IN}
    assert [(one["code"], one["stale"]) for one in mine["own_lists"]] == [(OPT_IN, False)]
    assert (other["hits"], other["own_lists"]) == ([], [])
    assert mine["list_version"] == other["list_version"]
    reasons = {
        name: [(one["code"], one["source"]) for one in (await cleared(api, partner))["reasons"]]
        for name, api in (("wfp", wfp), ("fao", fao))
    }
    assert ("POTENTIAL_MATCH_OPEN", OPT_IN) in reasons["wfp"]
    assert ("POTENTIAL_MATCH_OPEN", OPT_IN) not in reasons["fao"]
    await switch_off(api_for, OPT_IN, "WFP", use)
    assert (await screened(wfp))["hits"] == []


async def test_its_stream_is_there_for_its_users(api_for: ApiFor, two_lists: Path) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    use = await switch_on(api_for, OPT_IN, "WFP")
    page = await wfp.read(f"/v1/feeds/sanctions/changes?stream={STREAM}&after=0")
    # Ships travel with their kind.
    assert {change["entry"]["kind"] for change in page["changes"] if change["entry"]} == {
        "organisation",
        "person",
        "vessel",
        "unknown",
    }
    head = json.loads(_payload(page["manifest"]))
    index = await wfp.get(f"/v1/feeds/sanctions/chunks/{head['index']['sha256']}")
    files = [head["index"]["sha256"], *(one["sha256"] for one in index.json()["chunks"])]
    twin = "/v1/feeds/sanctions/ftm"
    lines = (await wfp.get(f"{twin}/entities.ftm.json?stream={STREAM}")).text.splitlines()
    schemas = {json.loads(line)["schema"] for line in lines}
    assert schemas == {"Organization", "Person", "Vessel", "LegalEntity", "Sanction"}
    hidden = [
        *(f"/v1/feeds/sanctions/{path}?stream={STREAM}" for path in ("manifest", "changes")),
        *(f"/v1/feeds/sanctions/chunks/{sha256}" for sha256 in files if sha256),
        *(
            f"{twin}/{name}?stream={STREAM}"
            for name in ("index.json", "delta.json", "entities.ftm.json")
        ),
        *(f"{URL}/{OPT_IN}/{name}" for name in ("versions", "parties")),
    ]
    for url in hidden:
        assert (await wfp.get(url)).status_code == 200, url
        answer = await fao.get(url)
        assert answer.status_code == 404, url
        nothing = re.sub("chunks/.*", "chunks/" + "0" * 64, url).replace(OPT_IN, "zz_nothing")
        absent = await fao.get(nothing)
        assert answer.json()["code"] == absent.json()["code"], url
    await switch_off(api_for, OPT_IN, "WFP", use)
    for url in hidden:
        assert (await wfp.get(url)).status_code == 404, url


def _payload(jws: str) -> bytes:
    part = jws.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    ("name", "kind", "hit"),
    [
        ("Zephyrine Quartz Vessel", "organisation", False),
        ("Zephyrine Quartz Vessel", "person", False),
        ("Zephyrine Unknowable", "organisation", True),
        ("Zephyrine Unknowable", "person", True),
        ("Zephyrine Quartz Person", "person", True),
    ],
)
async def test_ships_are_nobodys_name_and_the_unknown_is_compared_with_both(
    api_for: ApiFor, two_lists: Path, name: str, kind: str, hit: bool
) -> None:
    use = await switch_on(api_for, OPT_IN, "WFP")
    found = await screened(await api_for("WFP"), name, kind)
    captions = [one["caption"] for one in found["hits"]]
    await switch_off(api_for, OPT_IN, "WFP", use)
    assert (name in captions) is hit


_OWN = {
    *("/v1/audit/events", "/v1/clearances", "/v1/events", "/v1/log/checkpoint", "/v1/screenings"),
    *("/v1/recognitions", "/v1/recognitions/statistics"),
}
"""What grows by an agency's own questions: its answers and acts, what its clearances relied on."""


async def test_no_other_agency_can_tell(
    app: FastAPI,
    api_for: ApiFor,
    two_lists: Path,
    settle: Settle,
    worker_database: Database,
    tmp_path: Path,
) -> None:
    """Every GET route, a screening and clearances: FAO's answers do not move with WFP's use.

    What differs between two runs with nothing in between tells of FAO's own calls, and is left out.
    """
    fao, wfp = await api_for("FAO"), await api_for("WFP")
    partner = (await make_partner(fao, legal_name=unique("Zephyrine Quartz")))["id"]
    runs = []
    for _ in range(2):
        await settle()
        runs.append(await _everything(app, fao, partner))
    use = await switch_on(api_for, OPT_IN, "WFP")
    parties = [party("1", ORG, "ZQ Group"), party("5", "Zephyrine Newcomer")]
    parties += [party(str(n), f"Zephyrine {n}", kind="vessel") for n in (2, 3, 4)]
    file = write(tmp_path / "new", OPT_IN, parties, "2026-02-01T00:00:00+00:00")
    await import_list(worker_database, OPT_IN, file)
    await settle()
    assert (await screened(wfp))["hits"]
    await cleared(wfp, partner)
    await settle()
    after = await _everything(app, fao, partner)
    await switch_off(api_for, OPT_IN, "WFP", use)
    own = {url for url in after if runs[0][url] != runs[1][url]}
    assert own <= _OWN, sorted(own - _OWN)
    # The list of FAO's own screenings grows by its own questions.
    assert not [url for url in own if "sanctions" in url or "screenings {" in url], sorted(own)
    assert {url for url in after if after[url] != runs[1][url]} <= own
    assert sum(answer.startswith("200") for answer in after.values()) >= 40


async def _everything(app: FastAPI, api: Api, partner: str) -> dict[str, str]:
    """What this caller is told: each GET route, for each list and stream, and three questions."""
    answers = {}
    name = {"name": ORG, "country": "KEN"}
    more = {"country": "KEN", "purpose": "PARTNER_SELECTION"}
    for url, body in (
        ("/v1/screenings", {"subject": {"kind": "organisation", "names": [ORG]}}),
        ("/v1/clearances", more | {"partner": {"id": partner}}),
        ("/v1/clearances", more | {"partner": name}),
    ):
        answers[f"{url} {body}"] = _told(await api.post(url, json=body))
    for url in _questions(app, partner):
        answers[url] = _told(await api.get(url))
    return answers


def _questions(app: FastAPI, partner: str) -> Iterator[str]:
    for path, operations in app.openapi()["paths"].items():
        if "get" not in operations or not path.startswith("/v1/"):
            continue
        takes_stream = any(
            one.get("name") == "stream" for one in operations["get"].get("parameters", ())
        )
        if takes_stream:
            streams = ("public", "inter_agency", "source.unsc", STREAM, f"source.{JOINT}")
            yield from (f"{path}?stream={stream}" for stream in streams)
            continue
        codes = ("unsc", OPT_IN, JOINT) if "/sources/{code}" in path else ("FAO",)
        for code in codes if "{code}" in path else ("",):
            filled = path.replace("{partner_id}", partner).replace("{code}", code)
            if "{" not in filled:
                yield filled


def _told(response: httpx.Response) -> str:
    return f"{response.status_code} {_VARIES.sub('*', response.text)}"
