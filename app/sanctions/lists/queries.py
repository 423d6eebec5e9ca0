"""Every select of external lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.sanctions.lists.models import ListSourceState, ListUse

_VERSIONS = text(
    """SELECT version, source, digest, layout, published_at, imported_at, added, changed, removed,
        parties FROM list_versions
    WHERE source = :s AND (CAST(:after AS bigint) IS NULL OR version < :after)
    ORDER BY version DESC LIMIT :limit"""
)
_AS_OF = text(
    """SELECT version FROM list_versions WHERE source = :s
      AND (CAST(:version AS bigint) IS NULL OR version = :version)
      AND (CAST(:at AS timestamptz) IS NULL OR imported_at <= :at)
    ORDER BY version DESC LIMIT 1"""
)
_COLUMNS = """p.entry_id, p.source, p.key, p.reference, p.kind, p.from_version, p.to_version,
    p.ends_on::text AS ends_on, p.expired_at, p.digest, p.party"""
# The version and the state in it: from it, or from an earlier one that lasted beyond it.
_THEN = "p.from_version <= :v AND (p.to_version IS NULL OR p.to_version > :v)"
# S608: the texts are built of constants of this module.
_PARTIES = text(
    f"""SELECT {_COLUMNS} FROM listed_parties p
    WHERE p.source = :s AND {_THEN} AND (CAST(:after AS uuid) IS NULL OR p.entry_id > :after)
      AND (CAST(:q AS text) IS NULL OR strpos(p.search, :q) > 0)
    ORDER BY p.entry_id LIMIT :limit"""  # noqa: S608 - texts of ours; values are bound
)
_PARTY = text(
    f"""SELECT {_COLUMNS}, p.original FROM listed_parties p
    WHERE p.source = :s AND p.entry_id = :id AND {_THEN}"""  # noqa: S608 - texts of ours; values are bound
)
_USED = text(
    "SELECT source FROM list_uses WHERE agency_id = :agency AND audience = 'opt_in' "
    "AND state = 'active'"
)
_USE_COLUMNS = """u.id, u.source, u.audience, a.code AS agency, u.legal_basis, u.state,
    u.proposed_by, u.proposed_at, u.approved_by, b.code AS approving_agency, u.approved_at,
    u.ended_by, u.ended_at, u.version"""
_USES_FROM = """FROM list_uses u JOIN agencies a ON a.id = u.agency_id
    LEFT JOIN agencies b ON b.id = u.approving_agency"""
_USES = text(
    f"""SELECT {_USE_COLUMNS} {_USES_FROM}
    WHERE u.source = :s AND (CAST(:after AS uuid) IS NULL OR u.id < :after)
    ORDER BY u.id DESC LIMIT :limit"""
)
_USE = text(f"SELECT {_USE_COLUMNS} {_USES_FROM} WHERE u.source = :s AND u.id = :id")


async def source_states(session: AsyncSession) -> dict[str, ListSourceState]:
    """What is held of each external source."""
    return {row.code: row for row in await session.scalars(select(ListSourceState))}


async def source_state(session: AsyncSession, code: str) -> ListSourceState | None:
    """What is held of one source."""
    return await session.get(ListSourceState, code)


async def used_by(session: AsyncSession, agency_id: UUID) -> frozenset[str]:
    """Lists that this agency, the one the transaction is bound to, has switched on."""
    return frozenset((await session.scalars(_USED, {"agency": agency_id})).all())


async def list_versions(
    session: AsyncSession, code: str, after: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Imported issues, the newest first."""
    return (await session.execute(_VERSIONS, {"s": code, "after": after, "limit": limit})).all()


async def version_of(
    session: AsyncSession, code: str, version: int | None, at: datetime | None
) -> int | None:
    """This version, the one in force at a moment, or the newest; None if there is none."""
    found: int | None = await session.scalar(_AS_OF, {"s": code, "version": version, "at": at})
    return found


async def list_parties(
    session: AsyncSession,
    code: str,
    version: int,
    q: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Parties of the list as it was in this version, by their id."""
    values = {"s": code, "v": version, "q": q, "after": after, "limit": limit}
    return (await session.execute(_PARTIES, values)).all()


async def find_party(
    session: AsyncSession, code: str, version: int, entry_id: UUID
) -> Row[Any] | None:
    """One party as it was in this version."""
    values = {"s": code, "v": version, "id": entry_id}
    return (await session.execute(_PARTY, values)).one_or_none()


async def list_uses(
    session: AsyncSession, code: str, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Uses of a list that the caller may know of, the newest first."""
    return (await session.execute(_USES, {"s": code, "after": after, "limit": limit})).all()


async def find_use(session: AsyncSession, code: str, use_id: UUID) -> Row[Any] | None:
    """One use as it is served."""
    return (await session.execute(_USE, {"s": code, "id": use_id})).one_or_none()


async def lock_use(session: AsyncSession, code: str, use_id: UUID) -> ListUse | None:
    """One use, locked for a change."""
    found: ListUse | None = await session.scalar(
        select(ListUse)
        .where(ListUse.id == use_id, ListUse.source == code)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found
