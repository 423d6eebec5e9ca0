"""Keeping the keys of profiles' names: one row a profile, in the transaction that names it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.names.keys import acronym_keys, stored, text_key
from app.partners.matching.rules import domain_of

_WRITE = """INSERT INTO partner_names (partner_id, keys)
  SELECT n.partner_id, n.keys::int4[] FROM unnest($1::uuid[], $2::text[]) AS n (partner_id, keys)
  ON CONFLICT (partner_id) DO UPDATE SET keys = excluded.keys
  WHERE partner_names.keys IS DISTINCT FROM excluded.keys"""
_QUEUE = text(
    """INSERT INTO duplicate_checks (partner_id) SELECT unnest(CAST(:partners AS uuid[]))
    ON CONFLICT (partner_id) DO UPDATE SET queued_at = duplicate_checks.queued_at"""
)
NAMED = frozenset(
    {"legal_name", "legal_name_native", "acronym", "aliases", "former_names", "website", "country"}
)
"""Fields of a profile that its keys are made of."""


@dataclass(frozen=True, slots=True)
class Named:
    """What of a profile its keys are made of; a Partner will do as well."""

    id: UUID
    country: str
    legal_name: str
    legal_name_native: str | None = None
    acronym: str | None = None
    aliases: Sequence[str] = ()
    former_names: Sequence[str] = ()
    website: str | None = None


def keys_of(profile: Any) -> list[int]:
    """The keys of all names of a profile, of its acronym and its website, in order."""
    names = {profile.legal_name, profile.legal_name_native}
    names.update(profile.aliases or (), profile.former_names or ())
    found: set[int] = set()
    for name in filter(None, names):
        found |= stored(name, profile.country)
    if profile.acronym:
        found.update(acronym_keys(profile.acronym, profile.country))
    domain = domain_of(profile.website)
    if domain:
        found.add(text_key("web", domain))
    return sorted(found)


def rows(profiles: Iterable[Any]) -> list[tuple[UUID, list[int]]]:
    """Rows of ``partner_names`` (partner_id, keys), for COPY or `write_all`."""
    return [(profile.id, keys_of(profile)) for profile in profiles]


async def write_all(session: AsyncSession, made: Sequence[tuple[UUID, list[int]]]) -> None:
    """Store rows of `rows` by one statement, over what there was."""
    if made:
        connection = await session.connection()
        keys = ["{" + ",".join(map(str, own)) + "}" for _, own in made]
        await connection.exec_driver_sql(_WRITE, ([partner for partner, _ in made], keys))


async def write(session: AsyncSession, profile: Any) -> None:
    """Store the keys of one profile, new or changed."""
    await write_all(session, rows([profile]))


async def queue(session: AsyncSession, partners: Sequence[UUID]) -> None:
    """Let the worker look for duplicates of these profiles, and see to their keys."""
    if partners:
        await session.execute(_QUEUE, {"partners": list(partners)})
