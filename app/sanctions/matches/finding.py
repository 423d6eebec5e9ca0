"""Finding pairs of a subject and a listed party: from either side, by the same comparison.

From the side of a subject the index in memory gives the candidates; from the side of a listed
party the keys of profiles' names and the blind index of people do. The two may meet different
candidates, so each also takes those that the pair was found with before: a match never goes
because the other side looked. What decides is `_pair`, the same for both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from app.core.crypto import KeyRing
from app.core.names import fold
from app.partners.people import blind
from app.sanctions.lists.audience import PREFIX, own_stream
from app.sanctions.matches import candidates
from app.sanctions.matches.found import Found
from app.sanctions.matches.subjects import Compared, entry_hash, holds_office
from app.sanctions.screening.scorer import Pairs, party_of
from app.sanctions.screening.service import Layers, Screener
from app.sanctions.screening.statistics import STREAM
from partner_registry_matcher import ALGORITHM, DEFAULT_THRESHOLD, Hit, Party, Subject, scripts

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists that count now, and for which agencies each that is not for all."""

    layers: Layers
    holders: Mapping[str, tuple[UUID, ...]]

    @property
    def streams(self) -> list[str]:
        return [STREAM, *(own_stream(code) for code in self.holders)]


@dataclass(frozen=True, slots=True)
class Listed:
    """A listed party, ready to be compared. ``holders`` None: it counts for all."""

    id: UUID
    entry: Mapping[str, Any]
    party: Party
    hash: bytes
    digest: bytes
    public_office: bool
    holders: tuple[UUID | None, ...]


# ------------------------------------------------------------------------------------- the lists


async def lists_now(
    connection: asyncpg.Connection, screener: Screener, holders: Mapping[str, tuple[UUID, ...]]
) -> Lists:
    """The indexes of the stream of all and of the lists that ``holders`` use, up to date."""
    names = [STREAM, *(own_stream(code) for code in holders)]
    rows = await connection.fetch(
        "SELECT stream, seq_to FROM feed_heads WHERE stream = ANY ($1)", names
    )
    heads = {row["stream"]: row["seq_to"] for row in rows}
    own = [{"code": code, "version": heads.get(own_stream(code), 0)} for code in holders]
    return Lists(await screener.layers(connection, heads.get(STREAM, 0), own), holders)


async def all_holders(connection: asyncpg.Connection) -> dict[str, tuple[UUID, ...]]:
    """Agencies by the list that each switched on for itself; as the worker, who alone may ask."""
    found: dict[str, tuple[UUID, ...]] = {}
    for row in await connection.fetch("SELECT source, agency_id FROM list_holders()"):
        found[row["source"]] = (*found.get(row["source"], ()), UUID(str(row["agency_id"])))
    return found


async def listed_of(
    connection: asyncpg.Connection,
    entry_ids: Collection[UUID],
    holders: Mapping[str, tuple[UUID, ...]],
) -> list[Listed]:
    """These parties as far as they count for anybody now; measures on a profile are none."""
    streams = [STREAM, *(own_stream(code) for code in holders)]
    rows = await connection.fetch(candidates.LISTED, [str(one) for one in entry_ids], streams)
    return [_listed(row, holders) for row in rows if json.loads(row["entry"])["partner_id"] is None]


def _listed(row: Any, holders: Mapping[str, tuple[UUID, ...]]) -> Listed:
    entry = json.loads(row["entry"])
    party = json.loads(row["party"]) if row["party"] else None
    whose: tuple[UUID | None, ...] = (None,)
    if row["stream"] != STREAM:
        whose = holders[row["stream"].removeprefix(PREFIX)]
    return Listed(
        UUID(entry["entry_id"]),
        entry,
        party_of(entry),
        entry_hash(entry),
        hashlib.sha256(row["entry"]).digest(),
        holds_office(entry, party),
        whose,
    )


# --------------------------------------------------------------------------------------- pairing


def _pair(compared: Compared, listed: Listed, pairs: Pairs) -> Hit | None:
    """Whether, and how, the two may be the same."""
    hit = pairs.compare(compared.subject, listed.party)
    if hit.score < DEFAULT_THRESHOLD and compared.weak is not None:
        if not _exactly(compared.weak, listed.party):
            return None
        hit = pairs.compare(compared.weak, listed.party)
    return hit if hit.score >= DEFAULT_THRESHOLD else None


