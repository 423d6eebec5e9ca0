"""Redaction of words that a feature holds: hiding them, deciding about it, and telling of both.

What it means: `app.audit.exceptions.redaction`. A feature says which words it has and whose they
are; all else is the same for each of them. Whoever keeps a copy is told to drop it.
"""

# Annotations are values here: the routes of each feature are made with its own caller.
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions import errors, redaction
from app.audit.exceptions.redaction import Target
from app.audit.exceptions.schemas import RedactionDecisionIn, RedactionDetailOut, RedactionIn
from app.auth.caller import Caller, Keys
from app.auth.errors import PersonRequired
from app.core.db import Session
from app.core.errors import ServiceError, problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    expected_version,
    version_etag,
)
from app.core.routing import Router
from app.events import service as events
from app.events.catalogue import EventType

Find = Callable[[AsyncSession, Caller], Awaitable[Target]]
"""Finds the words of the caller's own agency; raises what the feature calls them missing by."""
_TOLD = {"confirm": EventType.CONTENT_DESTROYED, "undo": EventType.CONTENT_RESTORED}
_HIDING = (PersonRequired, errors.RoleRequired, errors.RedactionExists)
_DECIDING = (
    *(PersonRequired, errors.RoleRequired, errors.RedactionNotFound, errors.RedactionDecided),
    *(errors.SecondPersonRequired, errors.UnderLegalHold),
    *(PreconditionRequired, PreconditionFailed),
)
_Version = Annotated[int, Depends(expected_version)]
DECIDE_ONE = """\
A second person: `confirm` destroys the text for good, `undo` brings it back as it was.

Under a legal hold it stays hidden, and `confirm` is refused. `If-Match` is the version of
the redaction."""
"""What the contract says of deciding about one text."""
DECIDE_SEVERAL = """\
A second person: `confirm` destroys them for good, `undo` brings them back as they were.

Under a legal hold they stay hidden, and `confirm` is refused. `If-Match` is the version of
the redaction."""
"""The same of several."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """What the contract says of one of the two operations."""

    summary: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words that can be hidden, and the two operations on them."""

    path: str
    """Of the record, below the router's prefix."""
    name: str
    """In the names of the operations: ``redact<name>``, ``decide<name>Redaction``."""
    find: Callable[..., Awaitable[Find]]
    """Dependency that takes the path's parameters."""
    may: Any
    """Who may: `requires_once` of a scope."""
    missing: tuple[type[ServiceError], ...]
    """What ``find`` raises."""
    hide: Text
    decide: Text


def add_routes(router: Router, words: Words) -> None:
    """Add both operations on these words to a router."""
    _add_hiding(router, words)
    _add_deciding(router, words)


def _add_hiding(router: Router, words: Words) -> None:
    may, found = words.may, Depends(words.find)

    @router.post(
        f"{words.path}/redaction",
        status_code=201,
        operation_id=f"redact{words.name}",
        response_model=RedactionDetailOut,
        responses=problems(*words.missing, *_HIDING),
        summary=words.hide.summary,
        description=words.hide.description,
    )
    async def hide(
        new: RedactionIn,
        session: Session,
        keys: Keys,
        response: Response,
        caller: Caller = may,
        find: Find = found,
    ) -> dict[str, Any]:
        target = await find(session, caller)
        made = await redaction.hide(session, keys, caller, target, new.reason)
        await _tell(session, caller, EventType.CONTENT_HIDDEN, target, made)
        return _answered(made, response)


def _add_deciding(router: Router, words: Words) -> None:
    may, found = words.may, Depends(words.find)

    @router.post(
        f"{words.path}/redaction/decision",
        status_code=201,
        operation_id=f"decide{words.name}Redaction",
        response_model=RedactionDetailOut,
        responses=problems(*words.missing, *_DECIDING),
        summary=words.decide.summary,
        description=words.decide.description,
    )
    async def decide(
        decision: RedactionDecisionIn,
        version: _Version,
        session: Session,
        keys: Keys,
        response: Response,
        caller: Caller = may,
        find: Find = found,
    ) -> dict[str, Any]:
        target = await find(session, caller)
        made = await redaction.decide(session, keys, caller, target, version, decision)
        await _tell(session, caller, _TOLD[decision.decision], target, made)
        return _answered(made, response)


def _answered(made: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["Location"] = f"/v1/redactions/{made['id']}"
    response.headers["ETag"] = version_etag(made["version"])
    return made


async def _tell(
    session: AsyncSession, caller: Caller, kind: EventType, target: Target, made: dict[str, Any]
) -> None:
    about = {"redaction": str(made["id"]), "content": str(target.id)}
    await events.publish(session, kind, target.record_id, caller.agency_id, **about)
