"""Assessments before the policy: what the matrix calls them, and who passes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import queries
from app.assessments.errors import AssessmentNotFound
from app.assessments.types import ALL
from app.assessments.types.base import Family
from app.auth import policy
from app.auth.caller import Caller
from app.auth.policy import Resource, Share
from app.auth.roles import Act
from app.core.errors import NotFound
from app.partners.visibility import sees_protected

_ROWS: dict[Family, tuple[str, str]] = {
    "ASSESS": ("ASSESS_SUMMARY", "ASSESS_DETAIL"),
    "PSEA": ("PSEA_SUMMARY", "PSEA_DETAIL"),
    "ASSURE": ("ASSURE_SUMMARY", "ASSURE_REPORT"),
    "PERF": ("ASSESS_SUMMARY", "PERF_TEXT"),
}
"""Rows of the matrix for summary and detail of a family; a review's grade is as any summary."""


def summary_kind(type_code: str) -> str:
    """The row of the matrix for the summaries of a type."""
    return _ROWS[ALL[type_code].family][0]


def detail_kind(type_code: str) -> str:
    """The row of the matrix for the details of a type."""
    return _ROWS[ALL[type_code].family][1]


def detail_kinds(type_code: str | None) -> list[str]:
    """The rows of the matrix that records of this type, or of any, fall under."""
    return sorted({detail_kind(code) for code in ([type_code] if type_code else ALL)})


def summary_of(row: Any) -> Resource:
    """The summary of a row of `queries.COLUMNS`."""
    return Resource(summary_kind(row.type), row.owner_id, row.level, row.country)


def detail_of(row: Any, shares: tuple[Share, ...] = ()) -> Resource:
    """The detail of a row of `queries.COLUMNS`."""
    return Resource(detail_kind(row.type), row.owner_id, row.level, row.country, shares)


def shares_of(row: Any) -> tuple[Share, ...]:
    """The shares in a row of `queries.read_detail`."""
    return tuple(
        Share(UUID(item["id"]), item["purpose"], frozenset(item["roles"]), item["standing"])
        for item in row.shares
    )


def require_use_of_a_share(caller: Caller, row: Any, purpose: str) -> None:
    """Raises RoleLacksRight or LevelAboveClient where a share would let the caller read nothing."""
    wished = (Share(row.id, purpose),)
    policy.require_writable(policy.can(caller, "read", detail_of(row, wished), purpose))


async def readable(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Any:
    """The summary's row. Raises AssessmentNotFound, also when the caller may not see it."""
    row = await queries.read_assessment(session, assessment_id, holder=sees_protected(caller))
    if row is None:
        raise AssessmentNotFound
    policy.require_readable(policy.can(caller, "summary", summary_of(row)), AssessmentNotFound)
    return row


async def owned(
    session: AsyncSession,
    caller: Caller,
    assessment_id: UUID,
    act: Act,
    absent: type[NotFound] = AssessmentNotFound,
) -> Any:
    """The caller's own record, locked. Raises ``absent``, or RoleLacksRight."""
    row = await queries.lock_owned(session, assessment_id)
    if row is None:
        raise absent
    policy.require_writable(policy.can(caller, act, detail_of(row)), absent)
    return row


async def governed(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Any:
    """The caller's own record, locked, for a decision on it: by who approves, or makes.

    Raises AssessmentNotFound, or RoleLacksRight.
    """
    row = await queries.lock_owned(session, assessment_id)
    if row is None:
        raise AssessmentNotFound
    resource = detail_of(row)
    if not policy.can(caller, "approve", resource).allowed:
        policy.require_writable(policy.can(caller, "create", resource), AssessmentNotFound)
    return row
