"""HTTP of screening one subject, and of stored screenings."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request, Response
from pydantic_core import to_json

from app.audit.purposes import parse_purpose
from app.auth.bound import replaying
from app.auth.caller import (
    Caller,
    FastWriter,
    Keys,
    caller_from,
    requires,
    requires_fast_once,
    requires_once,
)
from app.auth.scopes import Scope
from app.core.clock import Now, rfc3339
from app.core.db import DatabaseDep, Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.sanctions.matches.rescreen import raw
from app.sanctions.screening import errors, queries, reading, scorer
from app.sanctions.screening.answers import answered, prepare
from app.sanctions.screening.reasons import with_reasons
from app.sanctions.screening.rerun import Tools, run_again
from app.sanctions.screening.rules import RULES
from app.sanctions.screening.schemas import ScreeningIn, ScreeningOut
from app.sanctions.screening.service import Screener
from app.sanctions.screening.stored_schemas import (
    AlgorithmsOut,
    RerunIn,
    RerunOut,
    ScreeningFilter,
    ScreeningItem,
    ScreeningRecord,
)
from app.sanctions.screening.storing import facts_of, location, named, store_one

router = Router(prefix="/screenings", tags=["screening"], route_class=RegistryRoute)
Runner = Annotated[FastWriter, requires_fast_once(Scope.SCREENING_RUN)]
Reader = Annotated[Caller, requires(Scope.SCREENING_RUN)]
Again = Annotated[Caller, requires_once(Scope.SCREENING_RUN)]
Purpose = Annotated[
    str | None,
    Header(description='for reasons of decisions: `AUDIT; ref="AUD-2026-1"`', max_length=120),
]


@router.post(
    "",
    status_code=201,
    operation_id="screen",
    response_model=ScreeningOut,
    responses=problems(errors.ListUnknown, PartnerNotFound),
    summary="Screen a name",
)
async def run_screening(
    request: Request,
    wanted: ScreeningIn,
    writer: Runner,
    database: DatabaseDep,
    now: Now,
    access_purpose: Purpose = None,
) -> Response:
    """Screen a person or organisation against the shared list and the own ones. Stored and logged.

    Hits are a `potential_match` even when a list is stale. With `partner_id` a hit that was
    decided to be no match is shown as cleared: by the caller's agency, or by one whose decisions
    it takes over.
    """
    screener: Screener = request.app.state.screener
    sees_all = Scope.PARTNERS_PROTECTED.value in writer.token.scopes
    asked = (writer.token.client_id, writer.key.route, writer.key.key, named([wanted]), sees_all)
    stated = parse_purpose(access_purpose) if access_purpose else None

    async def attempt() -> Response:
        # Reasons of decisions are RESTRICTED: their reading is logged in the same transaction.
        bound = database.fast_write(writer.agency_id) if stated else database.fast_read()
        async with bound as connection:
            row = await connection.fetchrow(queries.FACTS, *asked)
            caller = caller_from(request, writer.token, row, Scope.SCREENING_RUN)
            await writer.key.check(writer.keys, connection, row)
            facts = facts_of(row, caller.agency_code, now)
            layers = await screener.layers(connection, facts.seq, facts.lists.own)
            prepared = prepare(wanted, facts, layers)
            answer = answered(prepared, prepared.find(), now)
            shown = await with_reasons(
                connection, writer.keys, request.scope, caller, answer, stated
            )
            await store_one(connection, request.scope, writer, caller, answer)
        headers = {"Location": location(answer)}
        body = to_json(shown)
        return Response(body, status_code=201, media_type="application/json", headers=headers)

    return await replaying(attempt)


@router.get(
    "",
    operation_id="listScreenings",
    response_model=Page[ScreeningItem],
    responses=problems(CursorInvalid),
    summary="List the own screenings",
)
async def list_screenings(
    request: Request,
    caller: Reader,
    session: Session,
    filters: Annotated[ScreeningFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Screenings of the own agency, newest first, without names."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    wanted = filters.model_dump(exclude={"limit", "cursor"})
    rows = list(
        await reading.list_screenings(session, caller, wanted, pager.after, filters.limit + 1)
    )
    rows, following = pager.page(rows, lambda row: [rfc3339(row.at), str(row.id)], response)
    return {"items": [reading.item_of(row) for row in rows], "next_cursor": following}


@router.get(
    "/algorithms",
    operation_id="listScreeningAlgorithms",
    response_model=AlgorithmsOut,
    summary="Read how names are compared, and who may be screened",
)
async def list_algorithms(
    request: Request, caller: Reader, database: DatabaseDep
) -> dict[str, Any]:
    """Algorithm, default threshold, what the score means; roles of subjects and terms of use."""
    pairs = await request.app.state.screener.pairs(database)
    return {
        "items": [
            {
                "name": scorer.ALGORITHM,
                "default_threshold": scorer.DEFAULT_THRESHOLD,
                "statistics_version": pairs.statistics.version,
                "score": scorer.SCORE,
                "uses": list(scorer.USES),
            }
        ],
        "default": scorer.ALGORITHM,
        "roles": [{"role": role, "title": title} for role, title in RULES.roles.items()],
        "terms": RULES.terms,
        "rules_version": RULES.version,
    }


@router.get(
    "/{screening_id}",
    operation_id="getScreening",
    response_model=ScreeningRecord,
    responses=problems(errors.ScreeningNotFound),
    summary="Read an own screening",
)
async def get_screening(
    screening_id: UUID, caller: Reader, session: Session, keyring: Keys
) -> dict[str, Any]:
    """The answer as it was given, with who was screened until that is erased. Logged."""
    return await reading.read(session, keyring, caller, screening_id)


@router.post(
    "/{screening_id}/rerun",
    operation_id="rerunScreening",
    response_model=RerunOut,
    responses=problems(
        errors.ScreeningNotFound,
        errors.SubjectErased,
        errors.ListVersionGone,
        errors.AlgorithmGone,
        errors.RerunUnfit,
        errors.ListUnknown,
        PartnerNotFound,
    ),
    summary="Run a screening again",
)
async def rerun_screening(
    request: Request,
    screening_id: UUID,
    wanted: RerunIn,
    caller: Again,
    session: Session,
    keyring: Keys,
    now: Now,
) -> dict[str, Any]:
    """The same subject against the lists of then, which must say the same, or against the present.

    A run against the present is stored as a screening of its own.
    """
    screener: Screener = request.app.state.screener
    tools = Tools(await raw(session), keyring, screener, request.scope, now)
    return await run_again(session, caller, tools, screening_id, wanted.against)
