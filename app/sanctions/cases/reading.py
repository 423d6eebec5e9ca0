"""Cases as they are served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.sanctions.cases import queries
from app.sanctions.cases.follow_models import (
    SanctionAppeal,
    SanctionCaseParty,
    SanctionInterim,
    SanctionRelease,
)
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.redaction import redacted_steps
from app.sanctions.cases.steps import get_case, individual_context, read_step, subject_of

_CASE = (
    *("id", "version", "track", "state", "partner_id", "practices", "finding_on", "procedure_id"),
    *("legal_reference", "document_sha256", "opened_at"),
)
_MAIN = (
    *("notice_sent_on", "reply_due_on", "reply_received_on", "reviewed_on", "recommendation"),
    *("decided_on", "decision_sent_on", "appeal_due_on"),
)
_RESPONDENT = (
    *("id", "main", "kind", "relation", "partner_id", "state", "notice_sent_on", "reply_due_on"),
    *("reply_received_on", "reply_waived", "reviewed_on", "recommendation", "decided_on"),
    *("departed", "decision_sent_on", "appeal_due_on", "entry_id", "review_due_on"),
    "last_reviewed_on",
)


def _of(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


async def shown(session: AsyncSession, cases: Sequence[SanctionCase]) -> list[dict[str, Any]]:
    """Cases as CaseOut needs them."""
    codes = await agencies.codes_by_id(session)
    found = await queries.respondents_of(session, [case.id for case in cases])
    wires = []
    for case in cases:
        respondents = found.get(case.id, [])
        main = next(one for one in respondents if one.main)
        wires.append(
            _of(case, _CASE)
            | _of(main, _MAIN)
            | {
                "agency": codes[case.agency_id],
                "respondents": [_of(one, _RESPONDENT) for one in respondents],
            }
        )
    return wires


async def show(session: AsyncSession, case: SanctionCase) -> dict[str, Any]:
    """One case as CaseOut needs it."""
    return (await shown(session, [case]))[0]


async def list_cases(
    session: AsyncSession, caller: Caller, partner_id: UUID | None, after: UUID | None, limit: int
) -> list[SanctionCase]:
    """Cases of the own agency, and those it has joined, that the caller may see, by id."""
    if not (
        policy.reaches(caller, "AGENCY_ONLY") and policy.has_right(caller, "read", "DEBAR_CASE")
    ):
        return []
    return list(await queries.list_cases(session, caller.countries, partner_id, after, limit))


async def read_case(
    session: AsyncSession, keys: KeyRing, caller: Caller, case_id: UUID
) -> dict[str, Any]:
    """The case with what was written at its steps; the reading is logged.

    Of a joint case the parts that are shared. Raises CaseNotFound.
    """
    case = await get_case(session, caller, case_id, joined=True)
    steps: list[dict[str, Any]] = [
        _of(step, ("id", "kind", "respondent_id", "office", "function", "at"))
        | {"content": await read_step(session, keys, step)}
        for step in await queries.case_steps(session, case_id)
    ]
    steps += [
        dict(step._mapping) | {"content": {}, "redacted": True}
        for step in await redacted_steps(session, case_id)
    ]
    steps.sort(key=lambda step: str(step["id"]))
    own = case.agency_id == caller.agency_id
    basis = "own_record" if own else "joined"
    await audit.record(session, caller, Event.CASE_READ, subject_of(case), basis=basis)
    respondents = (await queries.respondents_of(session, [case.id])).get(case.id, [])
    return (await show(session, case)) | {
        "steps": steps,
        "individuals": [
            {
                "respondent_id": one.id,
                "facts": await individual_facts(session, keys, one),
                "redacted": not one.sealed,
            }
            for one in respondents
            if one.sealed is not None
        ],
        "interims": await queries.following(session, SanctionInterim, case_id),
        "appeals": await queries.following(session, SanctionAppeal, case_id),
        "releases": await queries.following(session, SanctionRelease, case_id),
        "parties": await shown_parties(session, await queries.parties(session, case_id=case_id)),
    }


async def individual_facts(
    session: AsyncSession, keys: KeyRing, respondent: SanctionRespondent
) -> Any:
    """Who an individual is; the respondent must be one. None where that was redacted."""
    assert respondent.sealed is not None
    if not respondent.sealed:
        return None
    context = individual_context(respondent.id, respondent.case_id, respondent.agency_id)
    return from_json(await keys.open(session, context, respondent.sealed))


async def shown_parties(
    session: AsyncSession, rows: Sequence[SanctionCaseParty]
) -> list[dict[str, Any]]:
    """Agencies in cases as PartyOut needs them."""
    codes = await agencies.codes_by_id(session)
    names = (
        *("id", "case_id", "partner_id", "role", "parts", "state", "invited_at", "answered_at"),
        "ended_at",
    )
    return [
        _of(row, names)
        | {"lead_agency": codes[row.agency_id], "party_agency": codes[row.party_agency]}
        for row in rows
    ]
