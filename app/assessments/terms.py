"""What shares, standing policies and access requests have in common: legal basis and note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing, agency_scope


class States(Protocol):
    """A body, or a row, that states a legal basis."""

    @property
    def legal_basis(self) -> Any: ...
    @property
    def legal_reference(self) -> str | None: ...
    @property
    def partner_consent_reference(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Basis:
    """On which basis an agency lets another read; names as the columns."""

    legal_basis: str = "agreement"
    legal_reference: str | None = None
    partner_consent_reference: str | None = None

    @classmethod
    def of(cls, stated: States) -> Basis:
        """The basis that a body or a row states."""
        return cls(stated.legal_basis, stated.legal_reference, stated.partner_consent_reference)

    @property
    def columns(self) -> dict[str, str | None]:
        """As the tables store it and the wire shows it."""
        return {
            "legal_basis": self.legal_basis,
            "legal_reference": self.legal_reference,
            "partner_consent_reference": self.partner_consent_reference,
        }


def note_context(table: str, record_id: UUID, owner: UUID) -> str:
    """Encryption context of the note of a share or policy."""
    return f"{table}|{record_id}|note|{owner}"


async def seal_note(
    session: AsyncSession,
    keyring: KeyRing,
    table: str,
    record_id: UUID,
    owner: UUID,
    note: str | None,
) -> bytes | None:
    """The note sealed for its owner; None for none."""
    if note is None:
        return None
    context = note_context(table, record_id, owner)
    return await keyring.seal(session, agency_scope(owner), context, note.encode())


async def opened(session: AsyncSession, keyring: KeyRing, table: str, row: Any) -> dict[str, Any]:
    """A row of shares or policies as it is shown: its note opened, unless it is redacted.

    The row has ``owner_id`` and ``sealed_note``; what begins with neither is shown as it is.
    """
    shown = dict(row._mapping)
    owner, sealed = shown.pop("owner_id"), shown.pop("sealed_note")
    note = None
    if sealed is not None and not shown.pop("redacted", False):
        note = (await keyring.open(session, note_context(table, row.id, owner), sealed)).decode()
    shown.pop("redacted", None)
    return shown | {"note": note}
