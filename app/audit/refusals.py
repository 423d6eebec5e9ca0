"""Refusals: whoever is kept from something leaves an event, in a transaction of its own.

The request's transaction is gone by then, and nothing that happens here changes the answer. Only
a caller that we know is logged: nobody can fill the log without a credential. What costs no
credential, and what repeats by the hundred, is logged a few times a minute and counted.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

import structlog
from fastapi import Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import parse_purpose
from app.auth.caller import Caller
from app.core import metrics
from app.core.db import Database, bind_now

log = structlog.get_logger()
_TIMEOUT_S = 2.0
_WINDOW_S, _BURST, _REMEMBERED = 60.0, 5, 10_000
_NAME_LENGTH = 160
_SAMPLED = frozenset({401, 429})
_CLIENT = text("SELECT agency_id, partner_id FROM clients WHERE id = :id")


class Sampler:
    """Lets a few of a kind through in each minute and counts the others."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], list[float]] = {}

    def take(self, client_id: str, code: str) -> int | None:
        """How many of this kind were left out since the last one taken; None: leave this out."""
        now = time.monotonic()
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        # What is no client's name may be long.
        entry = self._seen.setdefault((client_id[:_NAME_LENGTH], code), [now, 0, 0])
        if now - entry[0] >= _WINDOW_S:
            entry[0], entry[1] = now, 0
        if entry[1] >= _BURST:
            entry[2] += 1
            return None
        left_out, entry[2] = int(entry[2]), 0
        entry[1] += 1
        return left_out


class Refusals:
    """The hook that `app.core.errors` calls; one a process."""

    def __init__(self) -> None:
        self._sampler = Sampler()

    async def __call__(self, request: Request, status: int, code: str) -> None:
        """Log one refusal. Never raises: the answer is the same whether this works or not."""
        caller: Caller | None = request.scope.get("identity")
        client_id = caller.client_id if caller else request.scope.get("presented_client")
        if client_id is None:
            _count(code, "anonymous")
            return
        left_out: int | None = 0
        if status in _SAMPLED:
            left_out = self._sampler.take(client_id, code)
            if left_out is None:
                _count(code, "sampled")
                return
        detail = _detail(request, status, code) | ({"left_out": left_out} if left_out else {})
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                known = await _record(request, caller, client_id, detail)
        except Exception as error:  # noqa: BLE001 - see the docstring
            _count(code, "lost")
            log.error("refusal_not_logged", kind=type(error).__name__, code=code)
            return
        _count(code, "known" if known else "anonymous")


def _count(code: str, recorded: str) -> None:
    metrics.refusals_total.labels(code, recorded).inc()
    if recorded == "anonymous":
        log.info("refused", code=code)


def _detail(request: Request, status: int, code: str) -> dict[str, Any]:
    route = request.scope.get("route")
    operation = getattr(route, "operation_id", None) or getattr(route, "path", None)
    return {"code": code, "status": status, "operation": operation}


def _subject(request: Request) -> UUID | None:
    """The first id in the path: for a hidden record and for one that is not, the same."""
    for value in request.scope.get("path_params", {}).values():
        if isinstance(value, UUID):
            return value
        try:
            return UUID(str(value))
        except ValueError:
            continue
    return None


def _purpose(request: Request) -> str | None:
    """The purpose that the request states, if it states one."""
    stated = request.headers.getlist("access-purpose")
    found = parse_purpose(stated[0]) if len(stated) == 1 else None
    return found.purpose.value if found else None


async def _record(
    request: Request, caller: Caller | None, client_id: str, detail: dict[str, Any]
) -> bool:
    """Whether the client is one of ours, and the refusal therefore in the log."""
    database: Database = request.app.state.database
    async with database.session(caller.binding if caller else None) as session:
        for name in ("request_id", "claimed_user"):
            session.info[name] = request.scope.get(name)
        caller = caller or await _former(session, client_id)
        if caller is None:
            return False
        asked_token = detail["code"] == "invalid_client"
        event = Event.TOKEN_REFUSED if asked_token else Event.REQUEST_REFUSED
        # What oversight tries for an investigation is held back as what it does.
        await audit.record(
            session,
            caller,
            event,
            audit.Subject(_subject(request)),
            purpose=_purpose(request),
            **detail,
        )
    return True


async def _former(session: AsyncSession, client_id: str) -> Caller | None:
    """The client as a caller without rights, active or not; the session is bound to it."""
    row = None
    if "\x00" not in client_id:
        row = (await session.execute(_CLIENT, {"id": client_id})).one_or_none()
    if row is None:
        return None
    caller = Caller(row.agency_id, "", client_id, frozenset(), None, row.partner_id)
    await bind_now(session, caller.binding)
    return caller
