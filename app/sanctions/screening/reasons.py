"""Reasons of the decisions that cleared a hit: RESTRICTED, so read for a purpose and logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import StatedPurpose
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.db import Fields
from app.sanctions.matches import access
from app.sanctions.matches.texts import decision_context
from app.sanctions.screening import queries
from app.sanctions.screening.answers import Answer


async def with_reasons(
    connection: asyncpg.Connection,
    keys: KeyRing,
    request: Mapping[str, Any],
    caller: Caller,
    answer: Answer,
    stated: StatedPurpose | None,
) -> dict[str, Any]:
    """The body with reasons in the hits that were decided, where the caller stated a purpose and
    may read decisions; their authors see in the log who read them.

    They leave with this answer alone: what is stored has none, so that a redaction reaches all.
    """
    ids = [UUID(hit["decision"]["decision_id"]) for hit in answer.body["hits"] if hit["decision"]]
    if stated is None or not ids or not access.may_read(caller):
        return answer.body
    reasons: dict[str, str] = {}
    for row in await connection.fetch(queries.REASONS, ids):
        opened = await keys.open(connection, decision_context("sealed", Fields(row)), row["sealed"])
        reasons[str(row["id"])] = opened.decode()
        subject = audit.Subject(UUID(str(row["match_id"])), UUID(str(row["owner_agency"])))
        await audit.record_fast(
            connection,
            request,
            caller,
            Event.MATCH_REASON_READ,
            subject,
            purpose=stated.purpose,
            reference=stated.reference,
            basis="role",
            decisions=[str(row["id"])],
        )
    return answer.body | {"hits": [_with(hit, reasons) for hit in answer.body["hits"]]}


def _with(hit: dict[str, Any], reasons: Mapping[str, str]) -> dict[str, Any]:
    decision = hit["decision"]
    if decision is None:
        return hit
    return hit | {"decision": decision | {"reason": reasons.get(decision["decision_id"])}}
