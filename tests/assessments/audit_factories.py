"""Details of audits, spot checks, special audits and visits for tests."""

from __future__ import annotations

from typing import Any

from app.assessments.types import audit
from tests.assessments.factories import make_assessment
from tests.support import Api

AREAS = [item.code for item in audit.TYPE.methodologies["HACT-AUDIT-2014"].areas]
METHODOLOGIES = {
    "audit": "HACT-AUDIT-2014",
    "spot_check": "HACT-SPOT-CHECK-2014",
    "special_audit": "HACT-SPECIAL-2014",
    "programmatic_visit": "HACT-VISIT-2014",
}
PERIOD = {"start": "2025-01-01", "end": "2025-12-31"}


def finding(usd: str = "1000.00", priority: str = "HIGH", **more: Any) -> dict[str, Any]:
    """A money finding of an audit; ``resolved`` gives the parts of its resolution in USD."""
    resolved = more.pop("resolved", {})
    body: dict[str, Any] = {
        "category": "NO_PROOF_OF_PAYMENT",
        "priority": priority,
        "description": "Canary: payments without bank records",
        "amount": {"usd": usd},
    }
    if resolved:
        body["resolution"] = {kind: {"usd": part} for kind, part in resolved.items()}
    return body | more


def control(area: str, weakness: str = "NONE", **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"area": area, "weakness": weakness}
    if weakness != "NONE":
        body["observation"] = "Canary: one person pays and records"
    return body | more


def controls(**weak: str) -> list[dict[str, Any]]:
    """All areas; ``PROCUREMENT="HIGH"`` makes one weak."""
    return [control(area, weak.get(area, "NONE")) for area in AREAS]


def audit_detail(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A complete audit with a qualified opinion."""
    return {
        "year": 2025,
        "opinion": "QUALIFIED",
        "basis_for_opinion": "Canary: receipts are missing",
        "author": "Lake Audit LLP",
        "standard": "ISA_800",
        "face_period": PERIOD,
        "audited_expenditure": {"usd": "200000.00"},
        "financial_findings": list(findings),
    } | more


def spot_check_detail(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "year": 2026,
        "face_period": PERIOD,
        "tested_amount": {"usd": "40000.00"},
        "internal_controls": "Canary: two persons approve payments",
        "findings": list(findings),
    } | more


def special_audit_detail(**more: Any) -> dict[str, Any]:
    procedure = {"description": "Compare payrolls", "finding": "Canary: three exceed contracts"}
    return {"year": 2026, "procedures": [procedure]} | more


def visit_detail(**more: Any) -> dict[str, Any]:
    return {
        "year": 2026,
        "visited_on": "2026-03-18",
        "monitored": "Canary: water points",
        "hact_question_answered": True,
    } | more


async def make_audit(
    api: Api, *findings: dict[str, Any], partner_id: str | None = None, **more: Any
) -> dict[str, Any]:
    """A final audit, RESTRICTED unless said otherwise."""
    body: dict[str, Any] = {
        "type": "audit",
        "methodology": "HACT-AUDIT-2014",
        "detail": audit_detail(*findings),
    }
    return await make_assessment(api, partner_id, **(body | more))
