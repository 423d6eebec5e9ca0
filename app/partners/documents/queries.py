"""Every select of partners' documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.auth.policy import reaches
from app.auth.scopes import Scope
from app.partners.lineage import lineage

# S608 below: the texts are built of constants, never of input.
_COLUMNS = f"""SELECT d.id, d.partner_id, d.version, d.kind, d.level, d.title, d.sealed_title,
    d.media_type, d.language, d.issued_on, d.expires_on, d.supersedes, d.superseded_by,
    d.uploaded_by AS uploader, a.code AS uploaded_by, d.uploaded_at, d.created_at, d.blob_id,
    b.sha256, b.size, b.scan, b.sealed_key
  FROM partner_documents d LEFT JOIN blobs b ON b.id = d.blob_id
    LEFT JOIN agencies a ON a.id = d.uploaded_by
  WHERE d.partner_id IN {lineage("CAST(:partner AS uuid)")} AND d.deleted_at IS NULL
    AND (d.level = 'INTER_AGENCY' OR :restricted
      OR d.uploaded_by IS NOT DISTINCT FROM CAST(:agency AS uuid))"""  # noqa: S608 - texts of ours; values are bound
_FIND = text(f"{_COLUMNS} AND d.id = :id")
_LIST = text(
    f"""{_COLUMNS} AND (CAST(:kind AS text) IS NULL OR d.kind = :kind)
    AND (:superseded OR d.superseded_by IS NULL)
    AND (CAST(:at AS timestamptz) IS NULL OR (d.created_at, d.id) < (:at, CAST(:after AS uuid)))
  ORDER BY d.created_at DESC, d.id DESC LIMIT :limit"""
)
_OWN = text(
    """SELECT id FROM partner_documents WHERE id = :id AND partner_id = :partner
    AND uploaded_by IS NOT DISTINCT FROM CAST(:agency AS uuid)
    AND blob_id IS NOT NULL AND deleted_at IS NULL
    AND superseded_by IS NULL"""
)


def _reader(caller: Caller) -> dict[str, Any]:
    restricted = Scope.DOCUMENTS_READ in caller.scopes and reaches(caller, "RESTRICTED")
    return {
        "restricted": restricted,
        "agency": caller.agency_id if caller.subject == "agency" else None,
    }


async def find(
    session: AsyncSession, caller: Caller, partner_id: UUID, document_id: UUID
) -> Row[Any] | None:
    """A document of the partner that the caller may know of."""
    values = {"partner": partner_id, "id": document_id, **_reader(caller)}
    return (await session.execute(_FIND, values)).one_or_none()


async def list_page(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    kind: str | None,
    superseded: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Documents of the partner that the caller may know of, newest first."""
    at, after_id = after or (None, None)
    values = {
        "partner": partner_id,
        "kind": kind,
        "superseded": superseded,
        "at": at,
        "after": after_id,
        "limit": limit,
        **_reader(caller),
    }
    return (await session.execute(_LIST, values)).all()


async def own_uploaded(
    session: AsyncSession, partner_id: UUID, document_id: UUID, agency_id: UUID | None
) -> bool:
    """Whether this is a document of the agency for the partner that can be superseded."""
    values = {"partner": partner_id, "id": document_id, "agency": agency_id}
    return (await session.execute(_OWN, values)).one_or_none() is not None
