"""Possible duplicates: found when a profile is made, or by the worker; decided by persons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.db import Database, touched
from app.core.http import PreconditionFailed
from app.core.ids import new_id, registry_number
from app.core.metrics import duplicate_checks_waiting
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import visibility
from app.partners.matching import names, queries
from app.partners.matching.errors import PairDecided, PairNotFound
from app.partners.matching.models import DuplicateCheck, PossibleDuplicate
from app.partners.matching.rank import Ranked, rank
from app.partners.matching.rules import RULES
from app.partners.matching.schemas import Candidate, PairDecisionIn, PairFilter
from app.partners.matching.service import find, wanted_by

log = structlog.get_logger()
_PATIENCE_MS = 500
"""A new profile waits no longer for its duplicates; the worker then looks for them."""
_NAMED = 10
"""Pairs of one profile at most, the likeliest: more would bury the queue."""
_BATCH = 200
_JUDGED = 6
"""Profiles compared word by word with each that is checked: near duplicates look alike."""
_STALE_AFTER = 20_000
"""Profiles checked without a rest after which their keys are counted anew."""


async def check_new(session: AsyncSession, caller: Caller, partner: Any) -> dict[str, Any]:
    """What the creation of a profile answers beside it; the pairs are kept for the queue.

    Bounded in time: past `_PATIENCE_MS` the worker looks, and the answer names nobody.
    """
    try:
        async with session.begin_nested():
            await session.execute(text(f"SET LOCAL statement_timeout = {_PATIENCE_MS}"))
            ranked = await find(session, caller, wanted_by(partner))
            await session.execute(text("SET LOCAL statement_timeout = DEFAULT"))
    except DBAPIError as error:
        if not isinstance(getattr(error.orig, "__cause__", None), asyncpg.QueryCanceledError):
            raise
        ranked = None
    if ranked is None or ranked.hidden:
        # What the caller may not know of is for the worker to write down.
        await names.queue(session, [partner.id])
    if ranked is None:
        return {"possible_duplicates": [], "contact_registry": False}
    likely = _likely(partner, ranked)
    await _keep(session, _pairs(partner.id, 1, likely, ranked.versions))
    return {"possible_duplicates": likely, "contact_registry": ranked.hidden}


def _likely(partner: Any, ranked: Ranked) -> list[Candidate]:
    """Candidates that may be duplicates: not the profile itself, nor of one family with it.

    A headquarters and its country profiles, and those among each other, bear one name rightly.
    """
    head = partner.hq_id or partner.id
    likely = [
        item
        for item in ranked.candidates
        if item.score >= RULES.duplicate
        and item.partner_id != partner.id
        and ranked.heads[item.partner_id] != head
    ]
    return likely[:_NAMED]


def _pairs(
    partner_id: UUID, version: int, likely: Sequence[Candidate], versions: dict[UUID, int]
) -> Iterator[dict[str, Any]]:
    """Rows of the queue."""
    for item in likely:
        sides = sorted([(partner_id, version), (item.partner_id, versions[item.partner_id])])
        (partner_a, version_a), (partner_b, version_b) = sides
        yield {
            "id": new_id(),
            "partner_a": partner_a,
            "partner_b": partner_b,
            "version_a": version_a,
            "version_b": version_b,
            "score": item.score,
            "matched_on": item.matched_on,
            "rules": RULES.version,
        }


async def _keep(session: AsyncSession, found: Iterable[dict[str, Any]]) -> None:
    """Put pairs into the queue; one that was decided comes back only for a newer version."""
    # Each once, where both sides found it. In one order: two that are made at once, each finding
    # both, must not wait for each other.
    by_pair = {(pair["partner_a"], pair["partner_b"]): pair for pair in found}
    if not by_pair:
        return
    pairs = [by_pair[key] for key in sorted(by_pair)]
    new = insert(PossibleDuplicate).values(pairs)
    row, known = new.excluded, PossibleDuplicate
    again = {name: row[name] for name in ("version_a", "version_b", "score", "matched_on", "rules")}
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["partner_a", "partner_b"],
            set_={
                **again,
                "version": known.version + 1,
                "state": "open",
                "found_at": func.now(),
                "decided_by": None,
                "decided_at": None,
                "reason": None,
            },
            where=(known.state == "dismissed")
            & ((known.version_a != row.version_a) | (known.version_b != row.version_b)),
        )
    )


# ------------------------------------------------------------------------------- the queue


def _bound(caller: Caller) -> dict[str, Any]:
    return {
        "agency": caller.agency_id,
        "holder": visibility.sees_protected(caller),
        "countries": sorted(caller.countries),
    }


def wire(row: Any) -> dict[str, Any]:
    """A row of the queue as PairOut needs it."""
    decided = row.state == "dismissed"
    return {
        **{name: getattr(row, name) for name in ("id", "version", "state", "rules", "found_at")},
        "score": round(row.score, 4),
        "matched_on": row.matched_on,
        "partners": [
            {
                "partner_id": getattr(row, f"{side}_id"),
                "registry_number": registry_number(getattr(row, f"{side}_number")),
                "legal_name": getattr(row, f"{side}_name"),
                "country": getattr(row, f"{side}_country"),
            }
            for side in "ab"
        ],
        "decision": {
            "decision": "not_duplicate",
            "decided_by": row.decided_by,
            "decided_at": row.decided_at,
            "reason": row.reason,
        }
        if decided
        else None,
    }


async def page(
    session: AsyncSession, caller: Caller, filters: PairFilter, after: UUID | None
) -> Sequence[Any]:
    """Pairs of which the caller may know both profiles, newest first; one more than asked."""
    return await queries.read_pairs(
        session,
        **_bound(caller),
        state=filters.state,
        country=filters.country,
        after=after,
        limit=filters.limit + 1,
    )


async def decide(
    session: AsyncSession, caller: Caller, pair_id: UUID, version: int, decision: PairDecisionIn
) -> dict[str, Any]:
    """Say that a pair is two partners. Raises PairNotFound, PreconditionFailed or PairDecided."""
    if await queries.read_pair(session, **_bound(caller), id=pair_id) is None:
        raise PairNotFound
    changed = await session.execute(
        update(PossibleDuplicate)
        .where(
            PossibleDuplicate.id == pair_id,
            PossibleDuplicate.version == version,
            PossibleDuplicate.state == "open",
        )
        .values(
            version=version + 1,
            state="dismissed",
            decided_by=caller.agency_id,
            decided_at=func.now(),
            reason=decision.reason,
        )
        .execution_options(synchronize_session=False)
    )
    row = await queries.read_pair(session, **_bound(caller), id=pair_id)
    assert row is not None
    if not touched(changed):
        raise PreconditionFailed if row.version != version else PairDecided
    await audit.record(
        session,
        caller,
        Event.DUPLICATE_DECIDED,
        audit.Subject(pair_id, partner_id=row.a_id),
        decision=decision.decision,
        partners=[str(row.a_id), str(row.b_id)],
    )
    await events.publish(
        session,
        EventType.DUPLICATE_DECIDED,
        pair_id,
        caller.agency_id,
        decision=decision.decision,
        partners=[str(row.a_id), str(row.b_id)],
    )
    return wire(row)


async def mark_merged(session: AsyncSession, one: UUID, other: UUID) -> None:
    """For merges, in their transaction: the pair is one partner now."""
    await _mark(session, one, other, "open", "merged")


async def mark_parted(session: AsyncSession, one: UUID, other: UUID) -> None:
    """For an undone merge: the pair is open again."""
    await _mark(session, one, other, "merged", "open")


async def _mark(session: AsyncSession, one: UUID, other: UUID, was: str, state: str) -> None:
    partner_a, partner_b = sorted((one, other))
    await session.execute(
        update(PossibleDuplicate)
        .where(
            PossibleDuplicate.partner_a == partner_a,
            PossibleDuplicate.partner_b == partner_b,
            PossibleDuplicate.state == was,
        )
        .values(state=state, version=PossibleDuplicate.version + 1)
        .execution_options(synchronize_session=False)
    )


# ------------------------------------------------------------------------------- the worker


async def check_waiting(database: Database) -> int:
    """Check the next profiles of the queue, as the worker; how many. Several workers may.

    Makes their keys first where they are missing or old, so that each meets the others.
    """
    async with database.session() as session:
        waiting = (
            select(DuplicateCheck.partner_id)
            .order_by(DuplicateCheck.partner_id)
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        taken = list(await session.scalars(waiting))
        partners = await queries.read_named(session, taken)
        await names.write_all(session, names.rows(partners))
        standing = [partner for partner in partners if partner.merged_into is None]
        await _keep(session, await _found(session, standing))
        await session.execute(delete(DuplicateCheck).where(DuplicateCheck.partner_id.in_(taken)))
        left = await queries.waiting(session)
    duplicate_checks_waiting.set(left.waiting)
    return len(taken)


async def _found(session: AsyncSession, partners: Sequence[Any]) -> list[dict[str, Any]]:
    """Pairs of these profiles and any that may be the same, by one statement for all."""
    wanted = {partner.id: wanted_by(partner) for partner in partners}
    rows = await queries.alike(session, [(own, one.asked()[0]) for own, one in wanted.items()])
    met: dict[UUID, list[Any]] = {}
    for row in rows:
        met.setdefault(row.who, []).append(row)
    pairs: list[dict[str, Any]] = []
    for partner in partners:
        ranked = rank(met.get(partner.id, ()), wanted[partner.id], most=_JUDGED)
        likely = _likely(partner, ranked)
        pairs += _pairs(partner.id, partner.version, likely, ranked.versions)
    return pairs


async def recount(database: Database) -> None:
    """Count anew how common each key is where the profiles have grown by a half since."""
    async with database.connection() as connection:
        grown = await connection.fetchval(
            """SELECT n_mod_since_analyze > $1 AND n_mod_since_analyze > n_live_tup / 3
            FROM pg_stat_user_tables WHERE relname = 'partner_names'""",
            _STALE_AFTER,
        )
        if grown:
            await connection.execute("ANALYZE partner_names")
