"""The nine steps that clients rely on, one after the other, on real input."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.assessments.factories import psea_detail
from tests.conftest import LISTS_DIR
from tests.story.conftest import SAMPLE, Registry, Sync

PURPOSE = {"Access-Purpose": 'PARTNER_SELECTION; ref="WFP-KE-2026-17"'}
pytestmark = pytest.mark.timeout(180)


def post(caller: httpx.Client, url: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return caller.post(url, json=body, headers={"Idempotency-Key": uuid4().hex, **headers})


def made(caller: httpx.Client, url: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = post(caller, url, body, **headers)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


def profile(registry: Registry) -> dict[str, Any]:
    """Step 2: one identity, shared."""
    unicef, wfp = registry.caller("UNICEF"), registry.caller("WFP")
    body = {
        "legal_name": "Amani Relief Trust",
        "acronym": "ART",
        "aliases": ["Amani Trust"],
        "partner_type": "NGO_NATIONAL",
        "country": "KE",
        "year_established": 1998,
        "identifiers": [{"scheme": "ORG_ID", "value": "KE-NCB-218-051"}],
    }
    answer = post(unicef, "/v1/partners", body)
    assert answer.status_code == 201, answer.text
    partner: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == '"v1"'
    assert answer.headers["location"] == f"/v1/partners/{partner['id']}"
    assert (partner["version"], partner["status"], partner["country"]) == (1, "draft", "KEN")
    read = wfp.get(f"/v1/partners/{partner['id']}").json()
    assert read == {name: partner[name] for name in read}
    taken = post(wfp, "/v1/partners", body)
    assert (taken.status_code, taken.json()["code"]) == (409, "identifier_taken")
    assert taken.json()["partner_id"] == partner["id"]
    match = wfp.post(
        "/v1/partners/match", json={"legal_name": "Amani Releif Trust", "country": "KEN"}
    )
    assert match.json()["candidates"][0]["partner_id"] == partner["id"]
    return partner


def assessment(registry: Registry, partner_id: str) -> None:
    """Steps 3 to 5: a confidential assessment, shared for a purpose, disclosed, revoked."""
    unicef, wfp = registry.caller("UNICEF"), registry.caller("WFP")
    body = {
        "partner_id": partner_id,
        "type": "psea",
        "methodology": "UN-PSEA-2020",
        "status": "final",
        "conducted_on": "2026-03-01",
        "confidentiality": "RESTRICTED",
        "detail": psea_detail(8),
    }
    record = made(unicef, "/v1/assessments", body)
    assert record["owner_agency"] == "UNICEF"
    assert record["rating"] == {
        "scheme": "UN-PSEA-2020",
        "value": "FULL_CAPACITY",
        "dimension": "sea_risk",
        "level": "LOW",
        "rating_source": "computed",
    }
    url = f"/v1/assessments/{record['id']}"
    listed = wfp.get(f"/v1/assessments?partner_id={partner_id}").json()["items"]
    assert [item["id"] for item in listed] == [record["id"]]
    hidden, absent = wfp.get(f"{url}/detail"), wfp.get(f"/v1/assessments/{uuid4()}/detail")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json() | {"instance": ""} == absent.json() | {"instance": ""}
    share = made(
        unicef,
        f"{url}/shares",
        {
            "shared_with": "WFP",
            "level": "detail",
            "purpose": "PARTNER_SELECTION",
            "valid_until": "2190-12-31T23:59:59Z",
        },
    )
    assert wfp.get(f"{url}/detail").json()["code"] == "purpose_required"
    read = wfp.get(f"{url}/detail", headers=PURPOSE)
    assert read.status_code == 200
    assert len(read.json()["detail"]["standards"]) == 8
    disclosed = unicef.get(f"{url}/disclosures").json()["items"]
    line = next(item for item in disclosed if item["agency"] == "WFP")
    assert line["purpose"] == "PARTNER_SELECTION"
    assert line["office"]
    assert line["role"]
    assert unicef.delete(f"{url}/shares/{share['id']}").status_code == 204
    assert wfp.get(f"{url}/detail", headers=PURPOSE).status_code == 404


def screening(registry: Registry, file: Path) -> None:
    """Step 6: a published list imported, a listed name found through a typing error."""
    registry.operate("lists", "import", "unsc", str(file))
    wfp = registry.caller("WFP")
    source = wfp.get("/v1/sanctions/sources").json()["items"][0]
    assert source["stale"] is False
    assert len(source["digest"]) == 64
    listed = until(lambda: _listed(wfp, source["counts"]))
    name = max(
        (entry["names"][0]["name"] for entry in listed if entry["kind"] == "organisation"), key=len
    )
    subject = {"kind": "organisation", "names": [name[:5] + name[6:]]}
    answer = made(wfp, "/v1/screenings", {"subject": subject})
    assert answer["outcome"] == "potential_match"
    assert answer["hits"][0]["caption"] == name
    assert answer["hits"][0]["source"] == "unsc"


def _listed(wfp: httpx.Client, counts: dict[str, int]) -> list[dict[str, Any]] | None:
    entries, after = [], 0
    while True:
        url = f"/v1/feeds/sanctions/changes?stream=source.unsc&after={after}&limit=1000"
        answer = wfp.get(url)
        if answer.status_code == 404:
            return None
        page = answer.json()
        entries += [change["entry"] for change in page["changes"]]
        after = page["to"]
        if not page["more"]:
            return entries if len(entries) == sum(counts.values()) else None


def debarment(registry: Registry, partner_id: str) -> dict[str, Any]:
    """Step 7: three persons, each step in order."""
    undp, reviewer = registry.caller("UNDP"), registry.caller("UNDP_REVIEWER")
    approver = registry.caller("UNDP_APPROVER")
    finding = {"reference": "OAI-2026-114", "on": "2026-04-02"}
    case = made(
        undp,
        "/v1/sanctions/cases",
        {"partner_id": partner_id, "practices": ["FRAUDULENT"], "finding": finding},
    )
    url = f"/v1/sanctions/cases/{case['id']}"
    made(undp, f"{url}/notice", {"sent_on": "2026-05-04", "summary": "Notice of intent."})
    made(undp, f"{url}/reply", {"received_on": "2026-05-20", "text": "Disputed."})
    made(reviewer, f"{url}/review", {"recommendation": "impose", "note": "Agreed."})
    version = approver.get(url).headers["etag"]
    entry = made(
        approver,
        f"{url}/decision",
        {
            "measure": "DEBARMENT_FIXED",
            "effective_from": "2026-06-15",
            "effective_to": "2030-06-14",
            "reason": "Forged invoices.",
        },
        **{"If-Match": version},
    )
    assert entry["seq"] is None
    assert (entry["blocking"], entry["status"], entry["procedure"]) == (True, "ACTIVE", "full")
    return entry


def until(found: Any, seconds: float = 15) -> Any:
    """What ``found()`` gives once it is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = found()
        if result:
            return result
        time.sleep(0.1)
    pytest.fail("it did not happen in time")


