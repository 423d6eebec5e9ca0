"""``registry break-glass``: two operators, a reason, one record, one hour; its owner is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic_core import from_json, to_json
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import queries as agencies
from app.assessments.detail import seal_context
from app.audit.events import Event
from app.audit.exceptions import break_glass
from app.audit.exceptions.break_glass import KINDS, PrivateKey, Wanted
from app.audit.exceptions.models import BreakGlass
from app.cli.databases import operator
from app.cli.shell import Refused, group, load_settings, run, show
from app.core.clock import rfc3339, utc_now
from app.core.crypto import KeyRing
from app.core.key_provider import load_root_keys
from app.core.settings import Settings
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.cases.steps import step_context

app = group()
Key = Annotated[Path, typer.Option("--key", help="file with your private key (PEM)")]
Window = Annotated[UUID, typer.Argument(help="the break-glass, as `open` printed it")]
_LONGEST_REASON = 4_000
_ASSESSMENT = text(
    """SELECT a.id, a.partner_id, a.type, a.owner_agency, d.version,
        CASE WHEN NOT a.redacted THEN d.sealed END AS sealed
    FROM assessments a JOIN assessment_details d ON d.assessment_id = a.id WHERE a.id = :id"""
)
_CASE = text("SELECT id, partner_id, state, agency_id FROM sanction_cases WHERE id = :id")
_STEPS = text(
    "SELECT id, kind, at, CASE WHEN NOT redacted THEN sealed END AS sealed "
    "FROM sanction_case_steps WHERE case_id = :id ORDER BY id"
)


def _key(file: Path) -> PrivateKey:
    pem = file.read_bytes()
    try:
        return break_glass.read_private(pem)
    except TypeError:
        words = typer.prompt(f"Passphrase of {file}", hide_input=True, err=True)
        return break_glass.read_private(pem, str(words).encode())


def _keyring(settings: Settings) -> KeyRing:
    return KeyRing(load_root_keys(settings))


@app.command("open")
def open_(
    agency: Annotated[str, typer.Option(help="code of the agency that owns the record")],
    record: Annotated[UUID, typer.Option(help="id of the record")],
    reason: Annotated[str, typer.Option(help="why; kept sealed, for the owner and the auditors")],
    key: Key,
    kind: Annotated[str, typer.Option(help="assessment or sanction_case")] = "assessment",
) -> None:
    """Ask for a record's content, signed. Another operator has to approve within 24 hours."""
    chosen = next((known for known in KINDS if known == kind), None)
    if chosen is None:
        raise Refused(f"--kind is one of: {', '.join(KINDS)}.")
    if not 10 <= len(reason.strip()) <= _LONGEST_REASON:
        raise Refused(f"--reason needs 10 to {_LONGEST_REASON} characters.")
    settings, private = load_settings(), _key(key)
    window_id = run(_open(settings, private, agency, (chosen, record), reason.strip()))
    typer.echo("Asked. Another operator approves it with `registry break-glass approve`.", err=True)
    typer.echo(str(window_id))


async def _open(
    settings: Settings, key: PrivateKey, code: str, record: tuple[Any, UUID], reason: str
) -> UUID:
    keyring = _keyring(settings)
    async with operator(settings) as database, database.session() as session:
        agency = await agencies.find_agency(session, code)
        if agency is None:
            raise Refused(f"There is no agency {code}.")
        wanted = Wanted(agency.id, code, *record, reason)
        return (await break_glass.ask(session, keyring, key, wanted, utc_now())).id


@app.command("approve")
def approve(window: Window, key: Key) -> None:
    """Approve what another operator asked for, signed: opens the record for one hour."""
    settings, private = load_settings(), _key(key)
    opened = run(_approve(settings, private, window))
    typer.echo(f"Open until {opened}. The owner agency has been told.")


async def _approve(settings: Settings, key: PrivateKey, window_id: UUID) -> str:
    async with operator(settings) as database, database.session() as session:
        window = await break_glass.approve(session, key, window_id, utc_now())
        await events.publish(
            session,
            EventType.BREAK_GLASS_OPENED,
            window.record_id,
            window.owner_agency,
            break_glass=str(window.id),
        )
        assert window.expires_at is not None
        return rfc3339(window.expires_at)


@app.command("read")
def read(window: Window) -> None:
    """Print the record's content as JSON; each reading is in the log before it is printed."""
    typer.echo(run(_read(load_settings(), window)))


async def _read(settings: Settings, window_id: UUID) -> str:
    keyring = _keyring(settings)
    async with operator(settings) as database, database.session() as session:
        window = await break_glass.require_open(session, window_id)
        found = await _CONTENT[window.record_kind](session, keyring, window)
        partner_id = found["partner_id"]
        await break_glass.record(session, Event.BREAK_GLASS_READ, window, partner_id)
    return to_json(found, indent=2).decode()


async def _assessment(
    session: AsyncSession, keyring: KeyRing, window: BreakGlass
) -> dict[str, Any]:
    row = (await session.execute(_ASSESSMENT, {"id": window.record_id})).one_or_none()
    if row is None or row.owner_agency != window.owner_agency or not row.sealed:
        raise Refused("The record has no content any more, or it is redacted.")
    context = seal_context(row.id, row.version, row.owner_agency)
    detail = from_json(await keyring.open(session, context, row.sealed))
    return {"id": row.id, "partner_id": row.partner_id, "type": row.type, "detail": detail}


async def _case(session: AsyncSession, keyring: KeyRing, window: BreakGlass) -> dict[str, Any]:
    row = (await session.execute(_CASE, {"id": window.record_id})).one_or_none()
    if row is None or row.agency_id != window.owner_agency:
        raise Refused("There is no such case any more.")
    steps = []
    for step in await session.execute(_STEPS, {"id": row.id}):
        content: Any = None
        if step.sealed:
            context = step_context(step.id, row.id, row.agency_id)
            content = from_json(await keyring.open(session, context, step.sealed))
        steps.append({"id": step.id, "kind": step.kind, "at": step.at, "content": content})
    return {"id": row.id, "partner_id": row.partner_id, "state": row.state, "steps": steps}


_CONTENT = {"assessment": _assessment, "sanction_case": _case}


@app.command("close")
def close(window: Window) -> None:
    """End it before its hour is over."""
    run(_close(load_settings(), window))
    typer.echo("Closed.")


async def _close(settings: Settings, window_id: UUID) -> None:
    async with operator(settings) as database, database.session() as session:
        await break_glass.close(session, window_id, utc_now())


@app.command("list")
def list_windows() -> None:
    """Show every break-glass, newest first: who asked, who approved, and its reason."""
    rows = run(_list(load_settings()))
    show(["id", "kind", "record", "asked by", "approved by", "until", "reason"], rows)


async def _list(settings: Settings) -> list[list[str]]:
    keyring = _keyring(settings)
    async with operator(settings) as database, database.session() as session:
        found = await session.scalars(select(BreakGlass).order_by(BreakGlass.id.desc()).limit(200))
        return [
            [
                str(row.id),
                row.record_kind,
                str(row.record_id),
                row.asked_by,
                row.approved_by or "-",
                _until(row),
                await break_glass.read_reason(session, keyring, row),
            ]
            for row in found.all()
        ]


def _until(row: BreakGlass) -> str:
    if row.closed_at is not None:
        return f"closed {rfc3339(row.closed_at)}"
    return rfc3339(row.expires_at) if row.expires_at else "not approved"
