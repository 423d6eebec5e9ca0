"""Redaction of what agencies wrote beside a measure.

What it means: `app.audit.exceptions.redaction`. The reasons of an act on it, of its lift and of a
recognition, and the note beside a condition: each for the agency whose person wrote it. The
measure stands, and so does what was decided about it.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions import queries as exceptions
from app.audit.exceptions.redaction import Target
from app.auth import policy
from app.auth.caller import Caller
from app.events.redacting import Find
from app.sanctions.entries import errors

# A text is known by the id of the act, condition or recognition; the lift's by that of the measure.
_TEXT = text(
    """SELECT t.kind, t.written, e.partner_id FROM (
      SELECT 'entry_act' AS kind, a.id, a.entry_id,
          length(a.sealed) + coalesce(length(a.sealed_decision), 0) > 0 AS written
        FROM sanction_entry_acts a
      UNION ALL SELECT 'entry_condition', c.id, c.entry_id, length(c.sealed) > 0
        FROM sanction_conditions c WHERE c.sealed IS NOT NULL
      UNION ALL SELECT 'entry_recognition', r.id, r.entry_id, NOT r.redacted
        FROM sanction_recognitions r
      UNION ALL SELECT 'entry_lift', n.id, n.id, length(n.sealed_end_reason) > 0
        FROM sanction_entries n WHERE n.sealed_end_reason IS NOT NULL
    ) t JOIN sanction_entries e ON e.id = t.entry_id
    WHERE t.id = :text AND t.entry_id = :entry AND own_record(t.kind, t.id)"""
)


async def _words(session: AsyncSession, caller: Caller, entry_id: UUID, text_id: UUID) -> Target:
    """Words of the caller's own agency beside a measure. Raises EntryTextNotFound."""
    values = {"entry": entry_id, "text": text_id}
    row = (await session.execute(_TEXT, values)).one_or_none()
    if row is None:
        raise errors.EntryTextNotFound
    # All agencies read why one recognised a measure; the rest is the agency's own.
    level = "INTER_AGENCY" if row.kind == "entry_recognition" else "AGENCY_ONLY"
    if not policy.reaches(caller, level):
        raise errors.EntryTextNotFound
    if not row.written and await exceptions.live_redaction(session, text_id) is None:
        raise errors.EntryTextNotFound
    return Target(row.kind, text_id, entry_id, row.partner_id, row.written)


async def words(entry_id: UUID, text_id: UUID) -> Find:
    """Own words beside a measure; raises EntryTextNotFound."""
    return partial(_words, entry_id=entry_id, text_id=text_id)
