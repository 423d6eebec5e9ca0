"""``registry retention``: erasing what has served its time, and what the runs did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.audit import service as audit
from app.cli.databases import opened
from app.cli.shell import Refused, Steps, group, load_settings, part, run, show, steps
from app.core.settings import Settings
from app.partners.retention import queries
from app.partners.retention import run as job
from app.partners.retention.rules import PERIODS

app = group()
_SHOWN = 50


@app.command("run")
def run_rules(
    apply: Annotated[bool, typer.Option("--apply", help="erase what is due")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what is due, and change nothing")
    ] = False,
    rule: Annotated[str | None, typer.Option(help="this rule only")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="erase at most so many records of each rule")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="write the outcome as JSON here", dir_okay=False)
    ] = None,
) -> None:
    """Erase what is due by the rules, or say what would be.

    What a legal hold, an open objection or another open matter keeps is listed with its ids.
    """
    if apply == dry_run:
        raise Refused("Say either --dry-run or --apply.")
    with steps() as progress:
        outcomes = run(_run(load_settings(), apply, rule, limit, progress))
    if report is not None:
        body = {"applied": apply, "rules_version": PERIODS.version}
        body["rules"] = [_wire(outcome) for outcome in outcomes]
        report.write_text(json.dumps(body, indent=2) + "\n", "utf-8")
    _show(outcomes, "erased" if apply else "to erase")


async def _run(
    settings: Settings, apply: bool, rule: str | None, limit: int | None, progress: Steps
) -> list[job.Outcome]:
    rules = job.chosen(part("app.worker:RETENTION"), rule)
    async with opened(settings, "database_worker_url") as database:
        if not apply:
            return await job.preview(database, rules, limit, progress)
        whole = rule is None and limit is None
        return await job.apply(database, rules, audit.OPERATOR, limit, progress, whole=whole)


def _wire(outcome: job.Outcome) -> dict[str, Any]:
    return {
        "rule": outcome.rule,
        "months": PERIODS.rules[outcome.rule].months,
        "days": PERIODS.rules[outcome.rule].days,
        "due": outcome.due,
        "erased": outcome.erased,
        "oldest": outcome.oldest.isoformat() if outcome.oldest else None,
        "kept": [
            {
                "id": str(item.id),
                "since": item.since.isoformat(),
                "reason": item.reason,
                "holds": [str(hold) for hold in item.holds],
            }
            for item in outcome.kept
        ],
    }


def _show(outcomes: list[job.Outcome], erased: str) -> None:
    show(
        ["rule", "kept for", "due", erased, "held", "kept", "oldest"],
        [
            [
                item.rule,
                PERIODS.rules[item.rule].length,
                str(item.due),
                str(item.erased),
                str(item.held),
                str(len(item.kept) - item.held),
                item.oldest.date().isoformat() if item.oldest else "-",
            ]
            for item in outcomes
        ],
    )
    kept = [(outcome.rule, item) for outcome in outcomes for item in outcome.kept]
    for rule, item in kept[:_SHOWN]:
        holds = " ".join(["hold", *map(str, item.holds)]) if item.holds else ""
        typer.echo(f"KEPT {rule} {item.id} {item.reason} {holds}".rstrip())
    if len(kept) > _SHOWN:
        typer.echo(f"and {len(kept) - _SHOWN} more; --report FILE names them all")


@app.command("report")
def report_runs(
    last: Annotated[int, typer.Option(min=1, max=1_000, help="so many runs")] = 10,
) -> None:
    """Show the last runs: who started them, with which rules, and what they erased and left."""
    show(
        ["run", "started", "finished", "by", "rules", "rule", "erased", "held", "kept"],
        [
            [
                str(row.id),
                row.started_at.strftime("%Y-%m-%d %H:%M"),
                row.finished_at.strftime("%Y-%m-%d %H:%M") if row.finished_at else "broken off",
                row.started_by,
                row.rules_version,
                row.rule or "-",
                str(row.erased or 0),
                str(row.held or 0),
                str(row.kept or 0),
            ]
            for row in run(_runs(load_settings(), last))
        ],
    )


async def _runs(settings: Settings, last: int) -> list[Any]:
    async with opened(settings, "database_worker_url") as database, database.session() as session:
        return list(await queries.last_runs(session, last))
