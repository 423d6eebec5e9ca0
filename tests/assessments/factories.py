"""Assessments for tests."""

from __future__ import annotations

from typing import Any

from tests.partners.factories import make_partner
from tests.support import Api

SECRET = "Canary: two wardens were retrained"
PURPOSE = {"Access-Purpose": 'PARTNER_SELECTION; ref="WFP-KE-2026-17"'}


def psea_detail(met: int = 8, *, skip: int | None = None, comment: str = SECRET) -> dict[str, Any]:
    """Eight answers of which ``met`` are met; ``skip`` is the standard that does not apply."""
    standards: list[dict[str, Any]] = []
    left = met
    for number in range(1, 9):
        if number == skip:
            standards.append({"number": number, "result": "not_applicable"})
            continue
        standards.append({"number": number, "result": "met" if left > 0 else "not_met"})
        left -= 1
    standards[0]["comment"] = comment
    return {"standards": standards}


def assessment_body(partner_id: str, **more: Any) -> dict[str, Any]:
    """A valid, final, RESTRICTED assessment."""
    body: dict[str, Any] = {
        "partner_id": partner_id,
        "type": "psea",
        "methodology": "UN-PSEA-2020",
        "conducted_on": "2026-03-01",
        "confidentiality": "RESTRICTED",
        "detail": psea_detail(),
    }
    return body | more


async def make_assessment(api: Api, partner_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A stored assessment, of a partner of its own unless one is named."""
    if partner_id is None:
        partner_id = (await make_partner(api))["id"]
    return await api.made("/v1/assessments", assessment_body(partner_id, **more))


def share_body(**more: Any) -> dict[str, Any]:
    """A share of detail with WFP."""
    body: dict[str, Any] = {
        "shared_with": "WFP",
        "level": "detail",
        "purpose": "PARTNER_SELECTION",
        "valid_until": "2190-12-31T23:59:59Z",
    }
    return body | more


async def make_share(api: Api, assessment_id: str, **more: Any) -> dict[str, Any]:
    """A stored share."""
    return await api.made(f"/v1/assessments/{assessment_id}/shares", share_body(**more))


def request_body(assessment_id: str, **more: Any) -> dict[str, Any]:
    """A request for detail."""
    body: dict[str, Any] = {
        "assessment_id": assessment_id,
        "level": "detail",
        "purpose": "PARTNER_SELECTION",
        "justification": "Canary: selection for the lake shore",
    }
    return body | more
