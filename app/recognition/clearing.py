"""Clearances of one client: facts of all that are asked for from one snapshot, each decided alone.

What is wrong with one request is that one's error. Whoever comes alone is a round of one. Answers
are persisted before anything is signed; a signature is made later, by its first reader
(`receipts`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from pydantic_core import to_json

from app.auth.caller import Caller, VerifiedToken, caller_from
from app.auth.errors import NotAuthenticated
from app.auth.scopes import Scope
from app.core.errors import ServiceError
from app.core.gathering import OF_ONE
from app.core.idempotency import IdempotencyInProgress, Replay
from app.partners.errors import PartnerNotFound
from app.partners.visibility import sees_protected
from app.recognition import assurance, quota, snapshot
from app.recognition.answer import Ground, answer_of, facts_and_hits
from app.recognition.asking import Ask, Found, found, protected, question, search
from app.recognition.decide import Facts, decide
from app.recognition.policies import memory
from app.recognition.schemas import ClearanceIn
from app.recognition.storing import Answered
from app.sanctions.lists.freshness import own_lists
from app.sanctions.screening.service import Screener

log = structlog.get_logger()


@dataclass(slots=True)
class _Round:
    """What is to be stored of a round so far."""

    given: list[Answered] = field(default_factory=list)
    inquiries: quota.Inquiries = field(default_factory=quota.Inquiries)
    keys: set[str] = field(default_factory=set)

    def take(self, one: Answered) -> None:
        """It is answered."""
        self.given.append(one)
        if one.ask.key is not None:
            self.keys.add(one.ask.key.key)
        if one.inquiry is not None:
            self.inquiries.note(one.inquiry)


async def answers_to(
    connection: asyncpg.Connection,
    screener: Screener,
    route: str,
    asks: Sequence[Ask],
    now: datetime,
) -> tuple[list[Answered], list[Answered | Exception]]:
    """Answers to requests of one client, to be stored; and in the order of the requests, the answer
    or the error of each: Replay and NotAuthenticated, PartnerNotFound, InquiryQuota among them.

    ``route``: of their Idempotency-Keys.
    """
    client_id = asks[0].token.client_id
    rows = await snapshot.read(connection, client_id, route, [ask.question() for ask in asks])
    if not rows:
        return [], [NotAuthenticated() for _ in asks]
    ground = await _ground(connection, screener, client_id, rows[0], now)
    so_far, told = _Round(), list[Answered | Exception]()
    for ask, row in zip(asks, rows, strict=True):
        try:
            answer = await _answer(connection, ask, row, ground, so_far)
        except (Replay, ServiceError) as error:
            told.append(error)
        except OF_ONE as error:
            log.error("clearance_failed", kind=type(error).__name__, exc_info=error)
            told.append(error)
        else:
            so_far.take(answer)
            told.append(answer)
        if len(asks) > 1:
            await asyncio.sleep(0)  # others have their turn
    return so_far.given, told


async def _ground(
    connection: asyncpg.Connection, screener: Screener, client_id: str, row: Any, now: datetime
) -> Ground:
    own = own_lists(json.loads(row["own_lists"]), now)
    layers = await screener.layers(connection, row["seq_to"], own)
    return Ground(layers, own, await memory.in_force(connection, row, client_id), now)


async def _answer(
    connection: asyncpg.Connection, ask: Ask, row: Any, ground: Ground, so_far: _Round
) -> Answered:
    caller = caller_from(ask.request, ask.token, row, Scope.CLEARANCE_RUN)
    sees_all = sees_protected(caller)
    if ask.key is not None:
        if ask.key.key in so_far.keys:
            raise IdempotencyInProgress(headers={"Retry-After": "1"})
        await ask.key.check(ask.keys, connection, row)
    if ask.meant is not None and ask.meant.sees_all and not sees_all:
        # The right was withdrawn after the token was given.
        ask = ask.meaning(await search(connection, caller.agency_id, ask.wanted, False))
        row = (await snapshot.read(connection, caller.client_id, "", [ask.question()]))[0]
    profile = found(ask.wanted, ask.meant, row, sees_all)
    if ask.wanted.partner.id is not None and (not profile.known or profile.protected):
        raise PartnerNotFound
    facts, hits = facts_and_hits(caller, ask.wanted, profile, ground)
    inquiry, last = None, False
    if profile.known:
        inquiry, variations = so_far.inquiries.count(row, ask.digest)
        quota.check(variations)
        last = inquiry is not None and quota.is_last(variations)
    verdict = decide(facts)
    if profile.known:
        assurance.minimums(caller, ask.wanted, facts, verdict)
    body = answer_of(profile, facts, hits, verdict, ground)
    return Answered(
        ask,
        caller,
        row["partner_id"],
        profile.hidden,
        facts,
        verdict,
        body,
        to_json(body),
        ground.now,
        inquiry,
        tells=last,
    )


# ------------------------------------------------------------------------------ asked again


async def find_again(
    connection: asyncpg.Connection,
    token: VerifiedToken,
    agency_id: UUID,
    wanted: ClearanceIn,
    partner_id: UUID | None,
) -> Found:
    """The profile of an answer as it is now; without one, what is meant now by what was asked for.
    Nobody asked: nothing counts into the quota. In a transaction bound to the agency.
    """
    sees_all = Scope.PARTNERS_PROTECTED in token.scopes
    meant, one = None, snapshot.Question(partner_id)
    if partner_id is None:
        if wanted.partner.name is not None:
            meant = await search(connection, agency_id, wanted, sees_all)
        one = question(wanted, meant)
    rows = await snapshot.read(connection, token.client_id, "", [one])
    if not rows:
        raise NotAuthenticated
    if partner_id is None:
        return found(wanted, meant, rows[0], sees_all)
    return Found(rows[0], "id", protected=protected(rows[0], sees_all))


async def facts_again(
    connection: asyncpg.Connection,
    screener: Screener,
    caller: Caller,
    wanted: ClearanceIn,
    profile: Found,
    now: datetime,
) -> Facts:
    """What the answer to the same question would rest on now, in a transaction bound to the
    caller's agency.
    """
    ground = await _ground(connection, screener, caller.client_id, profile.row, now)
    return facts_and_hits(caller, wanted, profile, ground)[0]
