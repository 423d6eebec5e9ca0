"""HTTP of screening."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Request, Response
from pydantic_core import to_json

from app.audit.events import Event
from app.audit.purposes import is_held
from app.auth.caller import Caller, FastWriter, caller_from, requires_fast_once
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.crypto import agency_scope
from app.core.db import DatabaseDep
from app.core.http import RegistryRoute
from app.core.ids import new_id, new_secret_id
from app.core.names import ALGORITHM, Subject
from app.core.routing import Router
from app.sanctions.lists.freshness import own_lists, required_stale
from app.sanctions.screening import queries
from app.sanctions.screening.schemas import ScreeningIn, ScreeningOut
from app.sanctions.screening.service import Layers, Screener

router = Router(prefix="/screenings", tags=["screening"], route_class=RegistryRoute)
Runner = Annotated[FastWriter, requires_fast_once(Scope.SCREENING_RUN)]


@router.post(
    "",
    status_code=201,
    operation_id="screen",
    response_model=ScreeningOut,
    summary="Screen a name",
)
async def run_screening(
    request: Request, wanted: ScreeningIn, writer: Runner, database: DatabaseDep, now: Now
) -> Response:
    """Screen a person or organisation against the shared list. Stored and logged."""
    screener: Screener = request.app.state.screener
    async with database.fast_write(writer.agency_id) as connection:
        row = await connection.fetchrow(queries.FACTS, writer.token.client_id, *writer.key.args)
        caller = caller_from(request, writer.token, row, Scope.SCREENING_RUN)
        await writer.key.check(writer.keys, connection, row)
        own = own_lists(json.loads(row["own_lists"]), now)
        layers = await screener.layers(connection, row["seq_to"], own)
        stale = required_stale(json.loads(row["sources"]), now)
        answer = _answer(layers, wanted, stale, own)
        body = to_json(answer)
        await _store(connection, writer, caller, request, wanted, answer, body)
    return Response(body, status_code=201, media_type="application/json")


def _answer(
    layers: Layers, wanted: ScreeningIn, stale: list[str], own: list[dict[str, Any]]
) -> dict[str, Any]:
    subject = Subject(**wanted.subject.model_dump())
    hits = [
        {
            "entry_id": listed.entry_id,
            "source": listed.source,
            "reference": listed.reference,
            "caption": listed.caption,
            "score": hit.score,
            "explanation": hit.explanation,
        }
        for hit, listed in layers.screen(subject, wanted.threshold)
    ]
    outcome = "potential_match" if hits else "unknown_stale" if stale else "no_hit"
    return {
        "screening_id": new_secret_id(),
        "list_version": layers.seq,
        "algorithm": ALGORITHM,
        "threshold": wanted.threshold,
        "outcome": outcome,
        "stale_sources": stale,
        "own_lists": own,
        "hits": hits,
    }


def _used(own: list[dict[str, Any]]) -> str:
    return to_json([{"code": one["code"], "version": one["version"]} for one in own]).decode()


async def _store(
    connection: Any,
    writer: FastWriter,
    caller: Caller,
    request: Request,
    wanted: ScreeningIn,
    answer: dict[str, Any],
    body: bytes,
) -> None:
    scope = agency_scope(caller.agency_id)
    screening_id = answer["screening_id"]
    person = caller.person
    await connection.execute(
        queries.STORE,
        screening_id,
        caller.agency_id,
        caller.client_id,
        answer["algorithm"],
        answer["threshold"],
        answer["list_version"],
        answer["outcome"],
        [hit["entry_id"] for hit in answer["hits"]],
        await writer.keys.seal(
            connection, scope, f"screenings|{screening_id}|{caller.agency_id}", to_json(wanted)
        ),
        new_id(),
        Event.SCREENED.value,
        person.id if person else None,
        person.office if person else None,
        person.role if person else None,
        request.scope["request_id"],
        to_json({"outcome": answer["outcome"], "list_version": answer["list_version"]}).decode(),
        writer.key.route,
        writer.key.key,
        writer.key.fingerprint,
        '{"content-type": "application/json"}',
        await writer.keys.seal(connection, scope, writer.key.context, body),
        wanted.purpose.value if wanted.purpose else None,
        is_held(caller.oversight, wanted.purpose),
        _used(answer["own_lists"]),
    )
