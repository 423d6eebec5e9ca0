"""``registry webhooks``: how agencies' webhooks fare, and what the operator may do for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import typer
from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.cli.acting import agency_of, as_operator
from app.cli.databases import opened
from app.cli.shell import Refused, group, load_settings, run, show
from app.core.clock import rfc3339
from app.core.errors import ServiceError
from app.events.webhooks import queries, service
from app.events.webhooks.schemas import ReplayIn

app = group()
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
Hook = Annotated[UUID, typer.Argument(help="id of the webhook")]
State = Literal["queued", "retrying", "delivered", "dead"]
_LIST = text(
    """SELECT w.id, a.code AS agency, w.url, w.status, w.failures, w.failing_since,
      count(d.id) FILTER (WHERE d.state IN ('queued', 'retrying')) AS waiting,
      count(d.id) FILTER (WHERE d.state = 'dead') AS dead,
      max(d.finished_at) FILTER (WHERE d.state = 'delivered') AS delivered_at
    FROM webhooks w JOIN agencies a ON a.id = w.agency_id
    LEFT JOIN webhook_deliveries d ON d.webhook_id = w.id
    WHERE CAST(:agency AS uuid) IS NULL OR w.agency_id = :agency
    GROUP BY w.id, a.code ORDER BY a.code, w.id"""
)
_OWNER = text(
    "SELECT a.id, a.code FROM webhooks w JOIN agencies a ON a.id = w.agency_id WHERE w.id = :id"
)


@app.command("list")
def list_webhooks(
    agency: Annotated[str | None, typer.Option(help="of this agency only, by its code")] = None,
    as_json: Json = False,
) -> None:
    """List webhooks: whose, whether they are called, what waits and what was given up."""

    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        of = (await agency_of(session, agency)).id if agency else None
        return [dict(row._mapping) for row in await session.execute(_LIST, {"agency": of})]

    columns = ["id", "agency", "status", "url", "waiting", "dead", "failures", "delivered_at"]
    _tell(columns, _with(work), as_json)


@app.command("log")
def show_log(
    webhook: Hook,
    state: Annotated[State | None, typer.Option(help="in this state only")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="messages shown")] = 50,
    as_json: Json = False,
) -> None:
    """Show the newest messages of a webhook. What they say is the agency's, and not shown."""
    columns = ["id", "seq", "type", "state", "attempts", "created_at", "finished_at"]

    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        await _owner(session, webhook)
        rows = await queries.list_deliveries(session, webhook, state, None, limit)
        return [{name: getattr(row, name) for name in columns} for row in rows]

    _tell(columns, _with(work), as_json)


@app.command("test")
def test(webhook: Hook) -> None:
    """Let the worker call a webhook with a ping; `registry webhooks log` says what came of it."""

    async def work(session: AsyncSession) -> UUID:
        caller = await _owner(session, webhook)
        return (await service.ask(session, caller, webhook, "ping")).id

    typer.echo(f"Message {_with(work)} waits for the worker.")


@app.command("replay")
def replay(
    webhook: Hook,
    from_seq: Annotated[int | None, typer.Option(help="from this number of the agency's")] = None,
    to_seq: Annotated[int | None, typer.Option(help="up to this number")] = None,
    since: Annotated[str | None, typer.Option(help="from this time, RFC 3339")] = None,
    until: Annotated[str | None, typer.Option(help="before this time")] = None,
    only_missed: Annotated[
        bool, typer.Option("--only-missed", help="leave out what was delivered")
    ] = False,
) -> None:
    """Send events of a range again, 10,000 at most; they carry the ids they had."""
    given = {"from_seq": from_seq, "to_seq": to_seq, "since": since, "until": until}
    named = {name: value for name, value in given.items() if value is not None}
    try:
        wanted = ReplayIn.model_validate(named | {"only_missed": only_missed})
    except ValidationError as error:
        raise Refused(f"{error.errors()[0]['msg']}.") from error

    async def work(session: AsyncSession) -> dict[str, Any]:
        caller = await _owner(session, webhook)
        return await service.replay(session, caller, webhook, wanted)

    done = _with(work)
    more = f" There are more: go on with --from-seq {(done['to_seq'] or 0) + 1}."
    typer.echo(f"{done['queued']} messages wait for the worker.{more if done['more'] else ''}")


async def _owner(session: AsyncSession, webhook: UUID) -> Caller:
    """Who the log names: the operator, for the agency whose webhook it is. Raises Refused."""
    row = (await session.execute(_OWNER, {"id": webhook})).one_or_none()
    if row is None:
        raise Refused(f"There is no webhook {webhook}.")
    return as_operator(row.id, row.code)


def _with(work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    async def inside() -> Any:
        settings = load_settings()
        async with (
            opened(settings, "database_worker_url") as database,
            database.session() as session,
        ):
            return await work(session)

    try:
        return run(inside())
    except ServiceError as error:
        raise Refused(error.title) from error


def _tell(columns: list[str], rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(to_json(rows, indent=2).decode())
        return
    show(columns, [[_cell(row[name]) for name in columns] for row in rows])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return rfc3339(value) if hasattr(value, "astimezone") else str(value)
