"""Every select that finds and reads candidates. On asyncpg, as clearances use it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.names.keys import Probe, acronym_keys, probes
from app.partners.lineage import lineage
from app.partners.matching.queries import HITS, sent
from app.partners.people import blind
from app.partners.people.service import seal_context
from app.sanctions.matches.subjects import Compared, of_partner, of_person

_COUNTRIES = 3
"""Countries of a listed party in which near spellings are looked for; elsewhere by whole names."""

# S608 below: the texts are built of constants of this module, never of input.
LISTED = """SELECT DISTINCT ON (f.entry_id) f.stream, f.entry, p.party::text AS party
  FROM feed_entries f LEFT JOIN listed_parties p
    ON p.entry_id = f.entry_id::uuid AND p.to_version IS NULL
  WHERE f.entry_id = ANY ($1) AND f.stream = ANY ($2)
  ORDER BY f.entry_id, f.stream <> 'inter_agency', f.stream"""
"""Entries of the feed ($1) in the streams that count ($2), with what their list says of them."""

_PARTNERS = """SELECT p.id, p.version, p.legal_name, p.legal_name_native, p.acronym, p.aliases,
    p.former_names, p.country, p.partner_type, p.tags,
    ARRAY(SELECT i.value FROM partner_identifiers i WHERE i.partner_id = p.id AND i.active
      AND NOT i.claimed AND i.agency_id IS NULL ORDER BY i.scheme, i.value) AS identifiers
  FROM partners p WHERE p.id = ANY ($1::uuid[])"""
_PERSON = """p.id, p.partner_id, p.version, p.role, p.authorised, p.board_member, p.sealed,
  p.sealed_version, p.valid_to"""
_PEOPLE = f"""SELECT {_PERSON} FROM partner_people p
  WHERE p.id = ANY ($1::uuid[]) AND p.sealed IS NOT NULL"""  # noqa: S608 - texts of ours
UNREACHED = f"""SELECT {_PERSON} FROM partner_people p
  WHERE p.partner_id IN {lineage("$1::uuid")} AND p.sealed IS NOT NULL AND NOT EXISTS (
    SELECT FROM screened_subjects s
    WHERE s.subject_id = p.id AND s.version = p.version AND s.algorithm = $2)"""  # noqa: S608 - texts of ours
"""People of a partner ($1) who were not compared as they are now, by this algorithm ($2)."""

_LIKE = f"WITH {HITS} SELECT partner_id FROM hits"  # noqa: S608 - texts of ours; values are bound


async def partners_like(connection: asyncpg.Connection, entry: Mapping[str, Any]) -> set[UUID]:
    """Profiles whose names share most with one of this listed party's, as the worker."""
    found: set[UUID] = set()
    for name in entry["names"]:
        wanted, near = _asked(name["name"], name["type"] == "weak_alias", entry["countries"])
        if wanted:
            rows = await connection.fetch(_LIKE, *sent(wanted), near)
            found |= {UUID(str(row["partner_id"])) for row in rows}
    return found


def _asked(name: str, weak: bool, countries: Iterable[str]) -> tuple[list[Probe], list[int]]:
    anywhere = probes(name, None)
    wanted = dict.fromkeys(anywhere.all_of)
    for country in sorted(countries)[:_COUNTRIES]:
        wanted |= dict.fromkeys(probes(name, country).all_of)
    if weak:
        for key in acronym_keys(name, None):
            wanted[Probe((key,), 1.5)] = None
    return list(wanted), list(anywhere.near)


async def read_partners(
    connection: asyncpg.Connection, ids: Collection[UUID], key: bytes
) -> list[Compared]:
    """These profiles as they are compared, merged ones by their own names."""
    if not ids:
        return []
    return [of_partner(row, key) for row in await connection.fetch(_PARTNERS, list(ids))]


async def read_people(
    connection: asyncpg.Connection, keyring: KeyRing, ids: Collection[UUID], key: bytes
) -> list[Compared]:
    """Those of these people who are compared with lists now, opened."""
    if not ids:
        return []
    rows = await connection.fetch(_PEOPLE, list(ids))
    return await open_people(connection, keyring, rows, key)


async def open_people(
    connection: asyncpg.Connection,
    keyring: KeyRing,
    rows: Iterable[asyncpg.Record],
    key: bytes,
    today: date | None = None,
) -> list[Compared]:
    """The same for rows with the columns of an entry."""
    today = today or utc_now().date()
    return [
        of_person(row, await open_body(connection, keyring, row), key)
        for row in rows
        if blind.is_compared(row, today)
    ]


async def open_body(
    connection: asyncpg.Connection, keyring: KeyRing, row: asyncpg.Record
) -> dict[str, Any]:
    """What is sealed of an entry. Raises Undecipherable."""
    context = seal_context(row["id"], row["sealed_version"], row["partner_id"])
    return blind.opened(await keyring.open(connection, context, row["sealed"]))
