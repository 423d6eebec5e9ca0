"""Loads the demo world. Deterministic in content; safe to run again, also after a kill half-way.

Agencies and clients are completed one by one. Everything that agencies do comes in one
transaction of reg_app, so it is all there or not at all. A list file is imported by its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import models  # noqa: F401 - every table must be known before the first query
from app.agencies import settings as settings_of
from app.agencies.schemas import SettingIn
from app.auth.caller import Caller
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import Database, bind_now
from app.core.key_provider import load_root_keys
from app.core.safety import Instance
from app.core.settings import Settings, UnsafeSettings
from app.demo import lives, people, records
from app.demo.profiles import Plan, plans
from app.partners import service as partners
from app.partners.identifiers import queries as identifiers
from app.partners.types import PartnerType, rule_of
from app.sanctions import sources
from app.sanctions.lists import freshness
from app.sanctions.lists import queries as list_queries
from app.sanctions.lists import service as lists
from app.sanctions.lists.audience import audience_of
from app.sanctions.lists.importer import ListHeld, ListOlder, import_list
from app.sanctions.lists.schemas import ListUseIn
from app.sanctions.lists.streams import Terms, ensure_all

Report = Callable[[str, int, int], None]
_BASIS = ListUseIn(legal_basis="Demo: a list of this kind needs a rule or a decision to rest on.")
SOURCE = "unsc"
SAMPLES = Path(sources.__file__).with_name("samples")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load left: a working secret of every client, and whether the world is new."""

    secrets: dict[str, str]
    fresh: bool


async def load_world(
    settings: Settings,
    report: Report = lambda step, done, total: None,
    *,
    kept_secrets: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Loaded:
    """Complete the demo world in the database of these settings (operator, app and worker URL).

    ``kept_secrets`` are returned as they are while they work. Raises UnsafeSettings where the
    database is not empty and not the demo's.
    """
    moment = now or utc_now()
    root = load_root_keys(settings)
    operator = Database(settings.require("database_migration_url"), settings)
    app = Database(settings.require("database_url"), settings)
    worker = Database(settings.require("database_worker_url"), settings)
    try:
        secrets, callers = await _people(operator, settings, kept_secrets or {}, moment)
        fresh = await _load_records(app, KeyRing(root), callers, moment, report)
        await _load_list(worker, settings, moment, report)
        await _switch_on(app, worker, callers, moment)
    finally:
        for database in (operator, app, worker):
            await database.close()
    return Loaded(secrets, fresh)


async def _people(
    operator: Database, settings: Settings, kept: Mapping[str, str], now: datetime
) -> tuple[dict[str, str], dict[str, Caller]]:
    async with operator.session() as session:
        await _claim(session)
        made = await people.ensure_people(session)
        secrets = await people.working_secrets(session, {**kept, **made}, settings.issuer, now)
        return secrets, await people.read_callers(session)


async def _claim(session: AsyncSession) -> None:
    """Mark the database as the demo's, so that production refuses it for ever."""
    # Two loads at once take turns here and find each other's work.
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('demo_world'))"))
    kind = await session.scalar(select(Instance.kind))
    if kind == "demo":
        return
    if kind is not None or await session.scalar(text("SELECT EXISTS (SELECT FROM clients)")):
        raise UnsafeSettings("This database is in use for something else than the demo.")
    await session.execute(insert(Instance).values(id=True, kind="demo"))


async def _load_records(
    app: Database, keyring: KeyRing, callers: Mapping[str, Caller], now: datetime, report: Report
) -> bool:
    made = plans()
    async with app.session() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('demo_records'))"))
        # A slow machine may need longer for this one transaction than a request ever may.
        await session.execute(text("SET LOCAL transaction_timeout = 0"))
        if await _is_loaded(session, made[0]):
            return False
        await _list_types(session, callers, made, now)
        ids = await _make_partners(session, callers, made, now, report)
        scene = records.Scene(session, keyring, callers, ids, now)
        await records.make_assessments(scene, report)
        await records.make_other_types(scene, report)
        await records.make_cases(scene, report)
        await lives.make_lives(scene, report)
    return True


async def _is_loaded(session: AsyncSession, first: Plan) -> bool:
    mark = first.profile.identifiers[0]
    found = await identifiers.holder_of(session, mark.scheme.value, mark.value, None, None)
    return found is not None


async def _list_types(
    session: AsyncSession, callers: Mapping[str, Caller], made: list[Plan], now: datetime
) -> None:
    """Let the agencies that will register a company say that they work with companies."""
    for code in sorted({plan.creator for plan in made if _needs_listing(plan)}):
        caller = callers[code]
        await bind_now(session, caller.agency_id)
        listed = SettingIn(value=[PartnerType.PRIVATE_FP.value])
        await settings_of.put(
            session, caller, code, settings_of.ELIGIBLE_PARTNER_TYPES, 0, listed, now.date()
        )


def _needs_listing(plan: Plan) -> bool:
    return rule_of(plan.profile.partner_type).needs_listing


async def _make_partners(
    session: AsyncSession,
    callers: Mapping[str, Caller],
    made: list[Plan],
    now: datetime,
    report: Report,
) -> list[UUID]:
    ids: dict[str, UUID] = {}
    for number, plan in enumerate(made, 1):
        caller = callers[plan.creator]
        await bind_now(session, caller.agency_id)
        profile = plan.profile
        if plan.headquarters is not None:
            profile = profile.model_copy(update={"hq_id": ids[plan.headquarters]})
        created = await partners.create_partner(session, caller, profile, now.date())
        ids[plan.key] = created["id"]
        report("partners", number, len(made))
    return list(ids.values())


async def _switch_on(
    app: Database, worker: Database, callers: Mapping[str, Caller], now: datetime
) -> None:
    """Every demo agency uses the lists that are not for all; two of them enabled the joint ones.

    What an agency has ended stays ended: only lists it never spoke of are switched on.
    """
    await ensure_all(worker, Terms())
    # A joint list needs a person of another agency.
    second = callers[f"{people.AGENCIES[1].code}_APPROVER"]
    for number, plan in enumerate(people.AGENCIES):
        officer, approver = callers[plan.code], callers[f"{plan.code}_APPROVER"]
        async with app.session() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('demo_lists'))"))
            for source in sources.ALL.values():
                audience = audience_of(source)
                if audience == "shared" or (audience == "joint" and number):
                    continue
                await bind_now(session, officer.agency_id)
                if await list_queries.list_uses(session, source.code, None, 1):
                    continue
                use = await lists.propose(session, officer, source.code, _BASIS)
                other = approver if audience == "opt_in" else second
                await bind_now(session, other.agency_id)
                await lists.approve(session, other, source.code, use["id"], use["version"], now)


async def _load_list(worker: Database, settings: Settings, now: datetime, report: Report) -> None:
    """Import the external list when there is none yet, or when ours has become stale."""
    async with worker.session() as session:
        known = freshness.describe(await list_queries.source_states(session), now)
    if all(not item["stale"] for item in known if item["code"] == SOURCE):
        return
    # A folder that now holds an older or a much smaller list is no reason not to start.
    with suppress(ListOlder, ListHeld):
        await import_list(
            worker,
            SOURCE,
            list_file(settings.lists_dir),
            progress=lambda done, total: report("listed parties", done, total),
        )


def list_file(folder: Path | None) -> Path:
    """The newest Security Council list of the folder by name, else the small sample we ship."""
    found = sorted(folder.glob("un_sc_consolidated*.xml")) if folder is not None else []
    return found[-1] if found else SAMPLES / "unsc.xml"
