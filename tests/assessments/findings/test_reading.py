"""Who reads findings: exactly who may read the detail of their assessment; counts are for all."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.assessments.findings.reading import open_high_findings, unsupported_bands
from app.core.db import Database
from tests.assessments.audit_factories import finding, make_audit
from tests.assessments.factories import PURPOSE, make_share
from tests.assessments.findings.support import CLOSING, do, findings_of, make_finding, refund
from tests.audit.support import events_of
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.merges.support import merged
from tests.support import Api, World

__all__ = ["scoped"]
OTHER_PURPOSE = {"Access-Purpose": 'MONITORING; ref="M-1"'}


async def answers(api: Api, one: dict[str, Any], **kwargs: Any) -> set[tuple[int, str]]:
    """Status and code of both ways to read a finding."""
    found = set()
    for url in (f"/v1/findings/{one['id']}", f"/v1/assessments/{one['assessment_id']}/findings"):
        answer = await api.get(url, **kwargs)
        code = "" if answer.is_success else answer.json()["code"].partition("_not")[0]
        found.add((answer.status_code, code))
    return found


async def test_a_share_opens_findings_for_its_purpose_and_the_owner_sees_who_read(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    one = await make_finding(unicef)
    record = one["assessment_id"]
    absent = {(404, "finding"), (404, "assessment")}
    assert await answers(wfp, one, headers=PURPOSE) == absent
    share = await make_share(unicef, record)
    assert await answers(wfp, one) == {(422, "purpose_required")}
    assert await answers(wfp, one, headers=OTHER_PURPOSE) == {(422, "purpose")}
    assert await answers(wfp, one, headers=PURPOSE) == {(200, "")}
    read = [item for item in await events_of(operator_database, record) if "detail:read" in item[0]]
    assert read[-1].purpose == "PARTNER_SELECTION"
    assert read[-1].detail["share_id"] == share["id"]
    told = (await unicef.read(f"/v1/assessments/{record}/disclosures"))["items"]
    assert [item["agency"] for item in told[:2]] == ["WFP", "WFP"]
    # What is shared is not the reader's to list, and not to write.
    listed = await wfp.read("/v1/findings", params={"assessment_id": record})
    assert listed["items"] == []
    assert (await do(wfp, one["id"], "closing", CLOSING))[1]["code"] == "finding_not_found"
    await unicef.delete(f"/v1/assessments/{record}/shares/{share['id']}")
    assert await answers(wfp, one, headers=PURPOSE) == absent


async def test_an_inter_agency_report_is_read_and_listed_by_all(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    one = await make_finding(unicef, confidentiality="INTER_AGENCY")
    assert await answers(wfp, one) == {(200, "")}
    listed = await wfp.read("/v1/findings", params={"partner_id": one["partner_id"]})
    assert [item["id"] for item in listed["items"]] == [one["id"]]
    assert (await do(wfp, one["id"], "closing", CLOSING))[0] == 404


async def test_agency_only_findings_are_the_owners_alone(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    one = await make_finding(unicef, confidentiality="AGENCY_ONLY")
    assert {status for status, _ in await answers(wfp, one, headers=PURPOSE)} == {404}
    low = await scoped("UNICEF", max_level="RESTRICTED")
    assert {status for status, _ in await answers(low, one)} == {404}
    query = {"partner_id": one["partner_id"]}
    assert (await low.read("/v1/findings", params=query))["items"] == []
    url = f"/v1/partners/{one['partner_id']}/findings-summary"
    assert (await unicef.read(url))["open_high"] == 1
    for other in (wfp, low):
        assert (await other.read(url))["agencies"] == []


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [("HFP", True, True), ("PO", True, False), ("SAO", False, False), ("PFP", False, False)],
)
async def test_the_roles_of_the_matrix(
    api_for: ApiFor, scoped: ScopedApi, role: str, reads: bool, writes: bool
) -> None:
    one = await make_finding(await api_for("UNICEF"), priority="LOW", usd="0.00")
    caller = await scoped("UNICEF", roles=(role,))
    read = await caller.get(f"/v1/findings/{one['id']}")
    assert (read.status_code == 200) == reads
    if "assessments:detail" in await _scopes(caller):
        query = {"assessment_id": one["assessment_id"]}
        listed = (await caller.read("/v1/findings", params=query))["items"]
        assert bool(listed) == reads
    status, _ = await do(caller, one["id"], "closing", CLOSING)
    assert (status == 200) == writes
    assert status in ((200,) if writes else (403, 404))


async def _scopes(api: Api) -> str:
    answer = await api.get("/v1/findings")
    return "" if answer.status_code == 403 else "assessments:detail"


async def test_outside_the_country_there_is_nothing(api_for: ApiFor, scoped: ScopedApi) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef, country="UGA"))["id"]
    one = await make_finding(unicef, partner_id=partner)
    kenya = await scoped("UNICEF", countries=("KEN",))
    assert {status for status, _ in await answers(kenya, one)} == {404}
    assert (await kenya.read("/v1/findings", params={"partner_id": partner}))["items"] == []
    assert (await kenya.get(f"/v1/partners/{partner}/findings-summary")).status_code == 404
    assert (await do(kenya, one["id"], "closing", CLOSING))[0] == 404


async def test_a_protected_partner_has_no_findings_for_others(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF", *_READER), await api_for("WFP", *_READER)
    partner = (await make_partner(await api_for("UNICEF"), protected=True))["id"]
    maker = await api_for("UNICEF")
    one = await make_finding(maker, partner_id=partner, confidentiality="INTER_AGENCY")
    query = {"partner_id": partner}
    assert len((await unicef.read("/v1/findings", params=query))["items"]) == 1
    assert (await wfp.read("/v1/findings", params=query))["items"] == []
    assert {status for status, _ in await answers(wfp, one)} == {404}
    assert (await wfp.get(f"/v1/partners/{partner}/findings-summary")).status_code == 404


_READER = ("assessments:read", "assessments:detail", "partners:read")


async def test_hidden_with_the_detail_and_destroyed_with_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    one = await make_finding(unicef)
    await do(unicef, one["id"], "resolutions", refund("1.00"))
    url = f"/v1/assessments/{one['assessment_id']}/redaction"
    await unicef.made(url, {"reason": "Canary: names a survivor"})
    assert (await unicef.get(f"/v1/findings/{one['id']}")).status_code == 404
    gone = await unicef.get(f"/v1/assessments/{one['assessment_id']}/findings")
    assert (gone.status_code, gone.json()["code"]) == (410, "content_redacted")
    assert (await do(unicef, one["id"], "resolutions", refund("1.00")))[0] == 404
    # That there is a finding, and money pending, is not what was hidden.
    summary = await unicef.read(f"/v1/partners/{one['partner_id']}/findings-summary")
    assert summary["open_high"] == 1

    async def sizes() -> list[int]:
        async with operator_database.session() as session:
            rows = await session.execute(
                text(
                    "SELECT length(sealed) FROM assessment_findings WHERE id = :id UNION ALL "
                    "SELECT length(sealed) FROM finding_resolutions WHERE finding_id = :id"
                ),
                {"id": UUID(one["id"])},
            )
            return [row[0] for row in rows.all()]

    assert min(await sizes()) > 0
    body = {"decision": "confirm", "reason": "Checked."}
    done = await second.post(f"{url}/decision", json=body, headers={"If-Match": '"v1"'})
    assert done.is_success, done.text
    assert await sizes() == [0, 0]


async def test_counts_and_bands_are_for_every_agency_and_follow_a_merge(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, undp, wfp = [await api_for(code) for code in ("UNICEF", "UNDP", "WFP")]
    loser, survivor = await make_partner(unicef), await make_partner(unicef)
    old = await make_audit(
        unicef, finding("60000.00"), partner_id=loser["id"], conducted_on="2026-01-15"
    )
    await make_finding(unicef, partner_id=survivor["id"], usd="10.00", due_on="2026-02-01")
    low = await make_finding(undp, partner_id=survivor["id"], usd="0.00", priority="LOW")
    await merged(api_for, loser, survivor)
    url = f"/v1/partners/{survivor['id']}/findings-summary"
    said = await wfp.read(url)
    assert said == {
        "partner_id": survivor["id"],
        "open_findings": 3,
        "open_high": 2,
        "oldest_open_high_on": "2026-01-15",
        "overdue": 1,
        "bands_version": "2026.1",
        "agencies": [
            {
                "owner_agency": "UNDP",
                "open_findings": 1,
                "open_high": 0,
                "oldest_open_high_on": None,
                "overdue": 0,
                "pending_unsupported_band": "NONE",
            },
            {
                "owner_agency": "UNICEF",
                "open_findings": 2,
                "open_high": 2,
                "oldest_open_high_on": "2026-01-15",
                "overdue": 1,
                "pending_unsupported_band": "UP_TO_100K",
            },
        ],
    }
    assert (await wfp.get(f"/v1/partners/{loser['id']}/findings-summary")).status_code == 308
    async with database.session(world.agencies["WFP"]) as session:
        assert await open_high_findings(session, UUID(survivor["id"])) == 2
        assert await open_high_findings(session, UUID(survivor["id"]), deep=True) == 2
        bands = await unsupported_bands(session, UUID(survivor["id"]))
    assert bands == {"UNDP": "NONE", "UNICEF": "UP_TO_100K"}
    async with database.session() as session:
        assert await unsupported_bands(session, UUID(survivor["id"])) == {}, "bound to nobody"
    await do(undp, low["id"], "closing", CLOSING)
    (first,) = await findings_of(unicef, old["id"])
    await do(unicef, first["id"], "resolutions", refund("60000.00"))
    await do(unicef, first["id"], "closing", CLOSING)
    now = await wfp.read(url)
    assert now["open_findings"] == 2, "what waits for verification is open"
    assert now["agencies"][1]["pending_unsupported_band"] == "UP_TO_10K"


@pytest.mark.parametrize("redacted", [False, True])
async def test_a_withdrawn_report_states_nothing_any_more(
    api_for: ApiFor, database: Database, world: World, redacted: bool
) -> None:
    unicef = await api_for("UNICEF")
    one = await make_finding(unicef)
    if redacted:
        record = f"/v1/assessments/{one['assessment_id']}"
        await unicef.made(f"{record}/redaction", {"reason": "Canary: a name"})
    async with database.session(world.agencies["UNICEF"]) as session:
        await session.execute(
            text(
                "UPDATE assessments SET status = 'withdrawn', withdrawn_at = now(), "
                "withdrawal_reason = 'OTHER' WHERE id = :id"
            ),
            {"id": UUID(one["assessment_id"])},
        )
    url = f"/v1/partners/{one['partner_id']}/findings-summary"
    assert (await unicef.read(url))["agencies"] == []
    query = {"partner_id": one["partner_id"]}
    assert (await unicef.read("/v1/findings", params=query))["items"] == []


async def test_the_scopes(api_for: ApiFor) -> None:
    one = await make_finding(await api_for("UNICEF"))
    reader = await api_for("UNICEF", "assessments:read")
    assert {status for status, _ in await answers(reader, one)} == {403}
    assert (await reader.get("/v1/findings")).status_code == 403
    assert (await do(reader, one["id"], "closing", CLOSING))[0] == 403
    nothing = await api_for("UNICEF", "agencies:read")
    url = f"/v1/partners/{one['partner_id']}/findings-summary"
    assert (await nothing.get(url)).status_code == 403
