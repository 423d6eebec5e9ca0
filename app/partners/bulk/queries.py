"""Every statement of bulk loads: one a chunk, whatever the chunk holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.partners.visibility import sees_protected, visible

_PROFILE = {
    "legal_name": "text",
    "legal_name_generated": "boolean",
    "legal_name_native": "text",
    "acronym": "text",
    "aliases": "text[]",
    "former_names": "text[]",
    "name_changed_on": "date",
    "partner_type": "text",
    "tags": "text[]",
    "country_of_origin": "text",
    "same_country_reason": "text",
    "year_established": "smallint",
    "website": "text",
    "protected": "boolean",
    "publication_consent": "boolean",
    "valid_from": "date",
}
CHANGING = tuple(_PROFILE)
"""Columns that a line may change."""
_NEW = {"id": "uuid", **_PROFILE, "country": "text", "hq_id": "uuid"}
GIVEN = tuple(sorted(_NEW.keys() - {"id", "legal_name_generated"}))
"""Columns that a line of a new profile gives."""
_IDENTIFIER = {
    "id": "uuid",
    "partner_id": "uuid",
    "scheme": "text",
    "value": "text",
    "country": "text",
    "area": "text",
    "authority": "text",
    "authority_key": "text",
    "agency_id": "uuid",
    "issued_on": "date",
    "expires_on": "date",
    "valid_from": "date",
}
_LINKS = {"key": "text", "partner_id": "uuid", "digest": "text", "version": "integer"}


def _rows(columns: dict[str, str]) -> str:
    shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS r({shape})"


def _sent(rows: Sequence[dict[str, Any]]) -> str:
    return to_json(rows).decode()


# S608 below: the texts are built of names of ours, never of input.
_KNOWN = text(
    f"""SELECT k.key, k.digest, k.partner_id, p.version, p.number, p.country,
      {visible("p", ":agency", ":holder")} AS visible
    FROM unnest(CAST(:keys AS text[])) AS w (key)
    JOIN partner_keys k ON k.agency_id = :agency AND k.key = w.key
    JOIN partners p ON p.id = k.partner_id"""  # noqa: S608 - texts of ours; values are bound
)
_ABOVE = text(
    f"""SELECT p.id, p.hq_id, p.merged_into, p.country, p.partner_type, p.protected
    FROM partners p WHERE p.id = ANY (CAST(:ids AS uuid[]))
      AND (:everywhere OR p.country = ANY (CAST(:countries AS text[])))
      AND {visible("p", ":agency", ":holder")}
    FOR SHARE OF p"""  # noqa: S608 - texts of ours; values are bound
)
_OFFICES = text(
    f"""SELECT p.hq_id, p.country, p.id, {visible("p", ":agency", ":holder")}
      AND (:everywhere OR p.country = ANY (CAST(:countries AS text[]))) AS visible
    FROM partners p WHERE p.hq_id = ANY (CAST(:ids AS uuid[])) AND p.merged_into IS NULL"""  # noqa: S608 - texts of ours; values are bound
)
# One look into the index for each, whatever the planner thinks of the table.
_HELD = text(
    """SELECT w.n, i.partner_id FROM unnest(CAST(:scheme AS text[]), CAST(:value AS text[]),
        CAST(:country AS text[]), CAST(:area AS text[]), CAST(:authority AS text[]),
        CAST(:agency AS uuid[])) WITH ORDINALITY
      AS w (scheme, value, country, area, authority, agency, n)
    CROSS JOIN LATERAL (SELECT i.partner_id FROM partner_identifiers i
      WHERE i.scheme = w.scheme AND i.value = w.value
        AND i.country IS NOT DISTINCT FROM w.country AND i.area IS NOT DISTINCT FROM w.area
        AND i.authority_key IS NOT DISTINCT FROM w.authority
        AND i.agency_id IS NOT DISTINCT FROM w.agency
        AND i.active AND i.authoritative AND NOT i.claimed LIMIT 1) i"""
)
_ADD = text(
    f"""INSERT INTO partners ({", ".join(_NEW)}, created_by, updated_by)
    SELECT {", ".join(f"r.{name}" for name in _NEW)}, :agency, :agency FROM {_rows(_NEW)}
    RETURNING id, number"""  # noqa: S608 - texts of ours; values are bound
)
_ADD_IDENTIFIERS = text(
    f"""INSERT INTO partner_identifiers ({", ".join(_IDENTIFIER)}, created_by)
    SELECT {", ".join(f"r.{n}" for n in _IDENTIFIER if n != "valid_from")},
      coalesce(r.valid_from, CURRENT_DATE), :agency FROM {_rows(_IDENTIFIER)}
    ORDER BY r.scheme, r.value"""  # noqa: S608 - texts of ours; values are bound
)
_LINK = text(
    f"""INSERT INTO partner_keys
      (agency_id, key, partner_id, digest, version, load_id, created_by_load)
    SELECT :agency, r.key, r.partner_id, decode(r.digest, 'hex'), r.version, :load, :load
    FROM {_rows(_LINKS)} ORDER BY r.key"""  # noqa: S608 - texts of ours; values are bound
)
_RELINK = text(
    f"""UPDATE partner_keys k SET digest = decode(r.digest, 'hex'), version = r.version,
      load_id = :load, loaded_at = now()
    FROM {_rows(_LINKS)} WHERE k.agency_id = :agency AND k.key = r.key"""  # noqa: S608 - texts of ours; values are bound
)
_READ = (
    "id",
    "number",
    "version",
    "country",
    "hq_id",
    "merged_into",
    "control",
    "created_by",
    "sources",
    *CHANGING,
)
_PROFILES = text(
    f"""SELECT {", ".join(f"p.{name}" for name in _READ)}, a.code AS creator,
      EXISTS (SELECT FROM restraints_in_force(p.id) f
        JOIN restraint_reasons k ON k.code = f.reason WHERE k.freezes_edits) AS frozen
    FROM partners p JOIN agencies a ON a.id = p.created_by
    WHERE p.id = ANY (CAST(:ids AS uuid[])) ORDER BY p.id FOR NO KEY UPDATE OF p"""  # noqa: S608 - texts of ours; values are bound
)
_CHANGED = {"id": "uuid", **_PROFILE, "sources": "jsonb"}
_CHANGE = text(
    f"""UPDATE partners p SET {", ".join(f"{n} = r.{n}" for n in (*_PROFILE, "sources"))},
      version = p.version + 1, updated_by = :agency
    FROM {_rows(_CHANGED)} WHERE p.id = r.id RETURNING p.id, p.version"""  # noqa: S608 - texts of ours; values are bound
)
_QUEUE = text(
    """INSERT INTO duplicate_checks (partner_id) SELECT unnest(CAST(:ids AS uuid[])) ORDER BY 1
    ON CONFLICT (partner_id) DO UPDATE SET queued_at = duplicate_checks.queued_at"""
)
_SAY_CHANGED = text(
    """INSERT INTO outbox (id, type, agency_id, subject_id, data)
    SELECT uuidv7(), :type, :agency, r.id,
      jsonb_build_object('version', r.version, 'fields', r.fields)
    FROM json_to_recordset(CAST(CAST(:rows AS text) AS json))
      AS r(id uuid, version integer, fields jsonb)"""
)


_TURNS = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 24))")


async def take_turns(session: AsyncSession, caller: Caller, first: str) -> None:
    """Wait for another chunk of the same lines, as when a file is sent again while it is read."""
    await session.execute(_TURNS, {"name": f"{caller.agency_id} {first}"})


async def known(session: AsyncSession, caller: Caller, keys: Sequence[str]) -> dict[str, Row[Any]]:
    """What the agency has loaded under these keys, by key."""
    values = {
        "keys": list(keys),
        "agency": caller.agency_id,
        "holder": sees_protected(caller),
    }
    return {row.key: row for row in await session.execute(_KNOWN, values)}


def _asked(caller: Caller, ids: Sequence[UUID]) -> dict[str, Any]:
    return {
        "ids": list(ids),
        "agency": caller.agency_id,
        "holder": sees_protected(caller),
        "everywhere": not caller.countries,
        "countries": sorted(caller.countries),
    }


async def above(
    session: AsyncSession, caller: Caller, ids: Sequence[UUID]
) -> tuple[dict[UUID, Row[Any]], dict[tuple[UUID, str], Row[Any]]]:
    """Headquarters that the caller may know of, and the country profiles they have."""
    values = _asked(caller, ids)
    heads = {row.id: row for row in await session.execute(_ABOVE, values)}
    offices = await session.execute(_OFFICES, values)
    return heads, {(row.hq_id, row.country): row for row in offices}


async def held(session: AsyncSession, keys: Sequence[tuple[Any, ...]]) -> dict[int, UUID]:
    """Who holds these identifiers, by their place in ``keys`` (from 0)."""
    names = ("scheme", "value", "country", "area", "authority", "agency")
    columns = zip(*keys, strict=True)
    values = {name: list(column) for name, column in zip(names, columns, strict=True)}
    return {row.n - 1: row.partner_id for row in await session.execute(_HELD, values)}


async def add(
    session: AsyncSession, agency: UUID, rows: Sequence[dict[str, Any]]
) -> dict[UUID, int]:
    """Store new profiles; their numbers by id."""
    done = await session.execute(_ADD, {"rows": _sent(rows), "agency": agency})
    return {row.id: row.number for row in done}


async def add_identifiers(
    session: AsyncSession, agency: UUID, rows: Sequence[dict[str, Any]]
) -> None:
    """Store identifiers."""
    await session.execute(_ADD_IDENTIFIERS, {"rows": _sent(rows), "agency": agency})


async def link(
    session: AsyncSession, agency: UUID, load: UUID, rows: Sequence[dict[str, Any]], *, new: bool
) -> None:
    """Keep the agency's keys of these profiles, and what it sent."""
    values = {"rows": _sent(rows), "agency": agency, "load": load}
    await session.execute(_LINK if new else _RELINK, values)


async def profiles(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Profiles to be changed, locked, with their creator's code."""
    found = await session.execute(_PROFILES, {"ids": list(ids)})
    return {row.id: row for row in found}


async def change(
    session: AsyncSession, agency: UUID, rows: Sequence[dict[str, Any]]
) -> dict[UUID, int]:
    """Store changed profiles; their new versions."""
    done = await session.execute(_CHANGE, {"rows": _sent(rows), "agency": agency})
    return {row.id: row.version for row in done}


async def queue(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Let the worker make the keys of these names and look for duplicates."""
    await session.execute(_QUEUE, {"ids": list(ids)})


async def say_changed(
    session: AsyncSession, agency: UUID, kind: str, rows: Sequence[dict[str, Any]]
) -> None:
    """One event for each changed profile, by one statement: others follow the profile by it."""
    await session.execute(_SAY_CHANGED, {"rows": _sent(rows), "agency": agency, "type": kind})
