"""Every select of assessments' documents. Row security shows them with the detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = """SELECT d.id, d.assessment_id, d.owner_agency, d.version, d.kind, d.standard,
    d.media_type, d.language, d.partner_visible, d.sealed, d.sealed_version, d.blob_id,
    d.uploaded_at, d.created_at, b.sha256, b.size, b.scan, b.sealed_key
  FROM assessment_documents d LEFT JOIN blobs b ON b.id = d.blob_id
  WHERE d.assessment_id = :assessment"""
_FIND = text(f"{_COLUMNS} AND d.id = :id")
_LIST = text(
    f"{_COLUMNS} AND (CAST(:after AS uuid) IS NULL OR d.id < :after) "
    "ORDER BY d.id DESC LIMIT :limit"
)


async def find(session: AsyncSession, assessment_id: UUID, document_id: UUID) -> Row[Any] | None:
    """A document of the assessment that the bound party may see."""
    values = {"assessment": assessment_id, "id": document_id}
    return (await session.execute(_FIND, values)).one_or_none()


async def list_page(
    session: AsyncSession, assessment_id: UUID, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Documents of the assessment that the bound party may see."""
    values = {"assessment": assessment_id, "after": after, "limit": limit}
    return (await session.execute(_LIST, values)).all()
