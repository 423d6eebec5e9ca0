"""``registry issuers``: identity providers that agencies trust."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import select

from app.agencies.issuers import service
from app.agencies.issuers.errors import IssuerDecided, IssuerNotFound
from app.agencies.models import Agency
from app.auth.models import TrustedIssuer
from app.cli.databases import operator
from app.cli.shell import Refused, group, load_settings, run, show
from app.core.settings import Settings

app = group()


@app.command("list")
def list_issuers() -> None:
    """Show all issuers, whose they are, and when their keys were last fetched."""
    show(["id", "agency", "status", "issuer", "keys_at"], run(_list(load_settings())))


async def _list(settings: Settings) -> list[list[str]]:
    query = (
        select(TrustedIssuer, Agency.code)
        .join(Agency, Agency.id == TrustedIssuer.agency_id)
        .order_by(Agency.code, TrustedIssuer.id)
    )
    async with operator(settings) as database, database.session() as session:
        return [
            [
                str(row.id),
                code,
                row.status,
                row.issuer,
                row.key_set_at.isoformat(timespec="seconds") if row.key_set_at else "-",
            ]
            for row, code in await session.execute(query)
        ]


@app.command("revoke")
def revoke(
    issuer: Annotated[UUID, typer.Argument(help="id, as `list` shows it", metavar="ISSUER")],
) -> None:
    """End the trust in an issuer: its tokens are refused from their next request."""
    typer.echo(f"The issuer {run(_revoke(load_settings(), issuer))} is revoked.")


async def _revoke(settings: Settings, issuer: UUID) -> str:
    async with operator(settings) as database, database.session() as session:
        try:
            return (await service.revoke_as_operator(session, issuer)).issuer
        except IssuerNotFound:
            raise Refused(f"There is no issuer {issuer}.") from None
        except IssuerDecided:
            raise Refused(f"The issuer {issuer} is not in force.") from None
