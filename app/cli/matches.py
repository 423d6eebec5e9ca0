"""``registry matches``: comparing profiles, their people and listed parties again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.cli.databases import opened
from app.cli.shell import Refused, Steps, group, load_settings, run, show, steps
from app.core.clock import rfc3339
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.key_provider import load_root_keys
from app.core.settings import Settings
from app.partners.people import blind
from app.sanctions.lists.audience import find_source
from app.sanctions.matches import queue, rescreen, sweeping
from app.sanctions.matches.rescreen import Rescreener

app = group()
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
_PAUSE_S = 0.5
_PAGE = 5_000
_LINEAGE = text("SELECT partner_lineage(CAST(:id AS uuid))")
_PEOPLE = text("SELECT id FROM partner_people WHERE partner_id = ANY(:ids)")
_WAITING = text("SELECT count(*) FROM rescreen_tasks WHERE failures = 0")
_EVERY = {
    "partner": text("SELECT id FROM partners WHERE id > :after ORDER BY id LIMIT :page"),
    "person": text("SELECT id FROM partner_people WHERE id > :after ORDER BY id LIMIT :page"),
}


@app.command("status")
def status(as_json: Json = False) -> None:
    """Show what waits to be compared again, what of it failed, and how far the sweeps are."""
    waits, sweeps = run(_status(load_settings()))
    if as_json:
        typer.echo(to_json({"waiting": waits, "sweeps": sweeps}, indent=2).decode())
        return
    show(
        ["kind", "waiting", "failing", "oldest (s)"],
        [
            [item["kind"], str(item["waiting"]), str(item["failing"]), str(item["oldest_s"])]
            for item in waits
        ],
    )
    rows = [
        [item["name"], rfc3339(item["started_at"]), "running" if item["running"] else "done"]
        for item in sweeps
    ]
    show(["sweep", "began", "state"], rows)


async def _status(settings: Settings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    async with opened(settings, "database_worker_url") as database, database.session() as session:
        waits = await rescreen.waiting(session)
        sweeps = await sweeping.sweeps(session)
    shown = [
        {
            "kind": kind,
            "waiting": waits[kind].waiting if kind in waits else 0,
            "failing": waits[kind].failing if kind in waits else 0,
            "oldest_s": round(waits[kind].oldest) if kind in waits else 0,
        }
        for kind in ("partner", "person", "entry")
    ]
    for item in sweeps:
        item["running"] = item["finished_at"] is None
    return shown, sweeps


@app.command("rescreen")
def rescreen_now(
    partner: Annotated[UUID | None, typer.Option(help="this profile and its people")] = None,
    source: Annotated[str | None, typer.Option(help="all parties of this list")] = None,
    everything: Annotated[bool, typer.Option("--all", help="every profile and person")] = False,
) -> None:
    """Compare again now, beside the worker, and wait until it is done. May be broken off."""
    if [partner is not None, source is not None, everything].count(True) != 1:
        raise Refused("Say one of --partner, --source and --all.")
    if source is not None:
        find_source(source)
    settings = load_settings()
    keyring = KeyRing(load_root_keys(settings))

    async def work(database: Database, report: Steps) -> int:
        await _put(database, partner, source)
        return await _work_off(database, keyring, report)

    with steps() as report:
        done = run(_with(settings, lambda database: work(database, report)))
    typer.echo(f"{done} compared by this command.")


async def _put(database: Database, partner: UUID | None, source: str | None) -> None:
    if partner is None and source is None:
        for kind in _EVERY:
            await _put_every(database, kind)
        return
    async with database.session() as session:
        if source is not None:
            await queue.queue_source(session, source)
            return
        lineage = (await session.scalars(_LINEAGE, {"id": partner})).all()
        await queue.queue(session, "partner", lineage)
        people = (await session.scalars(_PEOPLE, {"ids": list(lineage)})).all()
        await queue.queue(session, "person", people)


async def _put_every(database: Database, kind: str) -> None:
    after = UUID(int=0)
    while True:
        async with database.session() as session:
            values = {"after": after, "page": _PAGE}
            ids = (await session.scalars(_EVERY[kind], values)).all()
            await queue.queue(session, kind, ids)
        if not ids:
            return
        after = ids[-1]


async def _work_off(database: Database, keyring: KeyRing, report: Steps) -> int:
    """Take turns with the worker until only what failed is left; how many were done here."""
    work, done = Rescreener(database, keyring), 0
    total = left = await _left(database)
    while left:
        some = await work.round()
        done += some
        if not some:
            await asyncio.sleep(_PAUSE_S)
        left = await _left(database)
        total = max(total, left)
        report("comparing", total - left, total)
    return done


async def _left(database: Database) -> int:
    async with database.session() as session:
        return int(await session.scalar(_WAITING) or 0)


@app.command("rotate-key")
def rotate_key() -> None:
    """Let a new key make the blind index of people. The worker moves everybody, then drops the
    old key; people are found by both meanwhile, and decided matches stay as they are.
    """
    settings = load_settings()
    keyring = KeyRing(load_root_keys(settings))

    async def work(database: Database) -> UUID:
        async with database.session() as session:
            await _unfinished(session)
            key_id = await blind.retire_key(session, keyring)
            await sweeping.sweep_anew(session, "people")
            return key_id

    typer.echo(f"Key {run(_with(settings, work))} makes the blind index from now on.")


async def _unfinished(session: AsyncSession) -> None:
    retired = text("SELECT EXISTS (SELECT FROM blind_keys WHERE state = 'retired')")
    if await session.scalar(retired):
        raise Refused("The last change of this key is not finished: see registry matches status.")


async def _with(settings: Settings, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async with opened(settings, "database_worker_url") as database:
        return await work(database)
