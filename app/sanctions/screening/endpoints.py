"""HTTP of screening one subject, and of stored screenings."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request, Response
from pydantic_core import to_json

from app.audit.purposes import StatedPurpose, parse_purpose
from app.auth.bound import replaying
from app.auth.caller import (
    Caller,
    FastWriter,
    Keys,
    requires,
    requires_fast_once,
    requires_once,
)
from app.auth.scopes import Scope
from app.core.clock import Now, rfc3339, utc_now
from app.core.db import DatabaseDep, Session, database_of
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.sanctions.matches.rescreen import raw
from app.sanctions.screening import errors, reading, scorer
from app.sanctions.screening.answers import Answer
from app.sanctions.screening.desk import Desk, answers_to
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
from app.sanctions.screening.storing import Ask, location, store_each

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
    access_purpose: Purpose = None,
) -> Response:
    """Screen a person or organisation against the shared list and the own ones. Stored and logged.

    Hits are a `potential_match` even when a list is stale. With `partner_id` a hit that was
    decided to be no match is shown as cleared: by the caller's agency, or by one whose decisions
    it takes over.
    """
    ask = Ask(request, wanted, writer)
    stated = parse_purpose(access_purpose) if access_purpose else None
    if stated is None:
        desk: Desk = request.app.state.desk
        answer = await replaying(partial(desk.screen, ask))
        return _created(answer, answer.json)
    return await replaying(partial(_with_reasons, ask, stated))


async def _with_reasons(ask: Ask, stated: StatedPurpose) -> Response:
    """Reasons of decisions are RESTRICTED: that they are read is logged in one transaction with the
    screening.
    """
    request, keys = ask.request, ask.writer.keys
    screener: Screener = request.app.state.screener
    async with database_of(request).fast_write(ask.writer.agency_id) as connection:
        given, told = await answers_to(connection, screener, [ask], utc_now())
        if isinstance(told[0], Exception):
            raise told[0]
        answer, caller = told[0], given[0].caller
        shown = await with_reasons(connection, keys, request.scope, caller, answer, stated)
        await store_each(connection, given)
    return _created(answer, to_json(shown))


def _created(answer: Answer, body: bytes) -> Response:
    headers = {"Location": location(answer)}
    return Response(body, status_code=201, media_type="application/json", headers=headers)


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
