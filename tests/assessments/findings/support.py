"""Findings for tests."""

from __future__ import annotations

from typing import Any

from tests.assessments.audit_factories import finding, make_audit
from tests.support import Api

CLOSING = {"action_taken": "Canary: receipts were brought", "evidence": "DMS-1"}
CONFIRMED = {"outcome": "confirmed", "evidence": "V-12", "note": "Canary: seen"}
REOPENING = {"reason": "Canary: the receipts belong elsewhere"}
AGREED = {"agreed_action": "Canary: refund it", "responsible": "Finance", "due_on": "2190-01-01"}


def refund(amount: str, **more: Any) -> dict[str, Any]:
    body = {"kind": "amount_refunded", "amount_usd": amount, "settled_on": "2026-06-02"}
    return body | {"reference": "Canary RV-118"} | more


async def findings_of(api: Api, assessment_id: str, **kwargs: Any) -> list[dict[str, Any]]:
    """Findings of an assessment in the order of the report."""
    url = f"/v1/assessments/{assessment_id}/findings"
    items: list[dict[str, Any]] = (await api.read(url, **kwargs))["items"]
    return items


async def make_finding(api: Api, *, partner_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A finding of an audit of its own; ``more`` goes into the finding of the report."""
    usd, priority = more.pop("usd", "1000.00"), more.pop("priority", "HIGH")
    level = more.pop("confidentiality", "RESTRICTED")
    made = await make_audit(
        api, finding(usd, priority, **more), partner_id=partner_id, confidentiality=level
    )
    return (await findings_of(api, made["id"]))[0]


async def do(api: Api, finding_id: str, step: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Status and body of a step of the follow-up."""
    answer = await api.post(f"/v1/findings/{finding_id}/{step}", json=body)
    return answer.status_code, answer.json()
