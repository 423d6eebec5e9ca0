"""A stored screening run again: against the lists as they were, or as they are. Never commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.partners.visibility import sees_protected
from app.sanctions.screening import queries, reading, scorer
from app.sanctions.screening.answers import Prepared, answered, prepare
from app.sanctions.screening.errors import AlgorithmGone, ListVersionGone, RerunUnfit, SubjectErased
from app.sanctions.screening.lists import Chosen
from app.sanctions.screening.schemas import Asked
from app.sanctions.screening.service import Screener
from app.sanctions.screening.storing import facts_of, named, store_group


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run needs beside its session: the same connection below it, keys and indexes."""

    connection: asyncpg.Connection
    keys: KeyRing
    screener: Screener
    request: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True)
class _Past:
    """A screening as it was: its row, what was asked, answered, and counted of decisions."""

    row: Any
    wanted: Asked
    answer: dict[str, Any]
    decisions: dict[str, Any]


async def run_again(
    session: AsyncSession, caller: Caller, tools: Tools, screening_id: UUID, against: str
) -> dict[str, Any]:
    """``then`` makes the answer again and stores nothing; ``current`` is a new screening.

    Raises ScreeningNotFound, SubjectErased, RerunUnfit; for ``then`` AlgorithmGone and
    ListVersionGone; for ``current`` PartnerNotFound and ListUnknown, when the present facts do not
    fit what was asked.
    """
    row = await reading.find(session, caller, screening_id)
    held = await reading.opened(session, tools.keys, row)
    if held.asked is None:
        raise SubjectErased
    if held.left_out:
        raise RerunUnfit
    wanted = Asked.model_validate(held.asked | {"threshold": row.threshold, "role": row.role})
    past = _Past(row, wanted, held.answer or reading.from_facts(row), held.decisions)
    body = await (_then if against == "then" else _now)(caller, tools, past)
    found = reading.difference(past.answer, body)
    await audit.record(
        session,
        caller,
        Event.SCREENING_RERUN,
        audit.Subject(row.id, row.agency_id),
        purpose=wanted.purpose,
        against=against,
        list_version=body["list_version"],
        outcome=body["outcome"],
        identical=found["identical"],
    )
    return {"rerun_of": row.id, "against": against, **found, "screening": body}


async def _then(caller: Caller, tools: Tools, past: _Past) -> dict[str, Any]:
    """The same question to the same lists. Decisions and staleness are what they were then."""
    row, wanted = past.row, past.wanted
    if row.algorithm != scorer.ALGORITHM or row.statistics_version is None:
        raise AlgorithmGone
    if not await tools.screener.weighs(tools.connection, row.statistics_version):
        raise AlgorithmGone
    facts = await _facts(caller, tools, [])
    if not {one["code"] for one in row.own_lists} <= {one["code"] for one in facts.lists.own}:
        raise ListVersionGone
    layers = await tools.screener.past(
        tools.connection, row.list_version, row.own_lists, row.statistics_version
    )
    if layers is None:
        raise ListVersionGone
    sources = frozenset(wanted.lists) if wanted.lists else None
    chosen = Chosen(sources, past.answer["own_lists"], past.answer["lists"], row.stale_sources)
    prepared = Prepared(
        wanted, chosen, layers, row.partner_id, past.answer["memory"], past.decisions
    )
    again = answered(prepared, prepared.find(), row.at).body
    return again | {"screening_id": row.id}


async def _now(caller: Caller, tools: Tools, past: _Past) -> dict[str, Any]:
    """The same question to the lists of today: a screening as any other, that names the first."""
    facts = await _facts(caller, tools, named([past.wanted]))
    layers = await tools.screener.layers(tools.connection, facts.seq, facts.lists.own)
    prepared = replace(prepare(past.wanted, facts, layers), rerun_of=past.row.id)
    answer = answered(prepared, prepared.find(), tools.now)
    await store_group(tools.connection, tools.keys, tools.request, caller, [answer], past.row.id)
    return answer.body


async def _facts(caller: Caller, tools: Tools, partners: list[UUID]) -> Any:
    row = await tools.connection.fetchrow(
        queries.FACTS_OF_GROUP, caller.client_id, partners, sees_protected(caller)
    )
    return facts_of(row, caller.agency_code, tools.now)
