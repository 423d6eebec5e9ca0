"""The command line ``registry``: one group a module, each command a few lines around a service."""

from __future__ import annotations

from app.cli import (
    agencies,
    audit,
    break_glass,
    clients,
    contract,
    db,
    issuers,
    keys,
    lists,
    matches,
    operators,
    partners,
    persons,
    retention,
    run,
    screening,
)
from app.cli.shell import group

app = group("Inter-agency registry of implementing partners.")
run.add_to(app)
app.add_typer(db.app, name="db")
app.add_typer(agencies.app, name="agencies")
app.add_typer(clients.app, name="clients")
app.add_typer(persons.app, name="persons")
app.add_typer(issuers.app, name="issuers")
app.add_typer(partners.app, name="partners")
app.add_typer(lists.app, name="lists")
app.add_typer(matches.app, name="matches")
app.add_typer(screening.app, name="screening")
app.add_typer(operators.app, name="operators")
app.add_typer(break_glass.app, name="break-glass")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(retention.app, name="retention")
app.add_typer(contract.app, name="openapi")


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="registry")


__all__ = ["app", "main"]
