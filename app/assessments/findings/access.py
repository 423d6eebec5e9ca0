"""Who changes a finding: whoever may make its assessment. Reading is that of the detail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access
from app.assessments.findings import queries as findings
from app.assessments.findings.errors import FindingNotFound
from app.auth.caller import Caller


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