def offline_copy(registry: Registry, sync: Sync, entry: dict[str, Any]) -> None:
    """Step 8: the client verifies what it pulls and finds the entry without the network."""
    wfp = registry.caller("WFP")
    url = f"/v1/sanctions/entries/{entry['entry_id']}"
    started = time.monotonic()
    until(lambda: wfp.get(url).json()["seq"])
    assert time.monotonic() - started < 5
    secret = registry.folder / "secret"
    secret.write_text(registry.world.secrets["WFP"])
    anchor = registry.folder / "root" / "anchor.json"
    code, said = sync(
        *("init", "--url", registry.url, "--anchor", str(anchor)),
        *("--client-id", "WFP", "--client-secret-file", str(secret)),
    )
    assert code == 0, said
    code, said = sync("pull", "--json")
    assert code == 0, said
    code, found = sync("screen", "Amani Relief Trust", "--json")
    assert code == 10, found
    assert found["provisional"] is True
    assert entry["entry_id"] in [hit["entry_id"] for hit in found["hits"]]


def clearance(registry: Registry, sync: Sync, partner: dict[str, Any], entry_id: str) -> None:
    """Step 9: one complete answer, and a receipt that verifies offline."""
    wfp = registry.caller("WFP")
    answer = post(
        wfp,
        "/v1/clearances",
        {
            "partner": {"id": partner["id"]},
            "country": "KEN",
            "amount_usd": "250000.00",
            "period": {"from": "2026-12-01", "to": "2027-11-30"},
            "purpose": "PARTNER_SELECTION",
            "context": "regular",
        },
    )
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["outcome"] == "REFER"
    # The measure, and what WFP's policies ask for at this amount and was never done.
    assert [reason["code"] for reason in body["reasons"]] == [
        *("SANCTIONED_OTHER_AGENCY", "NOT_VERIFIED", "PROFILE_INCOMPLETE"),
        *("REGISTRATION_MISSING", "NO_MICRO_ASSESSMENT"),
    ]
    assert body["restrictions"][0]["entry_id"] == entry_id
    assert body["recognition"][0]["from_agency"] == "UNICEF"
    assert body["status"] == "open"
    url = f"/v1/clearances/{body['clearance_id']}"
    receipt = wfp.get(f"{url}/receipt")
    assert receipt.headers["content-type"] == "application/jose"
    assert wfp.get(f"{url}/receipt").content == receipt.content
    files = {"receipt.jose": receipt.content, "answer.json": answer.content}
    for name, content in files.items():
        (registry.folder / name).write_bytes(content)
    paths = [str(registry.folder / name) for name in files]
    code, said = sync("verify-receipt", paths[0], "--answer", paths[1])
    assert code == 0, said
    changed = json.dumps(body | {"outcome": "CLEAR"})
    (registry.folder / "forged.json").write_text(changed)
    code, said = sync("verify-receipt", paths[0], "--answer", str(registry.folder / "forged.json"))
    assert code == 30, said
    asked = ("--partner", partner["id"], "--country", "KEN", "--purpose", "PARTNER_SELECTION")
    code, said = sync("clearance", *asked, "--json")
    assert code == 12, said
    assert said["receipt"]["answer"] == "matches"


@pytest.mark.parametrize(
    "source",
    [
        "sample",
        pytest.param(
            "published",
            marks=pytest.mark.skipif(
                LISTS_DIR is None, reason="REGISTRY_LISTS_DIR names no folder of list files"
            ),
        ),
    ],
)
async def test_the_story(registry: Registry, sync: Sync, source: str) -> None:
    file = SAMPLE
    if source == "published":
        assert LISTS_DIR is not None
        file = LISTS_DIR / "un_sc_consolidated_2026-02-27.xml"
    partner = profile(registry)
    assessment(registry, partner["id"])
    screening(registry, file)
    entry = debarment(registry, partner["id"])
    offline_copy(registry, sync, entry)
    clearance(registry, sync, partner, entry["entry_id"])
