"""``registry keys``: the root key of encryption, and the offline keys of the feed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli import key_rotation
from app.cli.databases import operator
from app.cli.shell import Refused, group, load_settings, run
from app.core.clock import utc_now
from app.core.crypto import RootKey
from app.core.settings import Settings
from app.sanctions.feed import root_keys

app = group()
root = group("The offline root keys: any two of the three say which keys the registry signs with.")
app.add_typer(root, name="root")
app.add_typer(key_rotation.rotate, name="rotate")
app.command("prepare")(key_rotation.prepare)
app.command("list")(key_rotation.list_keys)


@app.command("create-root-key")
def create_root_key(
    file: Annotated[Path, typer.Argument(help="new file; keep a copy in a safe place")],
    demo: Annotated[
        bool, typer.Option("--demo", help="for trying out; production refuses it")
    ] = False,
) -> None:
    """Make the key that wraps every other key (REGISTRY_ROOT_KEY_FILE).

    Without it nothing that is sealed can be read again.
    """
    try:
        RootKey.generate("demo" if demo else "production").save(file)
    except FileExistsError:
        raise Refused(f"{file} exists already; a root key is never overwritten.") from None
    typer.echo(f"{file} holds the root key. Keep a copy where the database's copies are not.")


@root.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="empty or new folder, best on a removable disk")],
) -> None:
    """Make three offline keys and the anchor for clients; REGISTRY_ISSUER names the registry.

    Give the three key files to three persons, and anchor.json to every agency by another way
    than this service.
    """
    anchor = root_keys.root_init(folder, load_settings().issuer)
    typer.echo(f"{folder} holds root-1.pem to root-3.pem (secret) and {anchor.name} (public).")


@root.command("sign")
def sign(
    key: Annotated[list[Path], typer.Option(help="a root key file; at least two different ones")],
    anchor: Annotated[
        Path | None, typer.Option(help="the anchor; default: anchor.json beside the first key")
    ] = None,
) -> None:
    """Sign and publish which keys the registry signs with; good for 365 days.

    Needed once at the start and after each change of keys. Works as the operator:
    REGISTRY_DATABASE_MIGRATION_URL.
    """
    known = root_keys.read_anchor(anchor or key[0].with_name(root_keys.ANCHOR))
    version = run(_sign(load_settings(), known, key))
    typer.echo(f"Keys document {version} is published.")


async def _sign(settings: Settings, anchor: dict[str, object], files: list[Path]) -> int:
    keys = root_keys.read_root_keys(files, anchor)
    async with operator(settings) as database:
        return await root_keys.root_sign(database, anchor, keys, settings.issuer, utc_now())
