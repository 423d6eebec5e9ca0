"""Redaction of an assessment's detail, of the note of a share, of the texts of an access request;
what it means: `app.audit.exceptions.redaction`.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access_requests, queries
from app.assessments.errors import AssessmentNotFound, ShareNotFound
from app.audit.exceptions.redaction import Target
from app.auth import policy
from app.auth.caller import Caller
from app.events.redacting import Find


async def detail(assessment_id: UUID) -> Find:
    """The detail of an own assessment; raises AssessmentNotFound."""
    return partial(_detail, assessment_id=assessment_id)


async def note(assessment_id: UUID, share_id: UUID) -> Find:
    """The note of a share that the caller's agency gave; raises AssessmentNotFound or
    ShareNotFound.
    """
    return partial(_note, assessment_id=assessment_id, share_id=share_id)


async def request_texts(request_id: UUID) -> Find:
    """The texts of an access request that the caller's agency sent or received: whoever asked may
    hide its own, the owner of the assessment both. Raises AccessRequestNotFound.
    """
    return partial(_request_texts, request_id=request_id)


async def _detail(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Target:
    row = await _own(session, caller, assessment_id)
    return Target("assessment", row.id, row.id, row.partner_id)


async def _note(
    session: AsyncSession, caller: Caller, assessment_id: UUID, share_id: UUID
) -> Target:
    row = await _own(session, caller, assessment_id)
    if not await queries.own_share(session, assessment_id, share_id):
        raise ShareNotFound
    return Target("share", share_id, row.id, row.partner_id)


async def _request_texts(session: AsyncSession, caller: Caller, request_id: UUID) -> Target:
    row = await access_requests.find(session, caller, request_id)
    return Target("access_request", row.id, row.assessment_id, row.partner_id)


async def _own(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Any:
    row = await queries.lock_owned(session, assessment_id)
    # An emergency needs no right to the content, but the record must not look absent to the caller.
    if row is None or not policy.reaches(caller, row.level):
        raise AssessmentNotFound
    if not policy.within(caller, row.country):
        raise AssessmentNotFound
    return row
