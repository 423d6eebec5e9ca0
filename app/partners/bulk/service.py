"""Storing a chunk of a load: a few statements, whatever it holds. In the caller's transaction.

Lines that cannot be stored are set aside one by one; the others are stored. Where the database
refuses a statement after all (another writer was faster), the chunk is halved until the line that
it refuses stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import settings
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.errors import violated_constraint
from app.core.ids import new_id, registry_number
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.bulk import changes, loads, queries
from app.partners.bulk.chunk import Chunk, held_keys, taken, vendor_countries
from app.partners.bulk.lines import Entry
from app.partners.errors import IdentifierTaken
from app.partners.headquarters import HEADQUARTERS_RULES
from app.partners.identifiers.service import row_of
from app.partners.naming import official
from app.partners.types import rule_of


async def store(
    session: AsyncSession, caller: Caller, load_id: UUID, entries: Sequence[Entry], today: date
) -> list[dict[str, Any]]:
    """Store the lines of one chunk; what became of each, in order."""
    keys = {name for entry in entries for name in _names(entry)}
    listed = await settings.value(session, caller.agency_id, settings.ELIGIBLE_PARTNER_TYPES, today)
    if keys:
        await queries.take_turns(session, caller, min(keys))
    known = await queries.known(session, caller, sorted(keys)) if keys else {}
    chunk = Chunk(session, caller, load_id, today, frozenset(listed), known, [], [])
    pending = [entry for entry in entries if entry.status is None]
    while pending:
        wave, pending = _wave(chunk, pending)
        await _attempt(chunk, wave)
        if pending:
            chunk.known = await queries.known(session, caller, sorted(keys))
    await _tell(chunk, entries)
    await loads.count(session, load_id, entries)
    return [wire(entry) for entry in entries]


def wire(entry: Entry) -> dict[str, Any]:
    """A line's result as LineResult shows it; what is empty is left out."""
    shown: dict[str, Any] = {"line": entry.number, "key": entry.key, "status": entry.status}
    if entry.partner_id is not None:
        shown["partner_id"] = entry.partner_id
    if entry.number_of is not None:
        shown["registry_number"] = registry_number(entry.number_of)
    if entry.version is not None:
        shown["version"] = entry.version
    if entry.kept:
        shown["kept"] = entry.kept
    if entry.errors:
        shown["errors"] = entry.errors
    return shown


def _names(entry: Entry) -> Iterable[str]:
    if entry.key is not None:
        yield entry.key
    above = entry.value.get("hq_key") if isinstance(entry.value, dict) else None
    if isinstance(above, str) and above and "\x00" not in above:
        yield above.strip()


