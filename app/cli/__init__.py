"""The command line ``registry``: one group a module, each command a few lines around a service.

A group is loaded when it is called: most commands need a small part of the service, and help none.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand
from typer.main import get_group

from app.cli.shell import Commands, group, part

_OPERATOR = "Works as the operator: REGISTRY_DATABASE_MIGRATION_URL."
_WORKER = "Works as reg_worker: REGISTRY_DATABASE_WORKER_URL."
PARTS = {
    "serve": ("run", "Serve the API."),
    "worker": ("run", "Run the background work: numbering, the feed, expiry, clean-up."),
    "demo": ("run", "Serve a demo world with a PostgreSQL of its own."),
    "db": ("db", "The database: roles, schema, checks."),
    "agencies": ("agencies", f"Agencies that take part. {_OPERATOR}"),
    "clients": ("clients", f"Clients of agencies and partners. {_OPERATOR}"),
    "persons": ("persons", f"Persons of agencies. {_OPERATOR}"),
    "issuers": ("issuers", f"Trusted issuers. {_OPERATOR}"),
    "partners": ("partners", f"Partners in bulk. {_OPERATOR}"),
    "policies": ("policies", f"Recognition policies of agencies. {_OPERATOR}"),
    "lists": ("lists", f"External sanction lists. {_WORKER}"),
    "feed": ("feed", "The feed as files: bundles, and the public stream for everybody."),
    "matches": ("matches", f"Matches with sanction lists. {_WORKER}"),
    "webhooks": ("webhooks", f"Webhooks of agencies: how they fare, tests, replays. {_WORKER}"),
    "screening": ("screening", "Screening by name. Needs neither database nor network."),
    "operators": ("operators", f"Persons who run the service, by their keys. {_OPERATOR}"),
    "break-glass": (
        "break_glass",
        "The operator's way to one record's content, when nothing else helps. Works as the "
        "operator: REGISTRY_DATABASE_MIGRATION_URL and REGISTRY_ROOT_KEY_FILE.",
    ),
    "keys": (
        "keys",
        "Keys: the root key that wraps all others, and the offline keys that clients pin.",
    ),
    "audit": (
        "audit",
        "The log that proves itself. Works as the operator (REGISTRY_DATABASE_MIGRATION_URL) or "
        "as reg_worker (REGISTRY_DATABASE_WORKER_URL).",
    ),
    "retention": (
        "retention",
        f"What is kept how long. {_WORKER} The worker does a whole run every day by itself.",
    ),
    "openapi": ("contract", "The OpenAPI document that clients rely on."),
}
"""The module of each command or group, and what help says of it."""


class Later(TyperCommand):
    """A command or group that is loaded when it is called."""

    def __init__(self, name: str) -> None:
        self._module, words = PARTS[name]
        super().__init__(name, callback=None, help=words)

    def loaded(self) -> Any:
        """The command itself."""
        found: Any = get_group(part(f"app.cli.{self._module}:app"))
        found = found.commands.get(self.name, found)
        found.name, found.help = self.name, found.help or self.help
        return found

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        return self.loaded().make_context(info_name, args, parent, **extra)


class Registry(Commands):
    """The whole command line."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands.update({name: Later(name) for name in PARTS})


app = group("Inter-agency registry of implementing partners.", cls=Registry)


@app.callback()
def _nothing() -> None:
    """A Typer without commands needs a callback to be a group."""


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="registry")


__all__ = ["PARTS", "Later", "app", "main"]
