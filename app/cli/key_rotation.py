"""``registry keys list``, ``prepare`` and ``rotate``: changes of keys beside a running service."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import NAMESPACE_OID, UUID, uuid5

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import key_rotation
from app.auth.keys import USES, Use
from app.cli.databases import operator
from app.cli.shell import Refused, Steps, group, load_settings, run, show, steps
from app.core import rekeying
from app.core.clock import utc_now
from app.core.crypto import EncryptionKey
from app.core.key_provider import RootKey, RootKeys, load_root_keys
from app.core.safety import check_root_key
from app.core.settings import Settings
from app.sanctions.feed import root_documents

rotate = group("Put a new key in the place of the present one, beside a running service.")
UseOption = Annotated[Use, typer.Argument(help="token, list, receipt or checkpoint")]


def list_keys() -> None:
    """Show signing and encryption keys. Works as the operator."""
    rows = run(_list(load_settings()))
    show(["use", "key", "state", "made", "ended"], rows)


async def _list(settings: Settings) -> list[list[str]]:
    async with operator(settings) as database, database.session() as session:
        signing = [
            [key.use, key.kid, key.state, _time(key.not_before), _time(key.not_after)]
            for key in await key_rotation.list_keys(session)
        ]
        encryption = [
            [key.scope, str(key.id), key.state, _time(key.created_at), _time(key.retired_at)]
            for key in await session.scalars(
                select(EncryptionKey).order_by(EncryptionKey.scope, EncryptionKey.created_at.desc())
            )
        ]
    return signing + encryption


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


# ------------------------------------------------------------------------------ signing keys


def prepare(use: UseOption) -> None:
    """Make the next signing key and publish it; it does not sign yet.

    Token keys are published at once; for the others a new keys document must be signed.
    """
    settings = load_settings()
    kid = run(_prepare(settings, use))
    typer.echo(f"{kid} is the next {use} key.")
    if use != "token":
        typer.echo("Run `registry keys root sign` now: clients learn of it by the keys document.")


async def _prepare(settings: Settings, use: Use) -> str:
    root = _checked_root(settings)
    async with operator(settings) as database, database.session() as session:
        kid = await key_rotation.prepare(session, root, use)
        await _record(session, Event.SIGNING_KEY_PREPARED, _subject(kid), use=use, kid=kid)
    return kid


def _rotate_command(use: Use) -> None:
    """Add ``rotate USE`` for one use of signing keys."""

    def command(
        now: Annotated[
            bool,
            typer.Option(
                "--now", help="in an emergency: a new key at once, the present one is withdrawn"
            ),
        ] = False,
    ) -> None:
        change = run(_rotate(load_settings(), use, now))
        typer.echo(f"{change.new} signs now, {change.old} no more.")
        if use != "token":
            typer.echo("Run `registry keys root sign` now: clients learn that the old key ended.")

    command.__doc__ = f"Sign with the next {use} key; the present one is retired."
    rotate.command(use)(command)


for _use in USES:
    _rotate_command(_use)


async def _rotate(settings: Settings, use: Use, at_once: bool) -> key_rotation.Change:
    root = _checked_root(settings)
    async with operator(settings) as database, database.session() as session:
        if at_once:
            event = Event.SIGNING_KEY_REPLACED
            change = await key_rotation.replace(session, root, use, utc_now())
        else:
            event = Event.SIGNING_KEY_ROTATED
            coming = await key_rotation.find_next(session, use)
            since = await root_documents.published_since(database, coming.kid) if coming else None
            change = await key_rotation.rotate(session, use, since, utc_now())
        await _record(
            session, event, _subject(change.new), use=use, kid=change.new, replaced=change.old
        )
    return change


# ------------------------------------------------------------------------- root and encryption


@rotate.command("root")
def rotate_root(
    new: Annotated[Path, typer.Option(help="file with the new root key")],
) -> None:
    """Wrap every key of the database with a new root key.

    Every process must be able to read both root keys first: name the new one as
    REGISTRY_ROOT_KEY_SECOND_FILE and restart them. Afterwards let the two change places, restart,
    and run this once more; then the former key is not needed. May be repeated at any time.
    """
    settings = load_settings()
    known = load_root_keys(settings)
    key = RootKey.load(new)
    if key not in known.all:
        raise Refused(
            "The new root key must first be named in REGISTRY_ROOT_KEY_SECOND_FILE of every "
            "process, so that all can read what it wraps."
        )
    root = RootKeys(key, tuple(other for other in known.all if other != key))
    check_root_key(key, settings)
    with steps() as report:
        changed = run(_rotate_root(settings, root, report))
    typer.echo(f"Root key {root.current_id} wraps every key; {changed} were wrapped anew.")
    if known.current != key:
        typer.echo("Now make it REGISTRY_ROOT_KEY_FILE and the former one the second, restart all.")
    else:
        typer.echo("The second root key is not needed any more; backups made before still need it.")


async def _rotate_root(settings: Settings, root: RootKeys, report: Steps) -> int:
    tables = (rekeying.ENCRYPTION_KEYS, key_rotation.WRAPPED)
    subject, key = _subject(root.current_id), root.current_id
    async with operator(settings) as database:
        async with database.session() as session:
            await _record(session, Event.ROOT_KEY_ROTATED, subject, root_key=key, stage="begun")
        changed = await rekeying.rewrap(database, root, tables, report)
        async with database.session() as session:
            detail = {"root_key": key, "stage": "done", "keys": changed}
            await _record(session, Event.ROOT_KEY_ROTATED, subject, **detail)
    return changed


@rotate.command("encryption")
def rotate_encryption(
    scope: Annotated[
        str | None, typer.Option(help="one scope, such as agency:<id> or partners; default: all")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(help="wait until no process can use the old keys, then delete them"),
    ] = True,
) -> None:
    """Give every scope a new key and move every sealed value under it.

    May be interrupted and started again. An old key is deleted when nothing refers to it.
    """
    with steps() as report:
        outcome = run(_rotate_encryption(load_settings(), scope, wait, report))
    typer.echo(
        f"{outcome.scopes} new keys; {outcome.values} values moved; "
        f"{len(outcome.deleted)} old keys deleted."
    )
    for key, count in outcome.kept.items():
        typer.echo(f"Key {key} stays for {count} values of the first format.")
    if outcome.unsettled:
        typer.echo(f"{outcome.unsettled} old keys may be in use: run this again in 3 minutes.")


async def _rotate_encryption(
    settings: Settings, scope: str | None, wait: bool, report: Steps
) -> rekeying.Outcome:
    root = load_root_keys(settings)
    options: dict[str, Any] = {} if wait else {"sleep": None}
    event, subject = Event.ENCRYPTION_KEYS_ROTATED, _subject(scope or "all")
    async with operator(settings) as database:
        async with database.session() as session:
            await _record(session, event, subject, scope=scope, stage="begun")
        outcome = await rekeying.rotate_encryption(database, root, scope, report, **options)
        async with database.session() as session:
            await _record(
                session,
                event,
                subject,
                scope=scope,
                stage="done",
                scopes=outcome.scopes,
                values=outcome.values,
                deleted=[str(key) for key in outcome.deleted],
            )
    return outcome


def _checked_root(settings: Settings) -> RootKeys:
    root = load_root_keys(settings)
    check_root_key(root, settings)
    return root


def _subject(name: str) -> UUID:
    """Keys have names, the log has ids: the same name is always the same id."""
    return uuid5(NAMESPACE_OID, name)


async def _record(session: AsyncSession, event: Event, subject: UUID, **detail: Any) -> None:
    await audit.record(session, None, event, audit.Subject(subject), **detail)
