"""Plans for tests: bodies, and plans at each stage."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database
from tests.assessments.factories import make_assessment, psea_detail
from tests.partners.factories import make_partner
from tests.support import Api

PURPOSE = {"Access-Purpose": 'CAPACITY_STRENGTHENING; ref="WFP-KE-2026-17"'}
NOTE = "Canary: forty of fifty-two staff members were trained."
REASON = "Canary: the trainer fell ill."


def day(days: int) -> str:
    """A day so many days from today."""
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def action_body(**more: Any) -> dict[str, Any]:
    """A valid action of the partner."""
    body: dict[str, Any] = {
        "area": "PSEA_4",
        "text": "Canary: train all personnel on the duty to report.",
        "responsible": "partner",
        "evidence_expected": "Canary: attendance sheets",
        "due_on": day(60),
        "cost": "1500.00",
        "currency": "USD",
    }
    return body | more


def plan_body(partner: str, **more: Any) -> dict[str, Any]:
    """A valid plan with one action."""
    body: dict[str, Any] = {"partner_id": partner, "kind": "PSEA_CSIP", "actions": [action_body()]}
    return body | more


async def low_assessment(api: Api, partner: str, **more: Any) -> str:
    """A final PSEA assessment of LOW capacity, which calls for a plan."""
    made = await make_assessment(api, partner, detail=psea_detail(3), **more)
    assert made["rating"]["level"] == "HIGH"
    return str(made["id"])


async def make_plan(api: Api, partner: str | None = None, **more: Any) -> dict[str, Any]:
    """A stored draft, about a partner of its own unless one is named."""
    if partner is None:
        partner = (await make_partner(api))["id"]
    return await api.made("/v1/capacity-plans", plan_body(partner, **more))


async def agree(api: Api, plan: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The plan, agreed."""
    answer = await api.post(f"/v1/capacity-plans/{plan['id']}/agreement", json=more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def agreed_plan(api: Api, partner: str | None = None, **more: Any) -> dict[str, Any]:
    """A stored plan that is agreed."""
    return await agree(api, await make_plan(api, partner, **more))


async def actions_of(api: Api, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Its actions, as the owner reads them."""
    found: list[dict[str, Any]] = (await api.read(f"{url_of(plan)}/detail"))["items"]
    return found


def url_of(plan: dict[str, Any]) -> str:
    return f"/v1/capacity-plans/{plan['id']}"


async def report(
    api: Api, plan: dict[str, Any], action: dict[str, Any], status: str, prefix: str = "/v1"
) -> Any:
    """What answers to a report of progress; ``prefix`` "/v1/self" for the partner."""
    url = f"{prefix}/capacity-plans/{plan['id']}/actions/{action['id']}/progress"
    return await api.post(url, json={"status": status, "note": NOTE, "evidence": "PSEA-17"})


async def verify(api: Api, plan: dict[str, Any], action: dict[str, Any], **more: Any) -> Any:
    url = f"{url_of(plan)}/actions/{action['id']}/verification"
    return await api.post(url, json={"outcome": "verified"} | more)


async def close(api: Api, plan: dict[str, Any], outcome: str) -> Any:
    body = {"outcome": outcome, "reason": REASON}
    return await api.post(f"{url_of(plan)}/closure", json=body)


async def set_dates(database: Database, plan: str, **columns: Any) -> None:
    """Move a plan in time, past every trigger, as only time could."""
    values = {
        name: date.fromisoformat(value) if isinstance(value, str) else value
        for name, value in columns.items()
    }
    async with database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        moved = ", ".join(f"{name} = :{name}" for name in values)
        await session.execute(
            text(f"UPDATE capacity_plans SET {moved} WHERE id = :id"),
            values | {"id": UUID(plan)},
        )
