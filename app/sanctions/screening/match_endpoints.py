"""HTTP of matching in the form of yente, so that its clients work by changing the address.

The conventions of /v1 do not hold here; what screenings must do does: every query is stored and
logged before its answer leaves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Query, Request, Response, Security
from fastapi.security import SecurityScopes
from pydantic_core import to_json

from app.auth.caller import Keys, scheme, verified_token
from app.auth.errors import NotAuthenticated, ScopeMissing
from app.auth.scopes import Scope
from app.auth.streams import Stream, get_stream
from app.core.clock import Now
from app.core.errors import MalformedBody, Unavailable, problem_response, problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.ids import new_secret_id
from app.core.limits import AgencyBusy, RateLimited
from app.core.routing import Router
from app.sanctions.feed import ftm
from app.sanctions.lists.audience import own_stream
from app.sanctions.screening import errors, match, queries, scorer
from app.sanctions.screening.answers import Answer, Found, Prepared, answered
from app.sanctions.screening.lists import Chosen
from app.sanctions.screening.match_schemas import (
    MOST_QUERIES,
    CatalogOut,
    MatchAlgorithmsOut,
    MatchIn,
    MatchOut,
    MatchParams,
    MatchQuery,
)
from app.sanctions.screening.service import Layers
from app.sanctions.screening.statistics import STREAM
from app.sanctions.screening.storing import facts_of, store_group

router = Router(tags=["matching"], route_class=RegistryRoute)
_MOST_RESULTS = 500
_KINDS = frozenset({"token", "apikey"})
_REFUSALS = (NotAuthenticated, ScopeMissing, RateLimited, AgencyBusy, Unavailable)


async def asking(
    request: Request,
    needed: SecurityScopes,
    header: Annotated[str | None, Depends(scheme)],
) -> Stream:
    """Dependency: the caller by an access token, sent as `Bearer`, `Token` or `ApiKey`."""
    kind, _, token = (header or "").partition(" ")
    shown = f"Bearer {token}" if kind.lower() in _KINDS else header
    return await get_stream(request, needed, await verified_token(request, shown))


Asker = Annotated[Stream, Security(asking, scopes=[Scope.SCREENING_RUN.value])]


@router.post(
    "/match/{dataset}",
    operation_id="matchEntities",
    response_model=MatchOut,
    responses=problems(
        *_REFUSALS, MalformedBody, errors.DatasetNotFound, errors.MatchUnfit, errors.ListStale
    ),
    summary="Match entities by example",
)
async def match_entities(
    request: Request,
    dataset: str,
    wanted: MatchIn,
    asker: Asker,
    params: Annotated[MatchParams, Query()],
    keyring: Keys,
    now: Now,
) -> Response:
    """As `POST /match/{dataset}` of yente: at most 100 queries; each is a screening, stored and
    logged.

    Datasets are the streams of the feed the caller may read (`/catalog`); `default` is all that
    counts for it. What cannot be answered as it is meant is refused, for all queries: an empty
    result means that nobody was found. On a required list that is too old that is not said (503).
    """
    _check(wanted, params)
    # Each query counts as a request of the client; one is charged already.
    await asker.pace(len(wanted.queries) - 1)
    async with asker.fast_chunk() as connection:
        row = await connection.fetchrow(queries.FACTS_OF_GROUP, asker.caller.client_id, [], False)
        caller = asker.caller_of(row)
        facts = facts_of(row, caller.agency_code, now)
        chosen = match.Datasets(facts.lists).chosen(dataset, params)
        layers = await request.app.state.screener.layers(connection, facts.seq, facts.lists.own)
        prepared = _prepared(wanted, params, chosen, layers)
        found = await asyncio.to_thread(lambda: [_find(one, params) for one in prepared])
        rows = await _entries(connection, chosen.own_codes, found)
        found = [_changed(hits, rows, match.since(params)) for hits in found]
        pairs = zip(prepared, found, strict=True)
        answers = [answered(one, hits, now) for one, hits in pairs]
        batch = prepared[0].batch_id
        assert batch is not None
        await store_group(connection, keyring, request.scope, caller, answers, batch)
    stale = sorted({one for answer in answers for one in _unsure(answer)})
    if stale:
        refusal = errors.ListStale
        detail = f"Too old, or never imported: {', '.join(stale)}."
        return problem_response(request, refusal.status, refusal.code, refusal.title, detail=detail)
    keyed = zip(wanted.queries.items(), found, strict=True)
    body = {
        "responses": {key: _response(query, hits, rows, params) for (key, query), hits in keyed},
        "limit": params.limit,
    }
    headers = {"X-Batch-Size": str(len(wanted.queries)), "Cache-Control": "private, no-cache"}
    return Response(to_json(body), media_type="application/json", headers=headers)


def _check(wanted: MatchIn, params: MatchParams) -> None:
    """Raises MatchUnfit for what would silently be something else."""
    if not 1 <= len(wanted.queries) <= MOST_QUERIES:
        raise errors.MatchUnfit(f"1 to {MOST_QUERIES} queries are matched at once.")
    if params.algorithm not in ("best", scorer.ALGORITHM):
        raise errors.MatchUnfit(f"The algorithm is {scorer.ALGORITHM}, or best.")
    match.since(params)


def _prepared(
    wanted: MatchIn, params: MatchParams, chosen: Chosen, layers: Layers
) -> list[Prepared]:
    """Raises MatchUnfit."""
    floor, batch = min(params.cutoff, params.threshold), new_secret_id()
    left_out = match.left_out(params)
    return [
        Prepared(
            match.asked_of(query, chosen, params),
            chosen,
            layers,
            batch_id=batch,
            floor=floor,
            left_out=left_out,
        )
        for query in wanted.queries.values()
    ]


def _find(prepared: Prepared, params: MatchParams) -> Found:
    found = [one for one in prepared.find() if match.kept(one[1], params)]
    return found[:_MOST_RESULTS]


async def _entries(
    connection: asyncpg.Connection, own: frozenset[str], found: Sequence[Found]
) -> dict[str, dict[str, Any]]:
    ids = sorted({listed.entry_id for hits in found for _, listed in hits})
    streams = [STREAM, *(own_stream(code) for code in own)]
    rows = await connection.fetch(queries.ENTRIES, streams, ids) if ids else []
    return {
        row["entry_id"]: {
            "stream": row["stream"], "entry": json.loads(row["entry"]), "at": row["at"]
        }
        for row in rows
    }  # fmt: skip


def _changed(found: Found, rows: dict[str, dict[str, Any]], since: datetime | None) -> Found:
    """Those whose entry changed since; one without an entry just left, which is a change."""
    if since is None:
        return found
    return [
        one
        for one in found
        if (row := rows.get(one[1].entry_id)) is None or row["at"] is None or row["at"] >= since
    ]


def _unsure(answer: Answer) -> list[str]:
    return answer.body["stale_sources"] if answer.body["outcome"] == "unknown_stale" else []


def _response(
    query: MatchQuery, found: Found, rows: dict[str, dict[str, Any]], params: MatchParams
) -> dict[str, Any]:
    reached = sum(hit.score >= params.threshold for hit, _ in found)
    return {
        "status": 200,
        "query": query.model_dump(by_alias=True, exclude_none=True),
        "results": [
            match.result(hit, listed, rows.get(listed.entry_id), params.threshold)
            for hit, listed in found[: params.limit]
        ],
        "total": {"value": reached, "relation": "eq"},
    }


@router.get(
    "/catalog",
    operation_id="listMatchDatasets",
    response_model=CatalogOut,
    responses=problems(*_REFUSALS) | {304: {"description": "Not modified"}},
    summary="List datasets to match against",
)
async def list_datasets(request: Request, asker: Asker, now: Now) -> Response:
    """As `/catalog` of yente: the streams of the feed that the caller may match against."""
    async with asker.fast_chunk() as connection:
        row = await connection.fetchrow(queries.FACTS_OF_GROUP, asker.caller.client_id, [], False)
        caller = asker.caller_of(row)
        lists = facts_of(row, caller.agency_code, now).lists
        streams = match.Datasets(lists).streams()
        heads = await connection.fetch(queries.HEADS, list(streams))
    known = {one["stream"]: one for one in heads}
    stale = {one["code"] for one in (*lists.shared, *lists.own) if one["stale"]}
    # Of a stream of many lists those count that every answer needs.
    shown = [
        _dataset(
            stream,
            known.get(stream),
            current=not (codes & stale if stream.startswith("source.") else lists.stale),
        )
        for stream, codes in streams.items()
    ]
    every = [one["name"] for one in shown if len(streams) > 1]
    whole = _dataset(match.DEFAULT, known.get(STREAM), current=not lists.stale)
    shown.insert(0, whole | {"title": "All lists that count for you", "children": every})
    body = to_json(
        {
            "datasets": shown,
            "current": [one["name"] for one in shown if one["index_current"]],
            "outdated": [one["name"] for one in shown if not one["index_current"]],
            "index_stale": bool(lists.stale),
        }
    )
    etag = bytes_etag(body)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    return not_modified(request, etag) or Response(
        body, media_type="application/json", headers=headers
    )


def _dataset(stream: str, head: Any, *, current: bool) -> dict[str, Any]:
    version = ftm.version(head["at"]) if head else None
    return {
        "name": stream if stream == match.DEFAULT else ftm.dataset(stream),
        "title": ftm.title(stream),
        "version": version,
        "index_version": version,
        "index_current": current,
        "load": True,
        "updated_at": match.plain_time(head["at"]) if head else None,
        "entity_count": head["count"] if head else None,
        "children": [],
    }


@router.get(
    "/algorithms",
    operation_id="listMatchAlgorithms",
    response_model=MatchAlgorithmsOut,
    responses=problems(*_REFUSALS),
    summary="List algorithms to match by",
)
async def list_algorithms(asker: Asker) -> dict[str, Any]:
    """As `/algorithms` of yente: there is one."""
    one = {"name": scorer.ALGORITHM, "description": scorer.SCORE, "docs": {}}
    return {"algorithms": [one], "default": scorer.ALGORITHM, "best": scorer.ALGORITHM}