def _wave(chunk: Chunk, pending: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Lines that can be stored together, and those that must see what became of these."""
    open_keys = {entry.key for entry in pending}
    taken: set[str | None] = set()
    now: list[Entry] = []
    later: list[Entry] = []
    for entry in pending:
        above = entry.value.get("hq_key")
        waits = isinstance(above, str) and above in open_keys and above not in chunk.known
        (later if entry.key in taken or waits else now).append(entry)
        taken.add(entry.key)
    # Lines that wait for each other in a ring have no headquarters.
    return (now, later) if now else (later[:1], later[1:])


async def _attempt(chunk: Chunk, wave: list[Entry], *, again: bool = False) -> None:
    try:
        async with chunk.session.begin_nested():
            created, changed = await _store_wave(chunk, wave)
    except IntegrityError as error:
        for entry in wave:
            if entry.status != "invalid":
                entry.forget()
        rest = [entry for entry in wave if entry.status is None]
        if len(rest) == 1 and again:
            _refused(rest[0], error)
            return
        # What another writer was faster with is seen now, and the line says whose it is.
        half = (len(rest) + 1) // 2
        for part in (rest[:half], rest[half:]):
            if part:
                chunk.known |= await queries.known(
                    chunk.session, chunk.caller, [entry.key for entry in part if entry.key]
                )
                await _attempt(chunk, part, again=len(part) == 1)
        return
    chunk.created += created
    chunk.changed += changed


def _refused(entry: Entry, error: IntegrityError) -> None:
    name = violated_constraint(error) or ""
    kind = HEADQUARTERS_RULES.get(name)
    if kind is None and not name.startswith(("uq_", "ck_", "pk_")):
        raise error
    code = kind.code if kind else "identifier_taken" if "identifier" in name else "conflict"
    entry.refuse("conflict", code, kind.title if kind else "Another record stands against it.")


async def _store_wave(
    chunk: Chunk, wave: list[Entry]
) -> tuple[list[tuple[UUID, int]], list[tuple[UUID, int]]]:
    """Sort out a wave and store it; ids and versions of what was created and changed."""
    new: list[Entry] = []
    old: list[Entry] = []
    for entry in wave:
        row = chunk.known.get(entry.key or "")
        if row is not None and row.digest.hex() == entry.digest and row.visible:
            entry.status, entry.version = "unchanged", row.version
            entry.partner_id, entry.number_of = row.partner_id, row.number
            continue
        entry.validate()
        if entry.item is not None and entry.status is None:
            (new if row is None else old).append(entry)
    _check_alone(chunk, new)
    await _check_headquarters(chunk, [e for e in new if e.status is None])
    await _check_identifiers(chunk, [e for e in new if e.status is None])
    created = await _create(chunk, [e for e in new if e.status is None])
    changed = await changes.apply(chunk, old) if old else []
    return created, changed


def _check_alone(chunk: Chunk, new: list[Entry]) -> None:
    countries = chunk.caller.countries
    for entry in new:
        item = entry.item
        assert item is not None
        rule = rule_of(item.partner_type)
        if countries and item.country not in countries:
            entry.refuse("conflict", "country_outside_scope", "not a country of yours", "/country")
        elif item.valid_from is not None and item.valid_from > chunk.today:
            entry.refuse("invalid", "value_error", "must not lie in the future", "/valid_from")
        elif item.tags and not set(item.tags) <= set(rule.tags):
            entry.refuse("invalid", "tag_not_allowed", "not a tag of this type", "/tags")
        elif rule.needs_listing and item.partner_type not in chunk.listed:
            message = "your agency does not list partners of this type"
            entry.refuse("conflict", "type_not_listed", message, "/partner_type")
        else:
            vendor_countries(entry, item.partner_type, item.country, item.hq_id or item.hq_key)


async def _check_headquarters(chunk: Chunk, new: list[Entry]) -> None:
    """Resolve `hq_key`, and refuse what the tree of profiles does not take."""
    below = []
    for entry in new:
        item = entry.item
        assert item is not None
        if item.hq_key is not None:
            row = chunk.known.get(item.hq_key)
            item.hq_id = row.partner_id if row is not None else None
            if item.hq_id is None:
                message = "no line with this key came before"
                entry.refuse("invalid", "headquarters_unknown", message, "/hq_key")
        if item.hq_id is not None:
            below.append((entry, item, item.hq_id))
    if not below:
        return
    wanted = sorted({head for _, _, head in below})
    heads, offices = await queries.above(chunk.session, chunk.caller, wanted)
    seen: set[tuple[UUID, str]] = set()
    for entry, item, head_id in below:
        head, place = heads.get(head_id), (head_id, item.country)
        there = offices.get(place)
        if head is None or head.hq_id is not None or head.merged_into is not None:
            entry.refuse("invalid", "headquarters_unknown", "is no headquarters profile", "/hq_id")
        elif not rule_of(item.partner_type).country_profiles:
            message = "a type without country profiles"
            entry.refuse("invalid", "country_profile_refused", message, "/partner_type")
        elif head.partner_type != item.partner_type:
            message = "differs from the type of the headquarters"
            entry.refuse("invalid", "type_differs", message, "/partner_type")
        elif head.country == item.country and item.same_country_reason is None:
            message = "is needed in the country of the headquarters"
            entry.refuse("invalid", "same_country_unjustified", message, "/same_country_reason")
        elif there is not None or place in seen:
            more = {"partner_id": there.id} if there is not None and there.visible else {}
            message = "the headquarters has a profile of this country"
            entry.refuse("conflict", "country_profile_exists", message, "/country", **more)
        else:
            item.protected = item.protected or head.protected
            seen.add(place)


async def _check_identifiers(chunk: Chunk, new: list[Entry]) -> None:
    """Refuse lines with an identifier that a profile or an earlier line has."""
    places, keys = [], []
    seen: set[tuple[Any, ...]] = set()
    for entry in new:
        own = held_keys(chunk, entry)
        if len(set(own)) < len(own):
            entry.refuse("invalid", "value_error", "is there twice", "/identifiers")
            continue
        twin = next((n for n, key in enumerate(own) if key in seen and _binds(entry, n)), None)
        if twin is not None:
            message = "another line of this chunk has it"
            entry.refuse("conflict", IdentifierTaken.code, message, f"/identifiers/{twin}")
            continue
        seen.update(own)
        places += [(entry, number) for number in range(len(own))]
        keys += own
    if not keys:
        return
    for at, holder in (await queries.held(chunk.session, keys)).items():
        await taken(chunk, *places[at], holder)


def _binds(entry: Entry, number: int) -> bool:
    assert entry.item is not None
    return entry.item.identifiers[number].scheme.value != "WIKIDATA"


async def _create(chunk: Chunk, new: list[Entry]) -> list[tuple[UUID, int]]:
    if not new:
        return []
    profiles, identifiers, links = [], [], []
    for entry in new:
        item = entry.item
        assert item is not None
        made = entry.partner_id = new_id()
        values = {name: getattr(item, name) for name in queries.GIVEN}
        values["legal_name"], values["legal_name_generated"] = official(
            item.legal_name, item.legal_name_native
        )
        values |= {"id": made, "valid_from": item.valid_from or chunk.today}
        profiles.append(values)
        identifiers += [row_of(chunk.caller, made, held) for held in item.identifiers]
        links.append({"key": entry.key, "partner_id": made, "digest": entry.digest, "version": 1})
    agency = chunk.caller.agency_id
    numbers = await queries.add(chunk.session, agency, profiles)
    await queries.link(chunk.session, agency, chunk.load_id, links, new=True)
    if identifiers:
        await queries.add_identifiers(chunk.session, agency, identifiers)
    await queries.queue(chunk.session, list(numbers))
    for entry in new:
        assert entry.partner_id is not None
        entry.status, entry.version = "created", 1
        entry.number_of = numbers[entry.partner_id]
    return [(made, 1) for made in numbers]


async def _tell(chunk: Chunk, entries: Sequence[Entry]) -> None:
    """One entry of the log and one event for the whole chunk; nothing where nothing was stored.

    Profiles that were there before have an event each besides, for those who follow a profile.
    """
    if not chunk.created and not chunk.changed:
        return
    created = [[str(made), version] for made, version in chunk.created]
    changed = [[str(made), version] for made, version in chunk.changed]
    about: dict[str, Any] = {"created": created, "changed": changed}
    span = [entries[0].number, entries[-1].number]
    subject = audit.Subject(chunk.load_id, chunk.caller.agency_id)
    await audit.record(
        chunk.session, chunk.caller, Event.PARTNERS_LOADED, subject, lines=span, **about
    )
    await events.publish(
        chunk.session, EventType.PARTNERS_LOADED, chunk.load_id, chunk.caller.agency_id, **about
    )
