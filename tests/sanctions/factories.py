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
