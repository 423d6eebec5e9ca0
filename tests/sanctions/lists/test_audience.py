"""A list that one agency switched on counts for it, and nobody else can tell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

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
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d{2}-\d{2}T[\d:.]+Z|eyJ[\w.-]+"
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
    assert schemas == {"Organization", "Person", "Vessel", "LegalEntity"}
    hidden = [
        *(f"/v1/feeds/sanctions/{path}?stream={STREAM}" for path in ("manifest", "changes")),
        *(f"/v1/feeds/sanctions/chunks/{sha256}" for sha256 in files if sha256),
        *(f"{twin}/{name}?stream={STREAM}" for name in ("index.json", "entities.ftm.json")),
        *(f"{URL}/{OPT_IN}/{name}" for name in ("versions", "parties")),
    ]
    for url in hidden:
        assert (await wfp.get(url)).status_code == 200, url
        answer = await fao.get(url)
        nothing = url.replace(OPT_IN, "zz_nothing").replace("/chunks/", "/chunks/" + "0" * 0)
        assert answer.status_code == 404, url
        if "chunks" in url:
            nothing = f"/v1/feeds/sanctions/chunks/{'0' * 64}"
        absent = await fao.get(nothing)
        assert answer.json()["code"] == absent.json()["code"], url
    await switch_off(api_for, OPT_IN, "WFP", use)
    for url in hidden:
        assert (await wfp.get(url)).status_code == 404, url


def _payload(jws: str) -> bytes:
    import base64

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


async def test_no_other_agency_can_tell(
    api_for: ApiFor, two_lists: Path, settle: Settle, worker_database: Database, tmp_path: Path
) -> None:
    """Two runs of everything FAO may ask, without and with WFP's use, a new issue between them."""
    fao, wfp = await api_for("FAO"), await api_for("WFP")
    partner = (await make_partner(fao, legal_name=unique("Zephyrine Quartz")))["id"]
    await cleared(fao, partner)
    await settle()
    first = await _everything(fao, partner)
    use = await switch_on(api_for, OPT_IN, "WFP")
    parties = [party("1", ORG, "ZQ Group"), party("5", "Zephyrine Newcomer")]
    parties += [party(str(n), f"Zephyrine {n}", kind="vessel") for n in (2, 3, 4)]
    file = write(tmp_path / "new", OPT_IN, parties, "2026-02-01T00:00:00+00:00")
    await import_list(worker_database, OPT_IN, file)
    await settle()
    await screened(wfp)
    await cleared(wfp, partner)
    await settle()
    second = await _everything(fao, partner)
    assert first.keys() == second.keys()
    for asked, answer in first.items():
        assert second[asked] == answer, asked
    assert any(STREAM in asked and answer.startswith("404") for asked, answer in first.items())
    await switch_off(api_for, OPT_IN, "WFP", use)


async def _everything(api: Api, partner: str) -> dict[str, str]:
    """Every list and record route that says something of lists, and those of the partner."""
    feeds = [
        f"/v1/feeds/sanctions/{name}stream={stream}"
        for name in (
            "manifest?",
            "changes?after=0&limit=1000&",
            "ftm/index.json?",
            "ftm/entities.ftm.json?",
            "ftm/targets.simple.csv?",
        )
        for stream in ("public", "inter_agency", "source.unsc", STREAM, f"source.{JOINT}")
    ]
    lists = [
        f"{URL}/{code}/{name}"
        for code in ("unsc", OPT_IN, JOINT)
        for name in ("versions", "parties", "uses", "parties?q=zephyrine")
    ]
    plain = [
        URL,
        "/v1/sanctions/entries",
        "/v1/clearances",
        f"/v1/partners/{partner}",
        f"/v1/partners/{partner}/flags",
        f"/v1/partners/{partner}/history",
        f"/v1/partners/{partner}/verifications",
        f"/v1/partners?name={ORG.split()[0]}",
        "/v1/agencies",
    ]
    answers = {}
    for url in (*feeds, *lists, *plain):
        response = await api.get(url)
        answers[url] = f"{response.status_code} {_VARIES.sub('*', response.text)}"
    for url, body in (
        ("/v1/screenings", {"subject": {"kind": "organisation", "names": [ORG]}}),
        (
            "/v1/clearances",
            {"partner": {"id": partner}, "country": "KEN", "purpose": "PARTNER_SELECTION"},
        ),
        (
            "/v1/clearances",
            {
                "partner": {"name": ORG, "country": "KEN"},
                "country": "KEN",
                "purpose": "PARTNER_SELECTION",
            },
        ),
    ):
        response = await api.post(url, json=body)
        answers[f"{url} {body}"] = f"{response.status_code} {_VARIES.sub('*', response.text)}"
    return answers
