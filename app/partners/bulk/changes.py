"""Lines about profiles that the agency has loaded before, with other contents than then.

An agency changes what it gave itself and fills what is empty. What somebody else gave stays as it
is and is named in the result: a file of last year must not undo the work of others.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.auth import policy
from app.auth.roles import Act
from app.auth.scopes import Scope
from app.events.catalogue import EventType
from app.partners import naming
from app.partners.bulk import queries
from app.partners.bulk.chunk import Chunk, held_keys, taken, vendor_countries
from app.partners.bulk.lines import Entry
from app.partners.errors import PartnerMerged
from app.partners.identifiers.service import row_of
from app.partners.matching.names import NAMED
from app.partners.types import rule_of

_KEEPING: tuple[Act, ...] = ("create", "approve")
_NOT_NULL = frozenset({"legal_name", "aliases", "former_names", "tags", "protected"})


async def apply(chunk: Chunk, old: list[Entry]) -> list[tuple[UUID, int]]:
    """Store changed lines; ids and versions of the profiles that changed."""
    for entry in old:
        known = chunk.known[entry.key or ""]
        entry.partner_id, entry.number_of = known.partner_id, known.number
    rows = await queries.profiles(chunk.session, [e.partner_id for e in old if e.partner_id])
    values: dict[UUID, dict[str, Any]] = {}
    for entry in old:
        assert entry.partner_id is not None
        row = rows[entry.partner_id]
        if _refuse(chunk, entry, row) or row.id in values:
            continue
        values[row.id] = _changed(chunk, entry, row)
    open_ = [entry for entry in old if entry.status is None]
    added = await _new_identifiers(chunk, open_)
    return await _store(chunk, open_, rows, values, added)


def _refuse(chunk: Chunk, entry: Entry, row: Any) -> bool:
    """Whether the line cannot touch this profile at all."""
    item, known = entry.item, chunk.known[entry.key or ""]
    assert item is not None
    entry.version = row.version
    if not known.visible or (chunk.caller.countries and row.country not in chunk.caller.countries):
        entry.partner_id = entry.number_of = entry.version = None
        entry.refuse("conflict", "partner_not_found", "the profile is out of your reach", "/key")
    elif row.merged_into is not None:
        entry.refuse(
            "conflict", PartnerMerged.code, PartnerMerged.title, "/key", partner_id=row.merged_into
        )
    elif row.control == "partner":
        message = "the partner keeps its own profile; file a correction request"
        entry.refuse("conflict", "owned_by_partner", message)
    elif row.frozen or row.control == "disputed":
        entry.refuse("conflict", "edits_frozen", "nothing of the profile changes for now")
    elif item.country != row.country:
        entry.refuse("conflict", "country_fixed", "a profile keeps its country", "/country")
    elif item.valid_from is not None and item.valid_from > chunk.today:
        entry.refuse("invalid", "value_error", "must not lie in the future", "/valid_from")
    elif not set(item.tags) <= set(rule_of(item.partner_type).tags):
        entry.refuse("invalid", "tag_not_allowed", "not a tag of this type", "/tags")
    elif rule_of(item.partner_type).needs_listing and item.partner_type not in chunk.listed:
        message = "your agency does not list partners of this type"
        entry.refuse("conflict", "type_not_listed", message, "/partner_type")
    else:
        vendor_countries(entry, item.partner_type, row.country, row.hq_id)
    return entry.status is not None


def _changed(chunk: Chunk, entry: Entry, row: Any) -> dict[str, Any]:
    """The columns that this line changes, names that give way included."""
    item, code = entry.item, chunk.caller.agency_code
    assert item is not None
    fields: dict[str, Any] = {}
    for name in item.model_fields_set & (set(queries.CHANGING) - {"valid_from"}):
        value, now = getattr(item, name), getattr(row, name)
        if value == now or (value is None and name in _NOT_NULL):
            continue
        said = row.sources.get(name, {}).get("source")
        if said is None and now not in (None, []):
            said = row.creator
        if said not in (None, code):
            entry.kept.append(name)
        else:
            fields[name] = value
    entry.kept.sort()
    if fields.get("protected") is False and not _may_show(chunk, row):
        del fields["protected"]
        entry.kept.append("protected")
    if not fields:
        return {}
    day = item.valid_from or chunk.today
    values = naming.renamed(row, fields, correction=False, on=day)
    said_now = {"source": code, "on": chunk.today.isoformat()}
    source = dict.fromkeys(values, said_now)
    return values | {"valid_from": day, "sources": row.sources | source}


def _may_show(chunk: Chunk, row: Any) -> bool:
    may = row.created_by == chunk.caller.agency_id
    return may or Scope.PARTNERS_PROTECTED in chunk.caller.scopes


async def _new_identifiers(chunk: Chunk, old: list[Entry]) -> dict[UUID, list[Any]]:
    """Identifiers of the lines that their profiles do not hold yet, by profile."""
    places, keys = [], []
    for entry in old:
        own = held_keys(chunk, entry)
        places += [(entry, number) for number in range(len(own))]
        keys += own
    holders = await queries.held(chunk.session, keys) if keys else {}
    added: dict[UUID, list[Any]] = {}
    for at, (entry, number) in enumerate(places):
        if entry.status is not None or entry.partner_id is None or entry.item is None:
            continue
        item, holder = entry.item.identifiers[number], holders.get(at)
        if holder is not None and holder != entry.partner_id:
            await taken(chunk, entry, number, holder)
        elif holder is None and item.scheme.value != "WIKIDATA":
            kind = "IDENT_VENDOR" if item.scheme.value == "AGENCY_VENDOR" else "PROFILE"
            if any(policy.has_right(chunk.caller, act, kind) for act in _KEEPING):
                added.setdefault(entry.partner_id, []).append(item)
            else:
                entry.kept.append(f"identifiers/{number}")
    return added


async def _store(
    chunk: Chunk,
    old: list[Entry],
    rows: dict[UUID, Any],
    values: dict[UUID, dict[str, Any]],
    added: dict[UUID, list[Any]],
) -> list[tuple[UUID, int]]:
    agency, session = chunk.caller.agency_id, chunk.session
    writing = [e for e in old if e.status is None and (values.get(_id(e)) or added.get(_id(e)))]
    sent = []
    for entry in writing:
        row = rows[_id(entry)]
        columns = {name: getattr(row, name) for name in (*queries.CHANGING, "sources")}
        sent.append({"id": row.id} | columns | values[row.id])
    versions = await queries.change(session, agency, sent) if sent else {}
    identifiers = [
        row_of(chunk.caller, _id(entry), item)
        for entry in writing
        for item in added.get(_id(entry), [])
    ]
    if identifiers:
        await queries.add_identifiers(session, agency, identifiers)
    links, said, renamed = [], [], []
    for entry in old:
        if entry.status is not None:
            continue
        at = _id(entry)
        entry.version = versions.get(at, rows[at].version)
        entry.status = "updated" if at in versions else "unchanged"
        if entry.status == "unchanged" and entry.kept:
            message = "what differs was given by somebody else"
            entry.refuse("conflict", "owned_by_other", message)
            continue
        links.append(
            {
                "key": entry.key,
                "partner_id": at,
                "digest": entry.digest,
                "version": entry.version,
            }
        )
        if at in versions:
            fields = sorted(values[at].keys() - {"sources"}) + ["identifiers"] * (at in added)
            said.append({"id": at, "version": versions[at], "fields": fields})
            renamed += [at] if not NAMED.isdisjoint(values[at]) else []
    if links:
        await queries.link(session, agency, chunk.load_id, links, new=False)
    if said:
        await queries.say_changed(session, agency, EventType.PARTNER_CHANGED.value, said)
    if renamed:
        await queries.queue(session, renamed)
    return sorted(versions.items())


def _id(entry: Entry) -> UUID:
    assert entry.partner_id is not None
    return entry.partner_id
