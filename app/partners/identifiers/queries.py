"""Every select of identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.partners.identifiers.models import (
    IdentifierDispute,
    PartnerIdentifier,
    RestrictedIdentifier,
)
from app.partners.identifiers.schemas import IdentifierIn
from app.partners.identifiers.schemes import IdentifierScheme, registry_key
from app.partners.lineage import lineage, root
from app.partners.models import Partner
from app.partners.visibility import sees_protected, visible

_STATUS = "CASE WHEN NOT i.active THEN 'ended' WHEN i.disputed THEN 'disputed' ELSE 'active' END"
_COMMON = f"""i.id, i.partner_id, i.scheme, i.country, i.issued_on, i.expires_on,
    {_STATUS} AS status, i.valid_from, i.ended_at, i.end_reason, c.code AS added_by,
    i.created_at AS added_at"""

_COLUMNS = """i.id, i.partner_id, i.scheme, i.value, i.country, i.area, i.authority, i.agency,
    i.issued_on, i.expires_on, i.status, i.valid_from, i.ended_at, i.end_reason, i.added_by,
    i.added_at"""

# S608 below: the texts are built of constants of ours, never of input.
_HELD = f"""(
    SELECT {_COMMON}, i.value, i.area, i.authority, v.code AS agency
    FROM partner_identifiers i LEFT JOIN agencies c ON c.id = i.created_by
    LEFT JOIN agencies v ON v.id = i.agency_id
    WHERE i.partner_id IN {lineage(":partner")}
    UNION ALL
    SELECT {_COMMON}, NULL, NULL, NULL, NULL
    FROM restricted_identifiers i JOIN agencies c ON c.id = i.created_by
    WHERE i.partner_id IN {lineage(":partner")}) i"""  # noqa: S608 - texts of ours; values are bound
_LIST = text(
    f"""SELECT {_COLUMNS} FROM {_HELD}
    WHERE (i.status <> 'ended' OR :ended)
      AND (CAST(:id AS uuid) IS NULL
        OR (i.added_at, i.id) > (CAST(:at AS timestamptz), CAST(:id AS uuid)))
    ORDER BY i.added_at, i.id LIMIT :limit"""  # noqa: S608 - texts of ours; values are bound
)
_ONE = text(f"SELECT {_COLUMNS} FROM {_HELD} WHERE i.id = :id")  # noqa: S608 - texts of ours; values are bound
_RESTRICTED = text(
    f"""SELECT {_COMMON}, i.sealed FROM restricted_identifiers i
    JOIN agencies c ON c.id = i.created_by
    WHERE i.partner_id IN {lineage(":partner")} AND i.active ORDER BY i.created_at, i.id"""  # noqa: S608 - texts of ours; values are bound
)
_CARRIERS = text(
    f"""SELECT p.id, p.country, i.active, i.disputed, i.ended_at,
      {visible("p", ":agency", ":holder")} AS visible FROM (
      SELECT {root("i.partner_id")} AS partner_id, i.active, i.disputed, i.ended_at
      FROM partner_identifiers i
      WHERE i.scheme = :scheme AND i.value = :value AND i.authoritative AND NOT i.claimed
        AND i.country IS NOT DISTINCT FROM :country
        AND (CAST(:area AS text) IS NULL OR i.area = :area)
        AND (CAST(:authority AS text) IS NULL OR i.authority_key = :authority)
        AND i.agency_id IS NOT DISTINCT FROM CASE WHEN i.scheme = 'AGENCY_VENDOR' THEN
          (SELECT a.id FROM agencies a WHERE a.code = :issuer) END
        AND (i.active OR :ended)) i
    JOIN partners p ON p.id = i.partner_id
    ORDER BY i.active DESC, i.ended_at DESC LIMIT 20"""  # noqa: S608 - texts of ours; values are bound
)
_BY_NUMBER = text(f"SELECT {root('p.id')} FROM partners p WHERE p.number = :number")  # noqa: S608 - texts of ours; values are bound
_BY_ID = text(f"SELECT {root('p.id')} FROM partners p WHERE p.id = :id")  # noqa: S608 - texts of ours; values are bound


def _after(after: list[Any] | None) -> dict[str, Any]:
    if after is None:
        return {"at": None, "id": None}
    return {"at": datetime.fromisoformat(after[0]), "id": UUID(after[1])}


async def list_held(
    session: AsyncSession, partner_id: UUID, ended: bool, after: list[Any] | None, limit: int
) -> Sequence[Row[Any]]:
    """Identifiers of the partner and of what was merged into it, oldest first."""
    values = {"partner": partner_id, "ended": ended, "limit": limit, **_after(after)}
    return (await session.execute(_LIST, values)).all()


async def find_held(
    session: AsyncSession, partner_id: UUID, identifier_id: UUID
) -> Row[Any] | None:
    """One of `list_held`, ended or not."""
    values = {"partner": partner_id, "id": identifier_id}
    return (await session.execute(_ONE, values)).one_or_none()


async def restricted_of(session: AsyncSession, partner_id: UUID) -> Sequence[Row[Any]]:
    """Sealed tax numbers that the partner holds now."""
    return (await session.execute(_RESTRICTED, {"partner": partner_id})).all()


async def carriers(
    session: AsyncSession,
    caller: Caller,
    wanted: dict[str, Any],
) -> Sequence[Row[Any]]:
    """Partners that carry an open identifier, live ones first; ``visible``: to this caller."""
    values = wanted | {"agency": caller.agency_id, "holder": sees_protected(caller)}
    return (await session.execute(_CARRIERS, values)).all()


async def by_registry(session: AsyncSession, value: str) -> UUID | None:
    """The partner that a registry number or an id names now."""
    key = registry_key(value)
    if isinstance(key, int):
        return await session.scalar(_BY_NUMBER, {"number": key}) if key < 2**63 else None
    found: UUID | None = await session.scalar(_BY_ID, {"id": key})
    return found


async def holder_of(
    session: AsyncSession, scheme: str, value: str, country: str | None, agency_id: UUID | None
) -> UUID | None:
    """The one partner that this open identifier names now; see the SQL function."""
    found: UUID | None = await session.scalar(
        text("SELECT identifier_holder(:scheme, :value, :country, :agency)"),
        {"scheme": scheme, "value": value, "country": country, "agency": agency_id},
    )
    return found


async def live_row(
    session: AsyncSession, item: IdentifierIn, key: str | None, agency_id: UUID | None
) -> PartnerIdentifier | None:
    """The row that keeps others from holding this very identifier."""
    row = PartnerIdentifier
    vendor = agency_id if item.scheme is IdentifierScheme.AGENCY_VENDOR else None
    query = select(row).where(
        row.scheme == item.scheme.value,
        row.value == item.value,
        row.country.is_not_distinct_from(item.country),
        row.area.is_not_distinct_from(item.area),
        row.authority_key.is_not_distinct_from(key),
        row.agency_id.is_not_distinct_from(vendor),
        row.active,
        row.authoritative,
        ~row.claimed,
    )
    return (await session.scalars(query)).one_or_none()


async def live_restricted(
    session: AsyncSession, scheme: str, country: str | None, digest: bytes
) -> RestrictedIdentifier | None:
    """The row that keeps others from holding this very tax number."""
    row = RestrictedIdentifier
    query = select(row).where(
        row.scheme == scheme,
        row.country == country,
        row.digest == digest,
        row.active,
        ~row.claimed,
    )
    return (await session.scalars(query)).one_or_none()


_DISPUTES = """SELECT d.id, d.version, d.status, d.partner_id, d.holder_id, d.scheme, d.restricted,
    d.held_id, d.claim_id, i.value, coalesce(i.country, r.country) AS country, d.document_ids,
    d.sealed_grounds, d.sealed_reason, coalesce(a.code, 'partner') AS raised_by,
    d.raised_by AS raiser, d.raised_person, d.raised_at, v.for_id AS proposed_for,
    v.agency AS proposed_by, d.decided_for, b.code AS decided_by, d.decided_at
    FROM identifier_disputes d LEFT JOIN agencies a ON a.id = d.raised_by
    LEFT JOIN agencies b ON b.id = d.decided_by
    LEFT JOIN LATERAL (SELECT s.for_id, g.code AS agency FROM identifier_dispute_voices s
      JOIN agencies g ON g.id = s.agency_id WHERE s.dispute_id = d.id AND d.status = 'open'
      ORDER BY s.said_at DESC, s.id LIMIT 1) v ON true
    LEFT JOIN partner_identifiers i ON NOT d.restricted AND i.id = d.claim_id
    LEFT JOIN restricted_identifiers r ON d.restricted AND r.id = d.claim_id"""
_OF_PARTNER = f"""(d.partner_id IN {lineage(":partner")}
    OR d.holder_id IN {lineage(":partner")})"""
_DISPUTE_LIST = text(
    f"""{_DISPUTES} WHERE {_OF_PARTNER}
      AND (CAST(:id AS uuid) IS NULL
        OR (d.raised_at, d.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
    ORDER BY d.raised_at DESC, d.id DESC LIMIT :limit"""
)
_DISPUTE = text(f"{_DISPUTES} WHERE d.id = :id AND {_OF_PARTNER}")


async def list_disputes(
    session: AsyncSession, partner_id: UUID, after: list[Any] | None, limit: int
) -> Sequence[Row[Any]]:
    """Disputes that the partner is a side of, newest first."""
    values = {"partner": partner_id, "limit": limit, **_after(after)}
    return (await session.execute(_DISPUTE_LIST, values)).all()


async def find_dispute(
    session: AsyncSession, partner_id: UUID, dispute_id: UUID
) -> Row[Any] | None:
    """A dispute that the partner is a side of."""
    values = {"partner": partner_id, "id": dispute_id}
    return (await session.execute(_DISPUTE, values)).one_or_none()


# The own side of each: nothing of the other profile, nor who stands behind it.
_OWN_DISPUTES = text(
    f"""SELECT d.id, d.status, d.scheme, s.side, s.row_id AS identifier_id, i.value,
      coalesce(i.country, r.country) AS country, d.raised_at,
      CASE WHEN s.side = 'claimant' THEN coalesce(a.code, 'partner') END AS raised_by,
      CASE WHEN s.side = 'claimant' AND d.raised_by IS NULL THEN d.document_ids
        ELSE '{{}}' END AS document_ids,
      CASE WHEN d.status = 'decided' THEN d.decided_for IN {lineage(":partner")} END AS kept,
      b.code AS decided_by, d.decided_at
    FROM identifier_disputes d
    CROSS JOIN LATERAL (SELECT CASE WHEN c.own THEN 'claimant' ELSE 'holder' END AS side,
        CASE WHEN c.own THEN d.claim_id ELSE d.held_id END AS row_id
      FROM (SELECT d.partner_id IN {lineage(":partner")} AS own) c) s
    LEFT JOIN agencies a ON a.id = d.raised_by LEFT JOIN agencies b ON b.id = d.decided_by
    LEFT JOIN partner_identifiers i ON NOT d.restricted AND i.id = s.row_id
    LEFT JOIN restricted_identifiers r ON d.restricted AND r.id = s.row_id
    WHERE {_OF_PARTNER} AND (CAST(:one AS uuid) IS NULL OR d.id = :one)
      AND (CAST(:id AS uuid) IS NULL
        OR (d.raised_at, d.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
    ORDER BY d.raised_at DESC, d.id DESC LIMIT :limit"""  # noqa: S608 - texts of ours; values are bound
)
_VOICES = text(
    """SELECT id, for_id, person_id, sealed FROM identifier_dispute_voices
    WHERE dispute_id = :dispute ORDER BY said_at, id"""
)
_DOCUMENTS = text(
    f"""SELECT count(*) FROM partner_documents d WHERE d.id = ANY(:ids) AND d.deleted_at IS NULL
    AND d.blob_id IS NOT NULL AND d.partner_id IN {lineage(":partner")}"""  # noqa: S608 - texts of ours; values are bound
)


async def own_disputes(
    session: AsyncSession,
    partner_id: UUID,
    after: list[Any] | None,
    limit: int,
    one: UUID | None = None,
) -> Sequence[Row[Any]]:
    """Disputes as a partner is told of them, newest first; or ``one`` of them."""
    values = {"partner": partner_id, "limit": limit, "one": one, **_after(after)}
    return (await session.execute(_OWN_DISPUTES, values)).all()


async def voices_of(session: AsyncSession, dispute_id: UUID) -> Sequence[Row[Any]]:
    """What persons said of a dispute that is not decided by it alone, oldest first."""
    return (await session.execute(_VOICES, {"dispute": dispute_id})).all()


async def own_documents(session: AsyncSession, partner_id: UUID, ids: Sequence[UUID]) -> bool:
    """Whether all of these are uploaded documents of the partner that the bound caller sees."""
    wanted = set(ids)
    values = {"partner": partner_id, "ids": list(wanted)}
    return int(await session.scalar(_DOCUMENTS, values) or 0) == len(wanted)


async def open_own_disputes(session: AsyncSession, partner_id: UUID) -> int:
    """How many disputes that the partner raised itself are open."""
    query = select(func.count()).where(
        IdentifierDispute.partner_id == partner_id,
        IdentifierDispute.raised_by.is_(None),
        IdentifierDispute.status == "open",
    )
    return int(await session.scalar(query) or 0)


async def lock_profiles(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Lock profiles against every other change until the transaction ends, in a fixed order."""
    query = select(Partner.id).where(Partner.id.in_(ids)).order_by(Partner.id)
    await session.execute(query.with_for_update(key_share=True))


async def version_of(session: AsyncSession, partner_id: UUID) -> int:
    """The version of a profile now."""
    version: int = (
        await session.scalars(select(Partner.version).where(Partner.id == partner_id))
    ).one()
    return version


async def open_dispute(session: AsyncSession, held_id: UUID) -> UUID | None:
    """The open dispute about this row."""
    query = select(IdentifierDispute.id).where(
        IdentifierDispute.held_id == held_id, IdentifierDispute.status == "open"
    )
    return (await session.scalars(query)).one_or_none()
