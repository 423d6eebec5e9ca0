"""RESTRICTED texts that a partner gave: sealed under the partners' key, read for a purpose."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.purposes import parse_purpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, partner_scope
from app.core.errors import NotFound
from app.core.ids import new_secret_id
from app.partners.models import Partner
from app.partners.sections import queries
from app.partners.sections.models import PartnerSealedText
from app.partners.sections.refresh import agency_of

REASON = "registration_reason"
SIGNATURE = "declaration_signature"


def _context(text_id: UUID, partner_id: UUID, kind: str) -> str:
    return f"partner_sealed_texts|{text_id}|{partner_id}|{kind}"


async def write(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    kind: str,
    text: str,
    subject_id: UUID | None = None,
) -> None:
    """Add a text; an empty one takes the one before back."""
    text_id = new_secret_id()
    context = _context(text_id, partner_id, kind)
    values = {
        "id": text_id,
        "partner_id": partner_id,
        "kind": kind,
        "subject_id": subject_id,
        "sealed": await keyring.seal(session, partner_scope(), context, text.encode()),
        "written_by": agency_of(caller),
    }
    await session.execute(insert(PartnerSealedText).values(values).inline())


async def read(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner: Partner,
    wanted: tuple[str, UUID | None],
    purpose_headers: Sequence[str],
    event: Event,
    absent: type[NotFound],
) -> tuple[PartnerSealedText, str]:
    """The newest text of a kind and subject (``wanted``), with the reading in the log.

    ``partner`` is one that the caller may know of. Raises ``absent`` for a caller whose role does
    not read people's data and where there is no text, then PurposeRequired.
    """
    decision = policy.can(caller, "read", policy.Resource("PEOPLE", country=partner.country))
    policy.require_readable(decision, absent)
    row = await queries.sealed_text(session, partner.id, *wanted)
    text = ""
    if row is not None:
        context = _context(row.id, partner.id, row.kind)
        text = (await keyring.open(session, context, row.sealed)).decode()
    if row is None or not text:
        raise absent
    # Two headers would leave open which one the log should believe.
    stated = parse_purpose(purpose_headers[0]) if len(purpose_headers) == 1 else None
    if stated is None:
        raise PurposeRequired
    await audit.record(
        session,
        caller,
        event,
        audit.Subject(row.id, partner_id=partner.id),
        purpose=stated.purpose,
        reference=stated.reference,
        basis="role",
    )
    return row, text
