"""Reading findings: of one assessment, one, a list, and the counts that every agency may know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.detail import permitted, record_reading
from app.assessments.findings import queries, wire
from app.assessments.findings.errors import FindingNotFound
from app.assessments.findings.schemas import FindingFilter
from app.assessments.types.assurance_parts import BANDS
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.partners import service as partners
from app.partners.errors import PartnerNotFound
from app.partners.visibility import sees_protected

_REPORT, _SUMMARY = "ASSURE_REPORT", "ASSURE_SUMMARY"
After = tuple[datetime, UUID] | None


async def of_assessment(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    assessment_id: UUID,
    purpose_headers: Sequence[str],
    after: Sequence[Any] | None,
    limit: int,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Findings of an assessment with their texts, and the totals; the reading is in the log.

    Raises AssessmentNotFound, ContentRedacted, PurposeRequired or PurposeNotShared.
    """
    permit = await permitted(session, caller, assessment_id, purpose_headers)
    rows = await queries.of_assessment(session, assessment_id, after, limit)
    event = Event.ASSESSMENT_DETAIL_READ  # where its owner looks
    await record_reading(session, caller, permit, event, findings=len(rows))
    shown = await wire.opened(session, keyring, rows)
    return shown, await queries.totals(session, assessment_id)


async def one(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    finding_id: UUID,
    purpose_headers: Sequence[str],
) -> dict[str, Any]:
    """A finding with all that came of it; the reading is in the log.

    Raises FindingNotFound, PurposeRequired or PurposeNotShared.
    """
    row = await queries.find(session, finding_id)
    if row is None:
        raise FindingNotFound
    permit = await permitted(session, caller, row.assessment_id, purpose_headers, FindingNotFound)
    event = Event.ASSESSMENT_DETAIL_READ
    await record_reading(session, caller, permit, event, finding=str(finding_id))
    return await wire.with_history(session, keyring, row)


async def list_findings(
    session: AsyncSession, caller: Caller, filters: FindingFilter, after: After
) -> list[Any]:
    """One row more than a page, newest first: the own agency's, and those open to every agency.

    Neither text nor amount is in it. Nothing for roles that read no findings.
    """
    if not policy.has_right(caller, "read", _REPORT):
        return []
    wanted = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    return list(
        await queries.list_findings(
            session,
            wanted,
            after,
            filters.limit + 1,
            levels=[level for level in policy.RANK if policy.reaches(caller, level)],
            holder=sees_protected(caller),
        )
    )


async def summary(session: AsyncSession, caller: Caller, partner_id: UUID) -> dict[str, Any]:
    """Counts and bands of the findings about a partner, of every agency that made some.

    Raises PartnerNotFound or PartnerMerged.
    """
    partner = await partners.visible_partner(session, caller, partner_id)
    about = policy.Resource(_SUMMARY, None, "INTER_AGENCY", partner.country)
    policy.require_readable(policy.can(caller, "summary", about), PartnerNotFound)
    deep = policy.reaches(caller, "AGENCY_ONLY")
    rows = await queries.summary(session, partner.id, deep=deep)
    oldest = [row.oldest_open_high_on for row in rows if row.oldest_open_high_on is not None]
    return {
        "partner_id": partner.id,
        **{
            name: sum(getattr(row, name) for row in rows)
            for name in ("open_findings", "open_high", "overdue")
        },
        "oldest_open_high_on": min(oldest, default=None),
        "bands_version": BANDS.version,
        "agencies": [dict(row._mapping) for row in rows],
    }


async def open_high_findings(session: AsyncSession, partner_id: UUID, *, deep: bool = False) -> int:
    """How many findings of high priority about a partner, or what was merged into it, are open.

    For recognition: of every agency's reports that the bound agency may know of; ``deep``: also of
    its own AGENCY_ONLY ones, for a client that may handle those.
    """
    rows = await queries.summary(session, partner_id, deep=deep)
    return sum(row.open_high for row in rows)


async def unsupported_bands(
    session: AsyncSession, partner_id: UUID, *, deep: bool = False
) -> dict[str, str]:
    """How much is still unsupported about a partner, as a band by the code of the owner agency.

    For recognition, as `open_high_findings`; an agency without findings is not in it.
    """
    rows = await queries.summary(session, partner_id, deep=deep)
    return {row.owner_agency: row.pending_unsupported_band for row in rows}
