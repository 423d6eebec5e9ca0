"""Filing the lines of a chunk, each as `POST /v1/assessments` would. In the caller's transaction.

Each line has a savepoint: what is wrong with one keeps no other from being filed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import service
from app.assessments.bulk.lines import Entry
from app.assessments.bulk.schemas import PartnerRef
from app.assessments.life_cycle import overlaps
from app.auth.caller import Caller
from app.auth.errors import ScopeMissing
from app.auth.scopes import Scope
from app.core.crypto import KeyRing
from app.core.errors import Conflict, FieldError, InvalidRequest, NotFound, ServiceError, sqlstate
from app.core.idempotency import IdempotencyKeyReused, IdempotencyRecord, LineKeys
from app.partners import service as partners
from app.partners.identifiers.resolve import resolve
from app.partners.identifiers.schemas import ResolveQuery

ROUTE = "/v1/assessments/bulk"
Refusals = set[tuple[int, str]]


class _Chunk:
    """What the lines of one chunk share."""

    def __init__(
        self, session: AsyncSession, keyring: KeyRing, caller: Caller, today: date
    ) -> None:
        self.session, self.keyring, self.caller, self.today = session, keyring, caller, today
        self.keys = LineKeys(caller.agency_id, caller.client_id, ROUTE)
        self.refusals: Refusals = set()
        self.filed: dict[str, Entry] = {}
        self._found: dict[PartnerRef, UUID] = {}

    async def file(self, entry: Entry) -> bool:
        """File one line, or say why not; then nothing of it is stored. Whether it was filed."""
        assert entry.new is not None
        try:
            async with self.session.begin_nested():
                if entry.identifier is not None:
                    entry.new.partner_id = await self._resolved(entry.identifier)
                made = await service.file_assessment(
                    self.session, self.keyring, self.caller, entry.new, self.today
                )
                warnings = await overlaps.overlaps(
                    self.session, self.caller, made["partner_id"], made["type"]
                )
        except ServiceError as error:
            self._refuse(entry, error)
        except DBAPIError as error:
            self._refuse(entry, _explained(error))
        else:
            entry.status = "created"
            names = ("version", "rating")
            entry.filed = {"assessment_id": made["id"]} | {name: made[name] for name in names}
            entry.filed["warnings"] = warnings or None
            return True
        return False

    def _refuse(self, entry: Entry, error: ServiceError) -> None:
        if error.refusal:
            self.refusals.add((error.status, error.code))
        pointer = "/identifier" if entry.identifier is not None else "/partner_id"
        entry.refuse(error, pointer if error.status in (404, 409) else "")

    async def _resolved(self, wanted: PartnerRef) -> UUID:
        """The partner that carries the identifier. Raises as `GET /v1/partners/resolve` does."""
        known = self._found.get(wanted)
        if known is not None:
            return known
        if Scope.PARTNERS_READ not in self.caller.scopes:
            raise ScopeMissing(Scope.PARTNERS_READ)
        try:
            found = await resolve(
                self.session, self.caller, ResolveQuery.model_validate(wanted.model_dump())
            )
        except InvalidRequest as error:
            raise InvalidRequest(errors=[_here(one) for one in error.errors]) from None
        await partners.visible_partner(self.session, self.caller, found.partner_id)
        self._found[wanted] = found.partner_id
        return found.partner_id


def _here(error: FieldError) -> FieldError:
    pointer = "/identifier/" + error.pointer.removeprefix("query:")
    return error.model_copy(update={"pointer": pointer})


def _explained(error: DBAPIError) -> ServiceError:
    """A refusal of the database as the edge would say it; what is not the line's fault is raised
    again and ends the stream."""
    state = sqlstate(error) or ""
    if state == "42501":
        return NotFound()
    if state in ("23505", "23503", "23P01"):
        return Conflict()
    if state == "23514" or state.startswith("22"):
        return InvalidRequest()
    raise error


async def file_chunk(
    session: AsyncSession, keyring: KeyRing, caller: Caller, entries: Sequence[Entry], today: date
) -> Refusals:
    """File the lines of one chunk that are not settled yet; what of it must be logged as refused.

    A line whose id was used before is not filed again: with the same contents it is unchanged.
    """
    chunk = _Chunk(session, keyring, caller, today)
    open_ = [entry for entry in entries if entry.id is not None]
    held = await chunk.keys.held(session, [entry.id for entry in open_ if entry.id])
    for entry in open_:
        assert entry.id is not None
        before, twin = held.get(entry.id), chunk.filed.get(entry.id)
        if before is not None:
            await _again(chunk, entry, before)
        elif twin is not None:
            _repeated(entry, twin.fingerprint, twin.filed)
        elif entry.status is None and await chunk.file(entry):
            chunk.filed[entry.id] = entry
    done = [(key, entry.fingerprint, _kept(entry.filed)) for key, entry in chunk.filed.items()]
    await chunk.keys.keep(session, keyring, done)
    return chunk.refusals


async def _again(chunk: _Chunk, entry: Entry, before: IdempotencyRecord) -> None:
    answer = await chunk.keys.answer(chunk.session, chunk.keyring, before)
    _repeated(entry, before.fingerprint, json.loads(answer))


def _repeated(entry: Entry, fingerprint: bytes, filed: dict[str, Any]) -> None:
    if entry.fingerprint != fingerprint:
        entry.refuse(IdempotencyKeyReused(), "/id")
    else:
        entry.status, entry.code, entry.errors = "unchanged", None, []
        entry.filed = {"assessment_id": filed["assessment_id"], "version": filed["version"]}


def _kept(filed: dict[str, Any]) -> bytes:
    return to_json({name: filed[name] for name in ("assessment_id", "version")})
