"""Requirements and coverage of partners, and the joint calendar. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments.assurance import access, coverage, inheritance, queries, requirements
from app.assessments.assurance.coverage import ACTIVITY_TYPES, Activity, PlannedRow
from app.assessments.assurance.facts import Facts, RatingFact
from app.assessments.assurance.policies import POLICIES, Rules, rules_for
from app.assessments.assurance.requirements import HACT, SEA
from app.assessments.assurance.rows import shown
from app.assessments.assurance.schemas import CalendarQuery, RequirementsQuery
from app.auth import policy
from app.auth.caller import Caller
from app.core.errors import FieldError, InvalidRequest
from app.core.paging import PageQuery
from app.partners import service as partners
from app.partners.visibility import sees_protected

_CYCLE_YEARS = 10
_CENT = Decimal("0.01")


async def partner_requirements(
    session: AsyncSession, caller: Caller, partner_id: UUID, query: RequirementsQuery, today: date
) -> dict[str, Any]:
    """What the partner needs. Raises RoleLacksRight, PartnerNotFound, PartnerMerged, AgencyUnknown
    or InvalidRequest."""
    rules, facts = await _gather(session, caller, partner_id, query, today)
    return {"partner_id": partner_id, **requirements.require(rules, facts)}


async def partner_coverage(
    session: AsyncSession, caller: Caller, partner_id: UUID, query: RequirementsQuery, today: date
) -> dict[str, Any]:
    """What of it is planned and done. Raises as `partner_requirements`."""
    rules, facts = await _gather(session, caller, partner_id, query, today)
    needed = {"partner_id": partner_id, **requirements.require(rules, facts)}
    minimum = {kind: needed[kind]["minimum"] for kind in coverage.KINDS}
    return {
        "partner_id": partner_id,
        "agency": facts.agency,
        "year": facts.year,
        "required_by": "policy",
        **coverage.count(facts.agency_id, facts.year, minimum, facts.rows, facts.activities),
        "missing": needed["missing"],
        "requirements": needed,
    }


async def _gather(
    session: AsyncSession, caller: Caller, partner_id: UUID, query: RequirementsQuery, today: date
) -> tuple[Rules, Facts]:
    partner = await partners.visible_partner(session, caller, partner_id)
    access.require_reader(caller)
    year = query.year or today.year
    _check_amounts(query, year)
    agency_id, code = caller.agency_id, caller.agency_code
    if query.agency is not None and query.agency != code:
        agency_id, code = (await agencies.recipient(session, query.agency)).id, query.agency
    day = requirements.as_of(year, today)
    agency_only = policy.reaches(caller, "AGENCY_ONLY")
    rules = rules_for(POLICIES, code, year)
    rated = {"partner": partner_id, "types": [HACT, SEA], "as_of": day, "agency_only": agency_only}
    ratings = _ratings(await queries.ratings(session, rated))
    if partner.hq_id is not None and inheritance.covered(rules, partner.partner_type):
        above = rated | {"partner": partner.hq_id, "types": list(rules.headquarters.types)}
        ratings += _ratings(await queries.ratings(session, above), partner.hq_id)
    since = min(query.cycle_start or date(year, 1, 1), date(year, 1, 1))
    facts = Facts(
        agency=code,
        agency_id=agency_id,
        partner_type=partner.partner_type,
        year=year,
        as_of=day,
        cash=_money(query.cash_usd),
        liquidations=_money(query.liquidations_usd),
        cycle_start=query.cycle_start,
        cycle_cash=_money(query.cycle_cash_usd),
        ratings=ratings,
        headquarters=partner.hq_id,
        excepted=query.without_headquarters is not None,
        rows=_rows(await queries.partner_rows(session, partner_id, year, agency_id)),
        activities=(await _activities(session, [partner_id], since, year, agency_only)).get(
            partner_id, []
        ),
    )
    return rules, facts


def _money(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(_CENT)


def _check_amounts(query: RequirementsQuery, year: int) -> None:
    """Raises InvalidRequest for a cycle that does not hold the year, or its cash."""
    wrong = None
    start = query.cycle_start
    if start is not None and not year - _CYCLE_YEARS <= start.year <= year:
        wrong = ("cycle_start", "the cycle begins in the year or up to ten years before")
    elif (
        query.cycle_cash_usd is not None
        and query.cash_usd is not None
        and query.cycle_cash_usd < query.cash_usd
    ):
        wrong = ("cycle_cash_usd", "the cash of the cycle contains that of the year")
    if wrong is not None:
        pointer, message = f"query:{wrong[0]}", wrong[1]
        raise InvalidRequest(
            errors=[FieldError(pointer=pointer, code="value_error", message=message)]
        )


def _ratings(rows: Iterable[Any], inherited_from: UUID | None = None) -> list[RatingFact]:
    return [
        RatingFact(
            id=row.id,
            type=row.type,
            agency=row.agency,
            conducted_on=row.conducted_on,
            valid_until=row.valid_until,
            scheme=row.rating_scheme,
            value=row.rating_value,
            level=row.rating_level,
            source=row.rating_source,
            inherited_from=inherited_from,
        )
        for row in rows
    ]


def _rows(rows: Iterable[Any]) -> list[PlannedRow]:
    names = ("id", "type", "year", "basis", "joint_with", "status", "to_year", "done_by")
    return [PlannedRow(**{name: getattr(row, name) for name in names}) for row in rows]


async def _activities(
    session: AsyncSession, of: Sequence[UUID], since: date, year: int, agency_only: bool
) -> dict[UUID, list[Activity]]:
    values = {
        "partners": list(of),
        "types": list(ACTIVITY_TYPES),
        "since": since,
        "until": date(year, 12, 31),
        "agency_only": agency_only,
    }
    found: dict[UUID, list[Activity]] = {}
    for row in await queries.activities(session, values):
        one = Activity(row.id, row.type, row.owner_agency, row.conducted_on)
        found.setdefault(row.root, []).append(one)
    return found


async def plan_coverage(
    session: AsyncSession, caller: Caller, plan_id: UUID, query: PageQuery, after: UUID | None
) -> list[dict[str, Any]]:
    """One more than a page of the plan's partners: what the plan requires, and what is done.

    Raises PlanNotFound.
    """
    plan = await access.readable(session, caller, plan_id)
    key = (plan.id, plan.revision)
    held = sees_protected(caller)
    found = await queries.plan_partners(session, key, after, query.limit + 1, holder=held)
    by_partner: dict[UUID, list[Any]] = {partner: [] for partner in found}
    for row in await queries.plan_rows(session, key, found):
        by_partner[row.root].append(row)
    agency_only = policy.reaches(caller, "AGENCY_ONLY")
    since = date(plan.year, 1, 1)
    activities = await _activities(session, found, since, plan.year, agency_only)
    answer = []
    for partner in found:
        rows, held_by = _rows(by_partner[partner]), activities.get(partner, [])
        required = coverage.required_by_plan(rows)
        answer.append(
            {
                "partner_id": partner,
                "agency": plan.agency,
                "year": plan.year,
                "required_by": "plan",
                **coverage.count(plan.owner_id, plan.year, required, rows, held_by),
            }
        )
    return answer


async def calendar(
    session: AsyncSession,
    caller: Caller,
    query: CalendarQuery,
    after: tuple[int, UUID] | None,
    today: date,
) -> list[dict[str, Any]]:
    """One more than a page of what the agencies plan together and alone, in the order of the year.

    Raises RoleLacksRight, or PartnerNotFound and PartnerMerged for the partner asked for.
    """
    access.require_reader(caller)
    if query.partner_id is not None:
        await partners.visible_partner(session, caller, query.partner_id)
    year = query.year or today.year
    wanted = query.model_dump(include={"country", "partner_id", "type"})
    wanted |= {"year": year, "countries": sorted(caller.countries) or None}
    held = sees_protected(caller)
    rows = await queries.calendar(session, wanted, after, query.limit + 1, holder=held)
    values = {
        "partners": list({row.partner_id for row in rows}),
        "year": year,
        "types": [*ACTIVITY_TYPES, HACT],
        "ends": date(year, 12, 31),
        "as_of": requirements.as_of(year, today),
    }
    shared = await queries.agencies_on(session, values)
    codes = await agencies.codes_by_id(session)
    return [_entry(row, codes, shared.get(row.partner_id, [])) for row in rows]


def _entry(row: Any, codes: dict[UUID, str], on_it: Sequence[UUID]) -> dict[str, Any]:
    others = {codes[one] for one in {*on_it, *row.joint_with} if one != row.owner_id}
    names = ("id", "plan_id", "country", "year", "quarter", "partner_id", "type", "status")
    return {name: getattr(row, name) for name in names} | {
        "agency": codes[row.owner_id],
        **shown(row, codes),
        "shared": bool(others),
        "shared_with": sorted(others),
    }
