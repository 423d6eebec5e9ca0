"""Cases and measures for tests."""

from __future__ import annotations

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
    return done.json()  # type: ignore[no-any-return]


async def ended(
    api_for: ApiFor, entry: dict[str, Any], kind: str, *, decision: str = "approve"
) -> dict[str, Any]:
    """A release or an annulment of a measure: asked for by one person, decided by another."""
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
    return done.json()  # type: ignore[no-any-return]


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
