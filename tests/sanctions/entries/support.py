"""Days, and what tests of measures do again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose, reviewed_case


def day(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


async def new_partner(api_for: ApiFor, **more: Any) -> str:
    return str((await make_partner(await api_for("UNICEF"), **more))["id"])


async def measure(api_for: ApiFor, partner: str | None = None, **terms: Any) -> dict[str, Any]:
    """A debarment by UNDP that is in force since three days, unless the terms say otherwise."""
    given = {"effective_from": day(-3), "effective_to": day(400)} | terms
    return await impose(api_for, partner, given.pop("agency", "UNDP"), **given)


async def refused(api_for: ApiFor, partner: str | None = None, **terms: Any) -> tuple[int, str]:
    """Status and code of a decision that must not be possible."""
    partner = partner or await new_partner(api_for)
    case = await reviewed_case(api_for, partner)
    body = {
        "measure": "DEBARMENT_FIXED",
        "reason": "x",
        "effective_from": day(-3),
        "effective_to": day(400),
    } | terms
    answer = await (await api_for("UNDP_APPROVER")).post(
        f"/v1/sanctions/cases/{case['id']}/decision",
        json=body,
        headers={"If-Match": f'"v{case["version"]}"'},
    )
    return answer.status_code, answer.json()["code"]


async def shift(operator: Database, entry: dict[str, Any], **columns: str) -> None:
    """Let time have passed for a measure, past every trigger; values are SQL."""
    assigned = ", ".join(f"{name} = {value}" for name, value in columns.items())
    async with operator.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text(f"UPDATE sanction_entries SET {assigned} WHERE id = :id"),
            {"id": UUID(entry["entry_id"])},
        )


def version(entry: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"v{entry["version"]}"'}


async def lift(api_for: ApiFor, entry: dict[str, Any], agency: str = "UNDP") -> httpx.Response:
    return await (await api_for(f"{agency}_APPROVER")).post(
        f"/v1/sanctions/entries/{entry['entry_id']}/lift",
        json={"reason": "Served."},
        headers=version(entry),
    )


async def changes(
    api_for: ApiFor, entry: dict[str, Any], stream: str = "inter_agency"
) -> list[Any]:
    """What the feed told of a measure: op, reason, status."""
    wfp, after, found = await api_for("WFP"), 0, []
    while True:
        url = f"/v1/feeds/sanctions/changes?stream={stream}&after={after}&limit=1000"
        page = await wfp.read(url)
        found += [
            (one["op"], one["reason"], (one["entry"] or {}).get("status"))
            for one in page["changes"]
            if one["entry_id"] == entry["entry_id"]
        ]
        after = page["to"]
        if not page["more"]:
            return found


async def clearance(
    api_for: ApiFor, partner: str, agency: str = "WFP", **more: Any
) -> dict[str, Any]:
    body = {"partner": {"id": partner}, "country": "KEN", "purpose": "CONTRACTING"} | more
    return await (await api_for(agency)).made("/v1/clearances", body)


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    """Codes about measures and what each means alone."""
    return {
        one["code"]: one["detail"]["alone"]
        for one in answer["reasons"]
        if "SANCTION" in one["code"] or one["code"] in ("INTERIM_SUSPENSION", "CONSULT_OWNER")
    }
