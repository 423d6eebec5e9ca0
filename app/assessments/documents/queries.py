"""Every select of assessments' documents. Row security shows them with the detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = """SELECT d.id, d.assessment_id, d.finding_id, d.owner_agency, d.version, d.kind,
    d.standard, d.media_type, d.language, d.partner_visible, d.sealed, d.sealed_version, d.blob_id,
    d.uploaded_at, d.created_at, b.sha256, b.size, b.scan, b.sealed_key
  FROM assessment_documents d LEFT JOIN blobs b ON b.id = d.blob_id
  WHERE d.assessment_id = :assessment
    AND d.finding_id IS NOT DISTINCT FROM CAST(:finding AS uuid)"""
_FIND = text(f"{_COLUMNS} AND d.id = :id")
_CLOSED_WITH = text(
    """SELECT EXISTS (SELECT 1 FROM finding_actions c JOIN assessment_documents d
      ON d.finding_id = c.finding_id
    WHERE d.id = :id AND c.kind = 'closed' AND c.made_at >= d.uploaded_at)"""
)
_LIST = text(
    f"{_COLUMNS} AND (CAST(:after AS uuid) IS NULL OR d.id < :after) "
    "ORDER BY d.id DESC LIMIT :limit"
)


async def find(
    session: AsyncSession, assessment_id: UUID, document_id: UUID, finding_id: UUID | None = None
) -> Row[Any] | None:
    """A document of the assessment, or of its finding, that the bound party may see."""
    values = {"assessment": assessment_id, "finding": finding_id, "id": document_id}
    return (await session.execute(_FIND, values)).one_or_none()


async def list_page(
    session: AsyncSession,
    assessment_id: UUID,
    after: UUID | None,
    limit: int,
    finding_id: UUID | None = None,
) -> Sequence[Row[Any]]:
    """Documents of the assessment, or of its finding, that the bound party may see."""
    values: dict[str, Any] = {"assessment": assessment_id, "finding": finding_id}
    values |= {"after": after, "limit": limit}
    return (await session.execute(_LIST, values)).all()


async def closed_with(session: AsyncSession, document_id: UUID) -> bool:
    """Whether the finding of a document was closed when it had its file."""
    return bool(await session.scalar(_CLOSED_WITH, {"id": document_id}))
