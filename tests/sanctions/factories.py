"""Cases and measures for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import ApiFor
from tests.partners.factories import make_partner

TERMS = {"effective_from": "2026-06-15", "effective_to": "2030-06-14"}


async def open_case(api_for: ApiFor, partner_id: str, agency: str = "UNDP") -> dict[str, Any]:
    """A case at its first step."""
    investigator = await api_for(agency)
    return await investigator.made(
        "/v1/sanctions/cases",
        {
            "partner_id": partner_id,
            "practices": ["FRAUDULENT"],
            "finding": {"reference": "OAI-2026-114", "on": "2026-04-02"},
        },
    )


async def reviewed_case(api_for: ApiFor, partner_id: str, agency: str = "UNDP") -> dict[str, Any]:
    """A case that only lacks its decision."""
    investigator, reviewer = await api_for(agency), await api_for(f"{agency}_REVIEWER")
    url = f"/v1/sanctions/cases/{(await open_case(api_for, partner_id, agency))['id']}"
    await investigator.made(f"{url}/notice", {"sent_on": "2026-05-04", "summary": "Intent."})
    await investigator.made(f"{url}/reply", {"received_on": "2026-05-20", "text": "Disputed."})
    return await reviewer.made(f"{url}/review", {"recommendation": "impose", "note": "Agreed."})


async def decided_upon(api_for: ApiFor, partner_id: str, agency: str = "UNDP") -> dict[str, Any]:
    """A measure with a condition, a former row, a rejected annulment, and another agency's word."""
    condition = {"condition": "Repay what was lost.", "due_on": "2027-06-30"}
    entry = await impose(api_for, partner_id, agency, conditions=[condition])
    url = f"/v1/sanctions/entries/{entry['entry_id']}"
    await ended(api_for, entry, "annul", decision="reject")
    approver = await api_for(f"{agency}_APPROVER")
    change = {"contact_office": "Ethics office"}
    done = await approver.patch(url, json=change, headers={"If-Match": '"v1"'})
    assert done.status_code == 200, done.text
    other = "WFP_APPROVER" if agency != "WFP" else "UNDP_APPROVER"
    body = {"decision": "recognise", "reason": "Canary: the same standard."}
    await (await api_for(other)).made(f"{url}/recognitions", body)
    answer: dict[str, Any] = done.json()
    return answer


async def released(api_for: ApiFor, entry: dict[str, Any]) -> dict[str, Any]:
    """A measure released in its case: evidence, its check and the decision by three persons."""
    agency = entry["imposing_agency"]
    url = f"/v1/sanctions/cases/{await case_of(api_for, entry)}/releases"
    made = await (await api_for(agency)).made(url, {"text": "Canary: programme in place."})
    url = f"{url}/{made['id']}"
    check = {"verified": True, "note": "Canary: seen."}
    await (await api_for(f"{agency}_REVIEWER")).made(f"{url}/verification", check)
    decision = {"outcome": "released", "reason": "Canary: all met."}
    approver = await api_for(f"{agency}_APPROVER")
    await approver.made(f"{url}/decision", decision, headers={"If-Match": '"v2"'})
    found: dict[str, Any] = await approver.read(f"/v1/sanctions/entries/{entry['entry_id']}")
    return found


async def case_of(api_for: ApiFor, entry: dict[str, Any]) -> str:
    """The case whose main respondent has this measure."""
    agency = await api_for(entry["imposing_agency"])
    url = f"/v1/sanctions/cases?limit=200&partner_id={entry['partner_id']}"
    for case in (await agency.read(url))["items"]:
        if case["respondents"][0]["entry_id"] == entry["entry_id"]:
            return str(case["id"])
    raise LookupError(entry["entry_id"])


async def ended(
    api_for: ApiFor, entry: dict[str, Any], kind: str, *, decision: str = "approve"
) -> dict[str, Any]:
    """An annulment of a measure, or the release of one in custody: asked for by one person, decided
    by another.
    """
    agency, url = entry["imposing_agency"], f"/v1/sanctions/entries/{entry['entry_id']}"
    asked = await (await api_for(f"{agency}_REVIEWER")).made(
        f"{url}/{kind}",
        {"reason": "Canary: on the wrong partner."},
        headers={"If-Match": f'"v{entry["version"]}"'},
    )
    done = await (await api_for(f"{agency}_APPROVER")).post(
        f"{url}/acts/{asked['id']}/decision",
        json={"decision": decision, "reason": "Canary: checked."},
        headers={"If-Match": '"v1"'},
    )
    assert done.status_code == 200, done.text
    answer: dict[str, Any] = done.json()
    return answer


async def suspend(
    api_for: ApiFor, partner_id: str, agency: str = "UNDP", **more: Any
) -> dict[str, Any]:
    """An interim suspension from today in a case that was only told."""
    case = await open_case(api_for, partner_id, agency)
    url = f"/v1/sanctions/cases/{case['id']}"
    told = {"sent_on": "2026-05-04", "summary": "Intent."}
    await (await api_for(agency)).made(f"{url}/notice", told)
    today = datetime.now(UTC).date()
    body = {
        "effective_from": today.isoformat(),
        "until_on": (today + timedelta(days=90)).isoformat(),
        "reason": "Canary: funds are at risk.",
    } | more
    return await (await api_for(f"{agency}_APPROVER")).made(f"{url}/interim-suspensions", body)


async def impose(
    api_for: ApiFor, partner_id: str | None = None, agency: str = "UNDP", **more: Any
) -> dict[str, Any]:
    """A measure decided by three persons, on a new partner unless one is given."""
    if partner_id is None:
        partner_id = (await make_partner(await api_for("UNICEF")))["id"]
    case = await reviewed_case(api_for, partner_id, agency)
    approver = await api_for(f"{agency}_APPROVER")
    body = {"measure": "DEBARMENT_FIXED", "reason": "Forged invoices.", **TERMS} | more
    return await approver.made(
        f"/v1/sanctions/cases/{case['id']}/decision",
        body,
        headers={"If-Match": f'"v{case["version"]}"'},
    )
