"""Who reads a finding: exactly who may read the detail of its assessment, and as that is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, queries
from app.assessments.errors import PurposeNotShared, PurposeRequired
from app.assessments.findings import queries as findings
from app.assessments.findings.errors import FindingNotFound
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import ContentRedacted
from app.audit.purposes import OWN_RECORD, StatedPurpose, parse_purpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.errors import NotFound
from app.partners.visibility import sees_protected


@dataclass(frozen=True, slots=True)
class Admission:
    """A reader who passed: the assessment's row, the purpose unless it is its own, the reason."""

    row: Any
    stated: StatedPurpose | None
    decision: policy.Decision


async def admit(
    session: AsyncSession,
    caller: Caller,
    assessment_id: UUID,
    purpose_headers: Sequence[str],
    absent: type[NotFound],
) -> Admission:
    """Let the caller read what belongs to the detail, as `app.assessments.detail` does.

    Raises ``absent``, ContentRedacted, then PurposeRequired or PurposeNotShared, in this order.
    """
    row = await queries.read_detail(session, assessment_id, holder=sees_protected(caller))
    if row is None:
        raise absent
    # Two headers would leave open which one the log should believe.
    stated = parse_purpose(purpose_headers[0]) if len(purpose_headers) == 1 else None
    resource = access.detail_of(row, access.shares_of(row))
    decision = policy.can(caller, "read", resource, stated.purpose if stated else None)
    policy.require_readable(decision, absent)
    if row.redacted:
        raise ContentRedacted
    if row.own:
        return Admission(row, None, decision)
    if stated is None and (purpose_headers or not decision.allowed):
        raise PurposeRequired
    if not decision.allowed:
        raise PurposeNotShared
    return Admission(row, stated, decision)


async def log_reading(
    session: AsyncSession, caller: Caller, admitted: Admission, **about: Any
) -> None:
    """Put the reading into the log of the assessment's detail, where its owner looks."""
    row, stated = admitted.row, admitted.stated
    if admitted.decision.share is not None:
        about["share_id"] = str(admitted.decision.share.id)
    await audit.record(
        session,
        caller,
        Event.ASSESSMENT_DETAIL_READ,
        audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id),
        purpose=OWN_RECORD if row.own else stated.purpose if stated else None,
        reference=stated.reference if stated else None,
        basis=admitted.decision.basis,
        version=row.version,
        **about,
    )


async def owned(session: AsyncSession, caller: Caller, finding_id: UUID) -> Any:
    """The caller's own finding, locked. Raises FindingNotFound or RoleLacksRight."""
    seen = await findings.find(session, finding_id)
    if seen is None:
        raise FindingNotFound
    await access.owned(session, caller, seen.assessment_id, "create", FindingNotFound)
    row = await findings.lock(session, finding_id)
    if row is None:
        raise FindingNotFound
    return row
