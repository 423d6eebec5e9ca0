"""``registry feed``: bundles for hosts without a network, and files for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.databases import opened, operator
from app.cli.shell import Refused, group, load_settings, run
from app.core.outbound import Outbound
from app.core.settings import Settings
from app.sanctions.feed import publication
from app.sanctions.feed.bundle import Bundled, write_bundle
from app.sanctions.feed.publication import TargetAway

app = group()


@app.command("bundle")
def bundle(
    file: Annotated[Path, typer.Argument(help="new file, such as feed.zip")],
    stream: Annotated[
        str, typer.Option(help="public, inter_agency or source.CODE")
    ] = "inter_agency",
) -> None:
    """Write the present list of a stream with all keys documents into one file.

    `registry-sync pull --from-bundle` takes it on a host without a network. It holds what agencies
    alone may know, but for the public stream. Works as the operator and is logged:
    REGISTRY_DATABASE_MIGRATION_URL.
    """
    if file.exists():
        raise Refused(f"{file} exists already.")
    done = run(_bundle(load_settings(), stream, file))
    typer.echo(f"{file} holds version {done.version} of {stream}: {done.count} entries.")


async def _bundle(settings: Settings, stream: str, file: Path) -> Bundled:
    async with operator(settings) as database:
        return await write_bundle(database, stream, settings.issuer, file)


@app.command("publish")
def publish(
    all_anew: Annotated[
        bool, typer.Option("--all", help="write every file, also those that should be there")
    ] = False,
) -> None:
    """Bring the folder or bucket with the public stream up to date, as the worker does.

    REGISTRY_FEED_PUBLISH_DIR, REGISTRY_FEED_PUBLISH_BUCKET. Works as reg_worker:
    REGISTRY_DATABASE_WORKER_URL.
    """
    for line in run(_publish(load_settings(), all_anew)):
        typer.echo(line)


async def _publish(settings: Settings, all_anew: bool) -> list[str]:
    outbound = Outbound(settings.outbound_networks)
    said = []
    try:
        found = publication.targets(settings, outbound)
        if not found:
            raise Refused(
                "Nothing is published: set REGISTRY_FEED_PUBLISH_DIR or "
                "REGISTRY_FEED_PUBLISH_BUCKET."
            )
        async with opened(settings, "database_worker_url") as database:
            for target in found:
                put, deleted = await publication.publish(database, target, all_anew=all_anew)
                said.append(f"{target.name}: {put} files written, {deleted} deleted.")
    except TargetAway as error:
        raise Refused(f"The files could not be written: {error}.") from error
    finally:
        await outbound.close()
    return said
