"""Comments of partners on statements. Works inside the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth.caller import Caller
from app.core.crypto import KeyRing, partner_scope
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.purpose import stated_purpose
from app.partners.self_service import statements
from app.partners.self_service.access import own_id
from app.partners.self_service.errors import CommentTooLate, StatementUnknown
from app.partners.self_service.models import StatementComment
from app.partners.self_service.schemas import CommentIn, CommentQuery, StatementKind
from app.partners.service import visible_partner

_LIST = text(
    """SELECT c.id, c.partner_id, c.subject_kind, c.subject_id, c.owner_agency, c.made_at, c.sealed
    FROM statement_comments c
    WHERE c.subject_kind = :kind AND c.subject_id = :subject
      AND c.partner_id IN (SELECT partner_lineage(:partner)
        UNION SELECT o.id FROM partners o WHERE o.hq_id = :partner)
      AND (CAST(:at AS timestamptz) IS NULL OR (c.made_at, c.id) < (:at, CAST(:after AS uuid)))
    ORDER BY c.made_at DESC, c.id DESC LIMIT :limit"""
)


def _context(comment_id: UUID) -> str:
    return f"statement_comments|{comment_id}"


async def comment(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    providers: Sequence[statements.Provider],
    kind: StatementKind,
    statement_id: UUID,
    new: CommentIn,
    now: datetime,
) -> dict[str, Any]:
    """Say something beside a statement. Raises StatementUnknown or CommentTooLate."""
    partner_id = own_id(caller)
    row = await statements.find_statement(session, providers, partner_id, kind, statement_id)
    if row is None:
        raise StatementUnknown
    if now.date() > statements.comment_until(row.stated_at):
        raise CommentTooLate
    comment_id = new_secret_id()
    values = {
        "id": comment_id,
        "partner_id": partner_id,
        "subject_kind": kind,
        "subject_id": statement_id,
        "owner_agency": row.owner_id,
        "sealed": await keyring.seal(
            session, partner_scope(), _context(comment_id), new.text.encode()
        ),
        "made_by_client": caller.client_id,
        "made_at": now,
    }
    await session.execute(insert(StatementComment).values(values).inline())
    subject = audit.Subject(comment_id, row.owner_id, partner_id)
    about = {"subject_kind": kind, "statement": str(statement_id)}
    await audit.record(session, caller, Event.STATEMENT_COMMENTED, subject, basis="self", **about)
    kind_of = EventType.STATEMENT_COMMENTED
    await events.publish(session, kind_of, comment_id, row.owner_id, **about)
    shown = ("id", "subject_kind", "subject_id", "made_at")
    return {name: values[name] for name in shown} | {"text": new.text}


async def list_comments(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    query: CommentQuery,
    after: statements.After,
) -> Sequence[Any]:
    """One row more than a page, newest first; row security leaves out what the caller cannot see.

    Raises PartnerNotFound or PartnerMerged.
    """
    if caller.subject == "agency":
        await visible_partner(session, caller, partner_id)
    return await rows_of(session, partner_id, query, after)


async def rows_of(
    session: AsyncSession, partner_id: UUID, query: CommentQuery, after: statements.After
) -> Sequence[Any]:
    """As `list_comments`, for a caller that has been asked already whether it may know."""
    at, after_id = after or (None, None)
    values: dict[str, Any] = {
        "kind": query.subject_kind,
        "subject": query.subject_id,
        "partner": partner_id,
    }
    values |= {"limit": query.limit + 1}
    return (await session.execute(_LIST, values | {"at": at, "after": after_id})).all()


async def disclose(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    rows: Sequence[Any],
    purposes: Sequence[str],
) -> list[dict[str, Any]]:
    """Rows with their texts, and the readings in the log of the same transaction.

    Raises PurposeRequired for an agency where not all of it is about its own statement.
    """
    own = caller.subject == "partner" or all(row.owner_agency == caller.agency_id for row in rows)
    stated = None if own and not purposes else stated_purpose(purposes)
    shown = []
    for row in rows:
        await audit.record(
            session,
            caller,
            Event.STATEMENT_COMMENTS_READ,
            audit.Subject(row.id, row.owner_agency, row.partner_id),
            purpose=stated.purpose if stated else OWN_RECORD,
            reference=stated.reference if stated else None,
            basis="role" if stated else "owner",
        )
        plain = (await keyring.open(session, _context(row.id), row.sealed)).decode()
        facts = {name: getattr(row, name) for name in ("id", "subject_kind", "subject_id")}
        shown.append(facts | {"made_at": row.made_at, "text": plain})
    return shown
