"""Open clearances about a name or an identifier without a profile, and what may be meant by it.

An answer keeps the keys of its name (`core.names.keys`) or a hash of its identifier. A profile that
is new or changed, and a party that came to a list or changed there, is looked for by the same keys;
whoever shares two of them with an answer's name is reason enough to ask again, and no more.
Of a list that is new as a whole not every name is looked for: all such answers are asked again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.names import keys
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.partners.identifiers.schemas import IdentifierRef
from app.partners.identifiers.schemes import IdentifierScheme
from app.recognition.rests_on import IDENTIFIER, NAME, RestsOn

_PROFILES = frozenset(
    {
        EventType.PARTNER_CREATED,
        EventType.PARTNER_CHANGED,
        EventType.PARTNERS_LOADED,
        EventType.PARTNER_MERGED,
        EventType.PARTNER_UNMERGED,
        EventType.SANCTION_IMPOSED,
        EventType.SANCTION_BEGAN,
        EventType.SANCTION_CHANGED,
    }
)
_ENOUGH = 2
"""Keys that a name has to share: one word that many names have is no reason to ask again."""
_TURN = 500
"""Names of a list that are looked for at once."""
_MOST = 20 * _TURN
"""Names of a list that are looked for at all: the next event waits for it."""

_ANY = text(
    "SELECT coalesce((SELECT max(until) FROM clearance_dependencies "  # noqa: S608 - texts of ours
    f"WHERE kind IN ('{NAME}', '{IDENTIFIER}')) > now(), false)"
)
_PUT = """INSERT INTO clearance_rechecks AS r (clearance_id, agency_id, changed_at)
    SELECT f.clearance_id, f.agency_id, :at FROM ({found}) f ORDER BY f.clearance_id
    ON CONFLICT (clearance_id) DO UPDATE SET
      changed_at = greatest(r.changed_at, excluded.changed_at), bulk = false,
      due_at = clock_timestamp(), failures = 0"""
_HASH = """encode(sha256(convert_to(concat_ws('|', i.scheme, i.value, coalesce(i.country, ''),
    coalesce(i.agency_id::text, '')), 'UTF8')), 'hex')"""
_BY_PROFILE = text(
    _PUT.format(
        found=f"""SELECT d.clearance_id, d.agency_id FROM partner_names n
      CROSS JOIN LATERAL (SELECT DISTINCT unnest(n.keys)::text AS ref) k
      JOIN clearance_dependencies d ON d.kind = '{NAME}' AND d.ref = k.ref AND d.until > now()
      WHERE n.partner_id = ANY (:ids)
      GROUP BY d.clearance_id, d.agency_id HAVING count(DISTINCT d.ref) >= {_ENOUGH}
      UNION SELECT d.clearance_id, d.agency_id FROM partner_identifiers i
      JOIN clearance_dependencies d
        ON d.kind = '{IDENTIFIER}' AND d.ref = {_HASH} AND d.until > now()
      WHERE i.partner_id = ANY (:ids) AND i.active"""  # noqa: S608 - texts of ours; values are bound
    )
)
_BY_NAMES = text(
    _PUT.format(
        found=f"""SELECT DISTINCT d.clearance_id, d.agency_id
      FROM unnest(CAST(:whose AS int[]), CAST(:refs AS text[])) AS k (whose, ref)
      JOIN clearance_dependencies d ON d.kind = '{NAME}' AND d.ref = k.ref AND d.until > now()
      GROUP BY k.whose, d.clearance_id, d.agency_id
      HAVING count(DISTINCT d.ref) >= {_ENOUGH}"""  # noqa: S608 - texts of ours; values are bound
    )
)
_LISTED = text(
    """SELECT DISTINCT n ->> 'name' AS name FROM listed_parties p
      CROSS JOIN jsonb_array_elements(p.entry -> 'names') n
    WHERE p.source = :source AND :version IN (p.from_version, p.to_version)
      AND p.kind <> 'person' LIMIT :most"""
).bindparams(most=_MOST + 1)


def rests_on(
    name: str | None, country: str | None, identifier: IdentifierRef | None, agency_id: UUID
) -> Iterator[RestsOn]:
    """What an answer without a profile is found by."""
    if name is not None:
        found = {*keys.stored(name, country), *keys.stored(name, None)}
        yield from (RestsOn(NAME, str(key), None) for key in sorted(found))
    if identifier is not None:
        own = identifier.scheme is IdentifierScheme.AGENCY_VENDOR
        parts = (identifier.scheme.value, identifier.value, identifier.country or "")
        said = "|".join((*parts, str(agency_id) if own else ""))
        yield RestsOn(IDENTIFIER, hashlib.sha256(said.encode()).hexdigest(), None)


async def queue(session: AsyncSession, events: Sequence[OutboxEvent]) -> list[datetime]:
    """Put those on the list of work that these events may concern; when something changed that
    concerns all of them.
    """
    profiles = [event for event in events if EventType(event.type) in _PROFILES]
    lists = [event for event in events if event.type == EventType.LIST_CHANGED]
    if not (profiles or lists) or not await session.scalar(_ANY):
        return []
    for event in profiles:
        await session.execute(_BY_PROFILE, {"ids": _ids(event), "at": event.at})
    of_all: list[datetime] = []
    for event in lists:
        about = {"source": event.data["source"], "version": event.data["version"]}
        names = (await session.scalars(_LISTED, about)).all()
        if len(names) > _MOST:
            of_all.append(event.at)
        else:
            await _of_names(session, names, event.at)
    return of_all


def _ids(event: OutboxEvent) -> list[UUID]:
    """Profiles that an event is about."""
    if event.type == EventType.PARTNERS_LOADED:
        return [UUID(made) for made, _ in event.data["created"]]
    named = (event.data.get(place) for place in ("partner_id", "survivor_id", "loser_id"))
    return [event.subject_id, *(UUID(one) for one in named if one is not None)]


async def _of_names(session: AsyncSession, names: Sequence[str], at: datetime) -> None:
    for start in range(0, len(names), _TURN):
        asked: defaultdict[str, list[Any]] = defaultdict(list)
        for number, name in enumerate(names[start : start + _TURN]):
            _add(asked, number, keys.stored(name, None))
        await session.execute(_BY_NAMES, {**asked, "at": at})


def _add(asked: defaultdict[str, list[Any]], number: int, found: Iterable[int]) -> None:
    for key in found:
        asked["whose"].append(number)
        asked["refs"].append(str(key))
