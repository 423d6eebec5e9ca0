"""``registry keys``: the root key of encryption, and the offline keys of the feed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli import key_rotation
from app.cli.databases import operator
from app.cli.shell import Refused, group, load_settings, run
from app.core.clock import utc_now
from app.core.crypto import RootKey
from app.core.settings import Settings
from app.sanctions.feed import root_documents, root_keys

AnchorOption = Annotated[
    Path | None, typer.Option(help="the anchor; default: what was published last")
]
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


@root.command("draft")
def draft(
    file: Annotated[Path, typer.Argument(help="new file, to be carried to the offline keys")],
    anchor: AnchorOption = None,
) -> None:
    """Write the next keys document, unsigned; the file holds no secret.

    The first one needs the anchor. Works as the operator: REGISTRY_DATABASE_MIGRATION_URL.
    """
    _draft(file, None if anchor is None else root_keys.read_anchor(anchor))


@root.command("rotate")
def rotate_root_keys(
    file: Annotated[Path, typer.Argument(help="new file, to be carried to the offline keys")],
    anchor: Annotated[Path, typer.Option(help="the anchor of the new three keys")],
) -> None:
    """As draft, with a new root: two of the old keys must sign it, and two of the new ones.

    Works as the operator: REGISTRY_DATABASE_MIGRATION_URL.
    """
    _draft(file, root_keys.read_anchor(anchor))


def _draft(file: Path, anchor: dict[str, object] | None) -> None:
    if file.exists():
        raise Refused(f"{file} exists already.")
    document = run(_drafted(load_settings(), anchor))
    root_documents.write_document(file, document)
    version = root_documents.claims_of(document)["version"]
    typer.echo(f"{file} holds keys document {version}; sign it with two root keys.")


async def _drafted(settings: Settings, anchor: dict[str, object] | None) -> root_documents.Document:
    async with operator(settings) as database:
        return await root_documents.draft(database, anchor, settings.issuer, utc_now())


@root.command("sign")
def sign(
    key: Annotated[list[Path], typer.Option(help="a root key file")],
    file: Annotated[
        Path | None, typer.Argument(help="a draft; without, everything is done at once")
    ] = None,
    anchor: AnchorOption = None,
) -> None:
    """Sign a draft where the root key is; needs neither database nor network.

    Without a draft: make, sign and publish the next keys document in one step, with at least two
    different keys and the anchor beside the first of them. Good for 365 days; needed once at the
    start and after each change of keys. That works as the operator:
    REGISTRY_DATABASE_MIGRATION_URL.
    """
    if file is not None:
        _sign_draft(file, key)
        return
    known = root_keys.read_anchor(anchor or key[0].with_name(root_keys.ANCHOR))
    version = run(_sign(load_settings(), known, key))
    typer.echo(f"Keys document {version} is published.")


def _sign_draft(file: Path, paths: list[Path]) -> None:
    document = root_documents.read_document(file)
    claims = root_documents.claims_of(document)
    until = datetime.fromtimestamp(claims["exp"], UTC)
    typer.echo(f"Keys document {claims['version']} of {claims['iss']}, good until {until:%Y-%m-%d}")
    for item in claims["keys"]:
        ended = "ended" if item["not_after"] is not None else "in use or next"
        typer.echo(f"  {item['use']}  {item['kid']}  {ended}")
    for item in claims["root"]["keys"]:
        typer.echo(f"  root  {item['kid']}")
    keys = [root_keys.read_key(path) for path in paths]
    root_documents.write_document(file, root_documents.sign_with(document, keys))
    typer.echo(f"Signed by {', '.join(one.kid for one in keys)}.")


async def _sign(settings: Settings, anchor: dict[str, object], files: list[Path]) -> int:
    keys = root_keys.read_root_keys(files, anchor)
    async with operator(settings) as database:
        return await root_documents.root_sign(database, anchor, keys, settings.issuer, utc_now())


@root.command("publish")
def publish(file: Annotated[Path, typer.Argument(help="a draft with enough signatures")]) -> None:
    """Check a signed draft as clients will, and publish it.

    Works as the operator: REGISTRY_DATABASE_MIGRATION_URL.
    """
    version = run(_publish(load_settings(), root_documents.read_document(file)))
    typer.echo(f"Keys document {version} is published.")


async def _publish(settings: Settings, document: root_documents.Document) -> int:
    async with operator(settings) as database:
        return await root_documents.publish(database, document, settings.issuer, utc_now())
