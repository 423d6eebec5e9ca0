"""Writing the log: always in the transaction of what it records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.audit.models import AuditEvent
from app.audit.purposes import HELD_PURPOSES
from app.auth.caller import Caller
from app.core.db import NO_AGENCY, NotCommitted
from app.core.ids import new_id


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about; a refusal may be about nothing in particular."""

    id: UUID | None
    owner_agency: UUID | None = None
    partner_id: UUID | None = None


_COLUMNS = (
    *("id", "event", "agency_id", "client_id", "person_id", "office", "role", "subject_id"),
    *("owner_agency", "partner_id", "purpose", "reference", "basis", "request_id"),
    *("claimed_user", "held", "detail"),
)
# The row comes out of the binding, so the policy that looks at it finds it bound.
_INSERT = f"""WITH bound AS MATERIALIZED (
    SELECT set_config('app.agency_id', $1, true) AS agency,
      set_config('app.partner_id', $2, true), set_config('app.oversight', $3, true))
  INSERT INTO audit_events ({", ".join(_COLUMNS)})
  SELECT {", ".join(f"${number}" for number in range(4, 4 + len(_COLUMNS)))}
  FROM bound WHERE bound.agency IS NOT NULL"""  # noqa: S608 - constants
OPERATOR = Caller(NO_AGENCY, "OPERATOR", "operator", frozenset(), None)
"""Who the log names for what the operator does by command: no agency."""


async def record(
    session: AsyncSession,
    caller: Caller | None,
    event: Event,
    subject: Subject,
    *,
    purpose: str | None = None,
    reference: str | None = None,
    basis: str | None = None,
    **detail: Any,
) -> None:
    """Add an event in the caller's transaction: both are stored, or neither.

    ``detail`` holds ids, codes and versions only; never names, texts or scores. ``caller`` is
    None for the system itself.
    """
    why = {"purpose": purpose, "reference": reference, "basis": basis}
    values = _values(session.info, caller, event, subject, why, detail)
    # A plain INSERT without RETURNING: the writer may add to the log, not read all of it.
    await session.execute(insert(AuditEvent).values(**values).inline())


async def record_fast(
    connection: asyncpg.Connection,
    request: Mapping[str, Any],
    caller: Caller,
    event: Event,
    subject: Subject,
    *,
    purpose: str | None = None,
    reference: str | None = None,
    basis: str | None = None,
    **detail: Any,
) -> None:
    """As `record`, by one statement in autocommit that binds itself: stored when this returns.

    ``request`` is the ASGI scope of the request. Raises NotCommitted should nothing be stored.
    """
    why = {"purpose": purpose, "reference": reference, "basis": basis}
    values = _values(request, caller, event, subject, why, detail)
    values["detail"] = json.dumps(detail)
    columns = (values[name] for name in _COLUMNS)
    if await connection.execute(_INSERT, *caller.binding.values, *columns) != "INSERT 0 1":
        raise NotCommitted


def _values(
    request: Mapping[str, Any],
    caller: Caller | None,
    event: Event,
    subject: Subject,
    why: Mapping[str, str | None],
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    """The columns of an event; both ways of writing one have them from here."""
    person = caller.person if caller else None
    of_agency = caller and caller.subject == "agency" and caller.agency_id != NO_AGENCY
    return {
        "id": new_id(),
        "event": event.value,
        "agency_id": caller.agency_id if caller and of_agency else None,
        "client_id": caller.client_id if caller else None,
        "person_id": person.id if person else None,
        "office": person.office if person else None,
        "role": person.role if person else None,
        "subject_id": subject.id,
        "owner_agency": subject.owner_agency,
        "partner_id": subject.partner_id,
        **why,
        "request_id": request.get("request_id"),
        "claimed_user": request.get("claimed_user"),
        "held": bool(caller and caller.oversight and why["purpose"] in HELD_PURPOSES),
        "detail": detail,
    }
