"""Rows of assessments as the wire shapes need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.objections.contested import contested


async def shown(session: AsyncSession, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of `queries.COLUMNS` as AssessmentOut needs them, each with the objection to it."""
    objections = await contested(session, "assessment", [row.id for row in rows])
    return [wire(row, objections.get(row.id)) for row in rows]


def wire(row: Any, objection: dict[str, Any] | None = None) -> dict[str, Any]:
    """A row of `queries.COLUMNS` as AssessmentOut needs it."""
    return {
        **common(row, objection),
        "conducted_on": row.conducted_on,
        "valid_until": row.valid_until,
        "confidentiality": row.confidentiality,
        "redacted": row.redacted,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def common(row: Any, objection: dict[str, Any] | None) -> dict[str, Any]:
    """What a summary and a detail both say of the record."""
    rating = None
    if row.rating_scheme is not None:
        rating = {
            "scheme": row.rating_scheme,
            "value": row.rating_value,
            "dimension": row.rating_dimension,
            "level": row.rating_level,
            "rating_source": row.rating_source,
        }
    return {
        "id": row.id,
        "partner_id": row.partner_id,
        "type": row.type,
        "methodology": row.methodology,
        "owner_agency": row.owner_agency,
        "status": row.status,
        "version": row.version,
        "owner_withdrawn": row.owner_withdrawn,
        "custodian": row.custodian,
        "rating": rating,
        "contested": objection,
    }
