"""What can go wrong for an operator, in one plain sentence; anything else keeps its traceback."""

from __future__ import annotations

import socket

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.agencies.life_cycle import AgencyProblem
from app.audit.exceptions.break_glass import BreakGlassRefused
from app.auth.clients import ClientProblem
from app.auth.key_rotation import KeyProblem
from app.cli.shell import Refused
from app.core.embedded import EmbeddedPostgresError
from app.core.key_provider import Undecipherable
from app.core.rekeying import RotationProblem
from app.core.settings import UnsafeSettings
from app.partners.retention.run import RetentionProblem
from app.sanctions.feed.bundle import BundleProblem
from app.sanctions.feed.root_keys import RootKeyProblem
from app.sanctions.lists.files import NoIssue
from app.sanctions.lists.importer import ListHeld, ListOlder, ListRefused, UnknownSource
from app.sanctions.lists.quarantine import NothingHeld
from app.sanctions.sources import SourceEmpty, SourceUnreadable

_PLAIN = (
    Refused,
    UnsafeSettings,
    EmbeddedPostgresError,
    ClientProblem,
    AgencyProblem,
    BreakGlassRefused,
    RootKeyProblem,
    BundleProblem,
    KeyProblem,
    RotationProblem,
    RetentionProblem,
    UnknownSource,
    ListOlder,
    ListRefused,
    ListHeld,
    NoIssue,
    NothingHeld,
)
_NO_ANSWER = "No database answers at the configured address: {reason}."
_DATABASE: tuple[tuple[type[Exception], str], ...] = (
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "The database refuses the login: check role and password of the URL.",
    ),
    (asyncpg.InvalidCatalogNameError, "The database named in the URL does not exist."),
    (asyncpg.CannotConnectNowError, "The database is starting or stopping: try again."),
    (asyncpg.TooManyConnectionsError, "The database has no connection left: try again."),
    (
        asyncpg.UndefinedTableError,
        "The database has not the schema of this release: run `registry db upgrade`.",
    ),
    (
        asyncpg.UndefinedColumnError,
        "The database has not the schema of this release: run `registry db upgrade`.",
    ),
    (asyncpg.LockNotAvailableError, "Something else holds the tables: try again."),
)


def sentence(error: Exception) -> str | None:
    """One sentence for an expected error, None for one that is ours to repair."""
    if isinstance(error, ValidationError):
        return _settings(error)
    if isinstance(error, SourceUnreadable | SourceEmpty):
        return _finished(f"The file cannot be used: {error}")
    if isinstance(error, _PLAIN) or _of_alembic(error):
        return _finished(str(error))
    if isinstance(error, Undecipherable):
        return "A key of the database was wrapped by a root key that the settings do not name."
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig
    for kind, words in _DATABASE:
        if isinstance(cause, kind):
            return words
    if isinstance(cause, asyncpg.InsufficientPrivilegeError):
        return _finished(f"The database role may not do this: {cause}")
    if isinstance(cause, OSError):
        return _system(cause)
    return None


def _of_alembic(error: Exception) -> bool:
    # Imported here: it is slow to import, and few commands need it.
    from alembic.util import CommandError

    return isinstance(error, CommandError)


def _system(error: OSError) -> str:
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
        return _NO_ANSWER.format(reason=str(error).rstrip(".") or "no answer in time")
    if error.filename:
        return _finished(f"{error.filename}: {(error.strerror or 'cannot be used').lower()}")
    # asyncpg tried several addresses of one host; none took the connection.
    return _NO_ANSWER.format(reason="the connection is refused")


def _settings(error: ValidationError) -> str | None:
    if error.title != "Settings":
        return None
    first = error.errors(include_url=False)[0]
    cause = (first.get("ctx") or {}).get("error")
    if isinstance(cause, UnsafeSettings):
        return str(cause)
    name = "REGISTRY_" + "_".join(str(part) for part in first["loc"]).upper()
    return _finished(f"{name}: {first['msg'].removeprefix('Value error, ')}")


def _finished(text: str) -> str:
    # One line, whatever a library put into its message.
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."