def _exactly(weak: Subject, party: Party) -> bool:
    """Whether what says little by itself is met to the letter, and no country speaks against it."""
    met = {_bare(name) for name in weak.names} & {_bare(name) for name in party.names}
    apart = party.countries and weak.countries and not {*party.countries} & {*weak.countries}
    return weak.kind in party.kinds and bool(met) and not apart


def _bare(name: str) -> str:
    return fold(name).replace(" ", "")


def _found(compared: Compared, listed: Listed, pairs: Pairs) -> Iterator[Found]:
    hit = _pair(compared, listed, pairs)
    if hit is None:
        return
    met = hit.explanation.get("name") or hit.caption
    for holder in listed.holders:
        yield Found(
            subject=compared.ref,
            entry_id=listed.id,
            source=listed.entry["source"],
            reference=listed.entry["reference"],
            subject_hash=compared.hash,
            entry_hash=listed.hash,
            score=hit.score,
            script="+".join(sorted(scripts(met))) or "Zyyy",
            explanation={**hit.explanation, "listed": hit.caption},
            public_office=listed.public_office or compared.public_office,
            holder=holder,
        )


# ----------------------------------------------------------------------------- from either side


async def find_for_subject(
    connection: asyncpg.Connection,
    compared: Compared,
    lists: Lists,
    known: Collection[UUID] = (),
) -> list[Found]:
    """Everything on the lists that may be this subject; ``known`` is what it was found with."""
    met = {UUID(one) for one in _met(lists.layers, compared.subject, DEFAULT_THRESHOLD)}
    if compared.weak is not None:
        met |= {UUID(one) for one in _met(lists.layers, compared.weak, DEFAULT_THRESHOLD)}
    met |= set(known)
    if not met:
        return []
    listed = await listed_of(connection, met, lists.holders)
    pairs = lists.layers.pairs
    return [found for one in listed for found in _found(compared, one, pairs)]


def _met(layers: Layers, subject: Subject, threshold: float) -> Iterator[str]:
    for _, entry in layers.screen(subject, threshold):
        if entry.partner_id is None:
            yield entry.entry_id


async def find_for_entry(
    connection: asyncpg.Connection,
    keyring: KeyRing,
    listed: Listed,
    pairs: Pairs,
    known: Sequence[tuple[str, UUID]] = (),
) -> list[Found]:
    """All profiles and people that may be this listed party, as the worker; ``known`` are those,
    as (kind, id), that it was found with before.
    """
    _, key = await blind.current_key(connection, keyring, "subjects")
    kind = listed.entry["kind"]
    partners = {one for which, one in known if which == "partner"}
    people = {one for which, one in known if which == "person"}
    if kind in ("organisation", "unknown"):
        partners |= await candidates.partners_like(connection, listed.entry)
    if kind in ("person", "unknown"):
        names = [name["name"] for name in listed.entry["names"]]
        like, cut = await blind.met(connection, keyring, names)
        if cut:
            # The next change of such a person finds it; a name so common says little by itself.
            log.warning("rescreen_many_candidates", entry=str(listed.id))
        people |= set(like)
    compared = [
        *await candidates.read_partners(connection, partners, key),
        *await candidates.read_people(connection, keyring, people, key),
    ]
    return [found for one in compared for found in _found(one, listed, pairs)]


async def find_for_partner(
    connection: asyncpg.Connection,
    keyring: KeyRing,
    screener: Screener,
    partner_id: UUID,
    agency_id: UUID,
    own: Collection[str] = (),
) -> list[Found]:
    """The people of one partner whom the re-screening has not reached yet, for a clearance.

    One statement, and nothing is decrypted, while it has reached all of them as they are now:
    then what was found is in the work items. ``own`` are the lists that the asking agency, to
    which the transaction is bound, switched on for itself.
    """
    rows = await connection.fetch(candidates.UNREACHED, partner_id, ALGORITHM)
    if not rows:
        return []
    _, key = await blind.current_key(connection, keyring, "subjects")
    people = await candidates.open_people(connection, keyring, rows, key)
    lists = await lists_now(connection, screener, dict.fromkeys(own, (agency_id,)))
    return [found for one in people for found in await find_for_subject(connection, one, lists)]
