"""Why something was done to an assessment: sealed, for its owner alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.life_cycle.models import AssessmentNote
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_secret_id


def seal_context(note_id: UUID, owner: UUID) -> str:
    """Encryption context of a note."""
    return f"assessment_notes|{note_id}|{owner}"


async def write(
    session: AsyncSession, keyring: KeyRing, caller: Caller, row: Any, kind: str, text: str
) -> None:
    """Add a note to the caller's own record, a row of `queries.COLUMNS`."""
    note_id = new_secret_id()
    sealed = await keyring.seal(
        session,
        agency_scope(caller.agency_id),
        seal_context(note_id, caller.agency_id),
        text.encode(),
    )
    await session.execute(
        insert(AssessmentNote).values(
            id=note_id,
            assessment_id=row.id,
            owner_agency=caller.agency_id,
            kind=kind,
            sealed=sealed,
            written_by=caller.person.id if caller.person else None,
        )
    )


async def read(
    session: AsyncSession, keyring: KeyRing, assessment_id: UUID
) -> list[dict[str, Any]]:
    """Notes of the bound agency's own record, oldest first."""
    found = await session.execute(
        select(AssessmentNote)
        .where(AssessmentNote.assessment_id == assessment_id)
        .order_by(AssessmentNote.written_at, AssessmentNote.id)
    )
    return [
        {
            "id": note.id,
            "kind": note.kind,
            "text": (
                await keyring.open(session, seal_context(note.id, note.owner_agency), note.sealed)
            ).decode(),
            "written_at": note.written_at,
        }
        for note in found.scalars()
    ]
