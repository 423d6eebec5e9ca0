"""Rows of findings as the wire shapes need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.findings import queries, texts
from app.core.crypto import KeyRing

_FACTS = (
    *("id", "assessment_id", "partner_id", "owner_agency", "type", "part", "position", "code"),
    *("priority", "found_on", "due_on", "overdue", "state", "closed_at", "verified_at", "version"),
)
_REPORT = ("description", "recommendation", "reference", "agreed_action", "responsible")
_MONEY = ("amount_usd", "resolved_usd", "pending_usd")
_TEXT_OF = {
    "agreed": "agreed_action",
    "response": "text",
    "closed": "action_taken",
    "reopened": "reason",
}
"""Where the main text of a step stands; of a verification it is `note`."""


def facts(row: Any) -> dict[str, Any]:
    """Where a finding stands, as FindingOut needs it."""
    return {name: getattr(row, name) for name in _FACTS}


async def opened(
    session: AsyncSession, keyring: KeyRing, rows: Sequence[Any]
) -> list[dict[str, Any]]:
    """Findings with their texts and amounts, as FindingTextOut needs them."""
    steps = await _newest_steps(session, keyring, rows)
    shown = []
    for row in rows:
        said = await texts.unseal(
            session, keyring, "assessment_findings", row.id, row.owner_id, row.sealed
        )
        agreed, answer = steps.get((row.id, "agreed")), steps.get((row.id, "response"))
        body = {name: said.get(name) for name in _REPORT}
        if agreed is not None:
            body |= {name: agreed.get(name) for name in ("agreed_action", "responsible")}
        response = answer["text"] if answer else said.get("partner_response")
        money = {name: getattr(row, name) for name in _MONEY}
        shown.append(facts(row) | body | money | {"partner_response": response})
    return shown


async def _newest_steps(
    session: AsyncSession, keyring: KeyRing, rows: Sequence[Any]
) -> dict[tuple[UUID, str], dict[str, Any]]:
    """What was agreed last on each finding, and what the partner answered last."""
    owners = {row.id: row.owner_id for row in rows}
    newest = {
        (step.finding_id, step.kind): step
        for step in await queries.actions(session, list(owners))
        if step.kind in ("agreed", "response")
    }
    return {
        key: await texts.unseal(
            session, keyring, "finding_actions", step.id, owners[step.finding_id], step.sealed
        )
        for key, step in newest.items()
    }


async def with_history(
    session: AsyncSession, keyring: KeyRing, row: Any, *, for_partner: bool = False
) -> dict[str, Any]:
    """A finding with its resolutions and steps, as FindingWithHistoryOut needs it.

    What a verifier noted is between persons of the owner: the partner sees that, and when.
    """
    body = (await opened(session, keyring, [row]))[0]
    body["resolutions"] = [
        {name: getattr(one, name) for name in ("id", "kind", "settled_on", "reverses")}
        | {"amount_usd": str(one.amount_usd), "recorded_at": one.recorded_at}
        | await texts.unseal(
            session, keyring, "finding_resolutions", one.id, row.owner_id, one.sealed
        )
        for one in await queries.resolutions(session, row.id)
    ]
    body["actions"] = []
    for step in await queries.actions(session, [row.id]):
        said: dict[str, Any] = {}
        if not (for_partner and step.kind in ("confirmed", "not_confirmed")):
            said = await texts.unseal(
                session, keyring, "finding_actions", step.id, row.owner_id, step.sealed
            )
        body["actions"].append(
            {
                "id": step.id,
                "kind": step.kind,
                "by": "partner" if step.by_partner else "agency",
                "text": said.get(_TEXT_OF.get(step.kind, "note")),
                "made_at": step.made_at,
            }
            | {name: said.get(name) for name in ("evidence", "responsible", "due_on")}
        )
    return body
