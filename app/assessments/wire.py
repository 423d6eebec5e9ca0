"""Rows of assessments as the wire shapes need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.http import bytes_etag, version_etag
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
        "summary": row.summary,
        "participating_agencies": row.participating_agencies,
        "assessor": _assessor(row),
        "superseded_by": row.superseded_by or row.newer_by_merge,
        "superseded_by_merge": row.newer_by_merge is not None,
        "submitted_at": row.submitted_at,
        "finalised_at": row.finalised_at,
        "held_until": row.held_until,
        "shown_to_partner_at": row.shown_to_partner_at,
        "withdrawn_at": row.withdrawn_at,
        "withdrawal_reason": row.withdrawal_reason,
        "redacted": row.redacted,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _assessor(row: Any) -> dict[str, Any] | None:
    if row.assessor_kind is None:
        return None
    return {"kind": row.assessor_kind, "name": row.assessor_name}


def _adjusted(row: Any) -> dict[str, Any] | None:
    if row.adjusted_value is None:
        return None
    return {
        "value": row.adjusted_value,
        "level": row.adjusted_level,
        "adjusted_at": row.adjusted_at,
    }


def _status(row: Any) -> str:
    # Stored is what persons decided; what a merge supersedes, or has run out, is worked out.
    if row.newer_by_merge is not None:
        return "superseded"
    return "expired" if row.expired else str(row.status)


def _comments(row: Any) -> dict[str, Any] | None:
    return row.partner_comments if row.partner_comments["count"] else None


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
        "status": _status(row),
        "version": row.version,
        "owner_withdrawn": row.owner_withdrawn,
        "custodian": row.custodian,
        "rating": rating,
        "adjusted_rating": _adjusted(row),
        "contested": objection,
        "partner_comments": _comments(row),
    }


def etag_of(found: dict[str, Any]) -> str:
    """The ETag of a summary or a detail: its version, and what is said that is not in that."""
    # What is said of an owner that withdrew, or by the partner, is not in the version.
    if found["owner_withdrawn"] or found["contested"] or found["partner_comments"]:
        said = (
            *(found["version"], found["custodian"]),
            *(found["contested"], found["partner_comments"]),
        )
        return bytes_etag(repr(said).encode())
    return version_etag(found["version"])
