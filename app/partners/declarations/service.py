"""Use cases of declarations. Works inside the caller's transaction and never commits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core import codelists
from app.core.crypto import KeyRing
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import queries as profiles
from app.partners.custody import require_editable
from app.partners.declarations import queries
from app.partners.declarations.errors import (
    AnswersUnfit,
    DeclarationInherited,
    DeclarationNotFound,
    FormOutdated,
)
from app.partners.declarations.models import PartnerDeclaration
from app.partners.declarations.schemas import DeclarationIn
from app.partners.models import Partner
from app.partners.sections import queries as sections
from app.partners.sections import refresh, sealed
from app.partners.sections.completeness import Profile
from app.partners.service import visible_partner

FORM = "declaration_statements"


def wire(row: Row[Any]) -> dict[str, Any]:
    """A row of `queries` as it is served."""
    answers = [{"statement": code, "answer": answer} for code, answer in row.answers.items()]
    return dict(row._mapping) | {"answers": answers}


async def current_declaration(session: AsyncSession, partner_id: UUID) -> Row[Any] | None:
    """The declaration that counts for a profile, its headquarters' if it has one; None: none.

    Its ``accepted`` says whether every answer is yes. For features; asks no rights.
    """
    partner = await profiles.find_partner(session, partner_id)
    if partner is None:
        return None
    return await queries.current(session, partner.id, partner.hq_id)


async def list_declarations(
    session: AsyncSession, caller: Caller, partner_id: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Declarations that the profile stands under, newest first. Raises PartnerNotFound."""
    partner = await visible_partner(session, caller, partner_id)
    rows = await queries.visible_to(session, partner.id, partner.hq_id, after=after, limit=limit)
    return [wire(row) for row in rows]


def _answers(partner: Partner, new: DeclarationIn) -> dict[str, bool]:
    """Raises FormOutdated or AnswersUnfit."""
    if new.form_version != codelists.current(FORM).version:
        raise FormOutdated
    asked = Profile.of(partner.partner_type, partner.hq_id).statements()
    given = {item.statement: item.answer for item in new.answers}
    if len(given) != len(new.answers) or given.keys() != asked:
        raise AnswersUnfit
    return given


async def sign(
    session: AsyncSession, keyring: KeyRing, caller: Caller, partner_id: UUID, new: DeclarationIn
) -> dict[str, Any]:
    """Record a signed declaration; a no is kept and shown, and leaves the profile incomplete.

    Raises PartnerNotFound, EditsFrozen, OwnedByPartner, DeclarationInherited, FormOutdated
    or AnswersUnfit.
    """
    partner = await visible_partner(session, caller, partner_id)
    await refresh.lock(session, partner)
    await require_editable(session, caller, partner.id)
    if partner.hq_id is not None:
        raise DeclarationInherited(partner.hq_id)
    answers = _answers(partner, new)
    declaration_id = new_id()
    values = {
        "id": declaration_id,
        "partner_id": partner_id,
        "form_version": new.form_version,
        "answers": answers,
        "accepted": all(answers.values()),
        "signed_on": new.signed_on,
        "recorded_by": refresh.agency_of(caller),
    }
    await session.execute(insert(PartnerDeclaration).values(values).inline())
    signature = json.dumps([new.signed_by, new.signed_by_title], ensure_ascii=False)
    await sealed.write(
        session, keyring, caller, partner_id, sealed.SIGNATURE, signature, declaration_id
    )
    await refresh.refresh(session, caller, partner)
    # What the headquarters declares holds for its country profiles, from this instant on.
    for office in await sections.locked_offices(session, partner_id):
        await refresh.refresh(session, caller, office)
    await _tell(session, caller, partner_id, declaration_id, values)
    (row,) = await queries.visible_to(session, partner_id, None, declaration_id=declaration_id)
    return wire(row)


async def _tell(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    declaration_id: UUID,
    values: dict[str, Any],
) -> None:
    about: dict[str, Any] = {"form_version": values["form_version"], "accepted": values["accepted"]}
    basis = "self" if caller.subject == "partner" else "on_behalf"
    subject = audit.Subject(declaration_id, partner_id=partner_id)
    await audit.record(session, caller, Event.DECLARATION_SIGNED, subject, basis=basis, **about)
    await events.publish(
        session,
        EventType.DECLARATION_SIGNED,
        declaration_id,
        refresh.agency_of(caller),
        partner_id=str(partner_id),
        **about,
    )


async def read_signature(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    declaration_id: UUID,
    purpose_headers: Sequence[str],
) -> dict[str, Any]:
    """Who signed, with the reading in the log.

    Raises PartnerNotFound, DeclarationNotFound, then PurposeRequired.
    """
    partner = await visible_partner(session, caller, partner_id)
    rows = await queries.visible_to(
        session, partner.id, partner.hq_id, declaration_id=declaration_id
    )
    if not rows:
        raise DeclarationNotFound
    signer = await profiles.find_partner(session, rows[0].partner_id)
    assert signer is not None
    _, words = await sealed.read(
        session,
        keyring,
        caller,
        signer,
        (sealed.SIGNATURE, declaration_id),
        purpose_headers,
        Event.DECLARATION_SIGNATURE_READ,
        DeclarationNotFound,
    )
    name, title = json.loads(words)
    return {
        "declaration_id": declaration_id,
        "signed_by": name,
        "signed_by_title": title,
        "signed_on": rows[0].signed_on,
    }
