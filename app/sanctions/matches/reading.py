"""Potential matches as adjudicators read them. Never commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import StatedPurpose
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.partners.people import queries as people
from app.partners.people import service as people_service
from app.partners.purpose import stated_purpose
from app.sanctions.matches import access, queries
from app.sanctions.matches.items import explanation_context
from app.sanctions.matches.models import MatchDecision
from app.sanctions.matches.rules import RULES
from app.sanctions.matches.schemas import MatchFilter
from app.sanctions.matches.texts import decision_texts, facts_of

_SHOWN = (
    *("id", "version", "partner_id", "entry_id", "source", "reference", "public_office", "state"),
    *("round", "opened_at", "due_at", "emergency", "escalated_at"),
)


def shown(row: Any) -> dict[str, Any]:
    """A row of the queries as MatchOut needs it."""
    wire = {name: getattr(row, name) for name in _SHOWN}
    return wire | {
        "subject": "person" if row.person_id else "partner",
        "own_list": row.holder is not None,
        "own": own_word(row),
    }


def own_word(row: Any) -> dict[str, Any]:
    """What the pair is for the calling agency: its own word, else one that it takes over."""
    word: dict[str, Any] = {"by": None, "agency": None, "since": None, "pending": row.pending}
    if row.state == "obsolete":
        return word | {"state": "obsolete", "pending": None}
    if row.own_decision is not None:
        by = "accepted" if row.accepted_from else "own"
        about = {"by": by, "agency": row.own_agency, "since": row.own_since}
        return word | about | {"state": row.own_decision.lower()}
    if row.taken_from is not None:
        about = {"by": "policy", "agency": row.taken_from, "since": row.taken_since}
        return word | about | {"state": "not_a_match"}
    return word | {"state": "open"}


async def list_matches(
    session: AsyncSession,
    caller: Caller,
    filters: MatchFilter,
    after: tuple[datetime, UUID] | None,
) -> Sequence[Any]:
    """One row more than a page; none for whoever does not adjudicate."""
    if not access.may_read(caller):
        return []
    who = await access.asked_by(session, caller)
    wanted = filters.model_dump(exclude={"limit", "cursor"})
    return await queries.list_matches(session, who, wanted, after, filters.limit + 1)


async def read_match(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    match_id: UUID,
    purposes: Sequence[str],
) -> dict[str, Any]:
    """Both sides, how they compare, and what was decided; logged before it leaves.

    Raises MatchNotFound, then PurposeRequired.
    """
    row = await access.readable(session, caller, match_id)
    stated = stated_purpose(purposes)
    context = explanation_context(row.id, row.round)
    words = await _words(session, keys, caller, row, stated)
    compared = await _compared(session, keys, caller, row, stated)
    await _log(session, caller, Event.MATCH_READ, audit.Subject(row.id, row.holder), stated)
    return (
        shown(row)
        | {
            "person_id": row.person_id,
            "score": row.score,
            "script": row.script,
            "subject_hash": row.subject_hash.hex(),
            "entry_hash": row.entry_hash.hex(),
            "explanation": from_json(await keys.open(session, context, row.sealed)),
            "compared": compared,
            "facts_requests": [
                await facts_of(session, keys, one)
                for one in await queries.questions_of(session, row.id)
            ],
        }
        | words
    )


async def _log(
    session: AsyncSession,
    caller: Caller,
    event: Event,
    subject: audit.Subject,
    stated: StatedPurpose,
    **about: Any,
) -> None:
    # Without the partner: it would read in its own log that somebody looks into it.
    await audit.record(
        session,
        caller,
        event,
        subject,
        purpose=stated.purpose,
        reference=stated.reference,
        basis="role",
        **about,
    )


async def _words(
    session: AsyncSession, keys: KeyRing, caller: Caller, row: Any, stated: StatedPurpose
) -> dict[str, Any]:
    """Decisions by whose they are; their authors see in the log who read the reasons."""
    codes = await agencies.codes_by_id(session)
    words: dict[str, list[dict[str, Any]]] = {"decisions": [], "offers": [], "others": []}
    read: dict[UUID, list[str]] = {}
    for word in await queries.decisions_of(session, row.id):
        wire = await _word(session, keys, word, codes, row)
        own = word.owner_agency == caller.agency_id
        words["decisions" if own else "offers" if _offered(word, row) else "others"].append(wire)
        if not own:
            read.setdefault(word.owner_agency, []).append(str(word.id))
    for author, ids in read.items():
        subject = audit.Subject(row.id, author)
        await _log(session, caller, Event.MATCH_REASON_READ, subject, stated, decisions=ids)
    return words


def _offered(word: MatchDecision, row: Any) -> bool:
    fresh = word.round == row.round and word.state == "standing" and row.state != "obsolete"
    return fresh and word.decision == "NOT_A_MATCH" and word.accepted_from is None


async def _word(
    session: AsyncSession, keys: KeyRing, word: MatchDecision, codes: Any, row: Any
) -> dict[str, Any]:
    names = (
        *("id", "decision", "state", "round", "proposed_by", "proposed_at", "confirmed_by"),
        *("confirmed_at", "ended_at", "accepted_from", "redacted"),
    )
    return (
        {name: getattr(word, name) for name in names}
        | {
            "agency": codes[word.owner_agency],
            "current": word.round == row.round,
            "subject_hash": word.subject_hash.hex(),
            "entry_hash": word.entry_hash.hex(),
        }
        | await decision_texts(session, keys, word)
    )


# ------------------------------------------------------------------------------- field by field


def _result(subject: Iterable[str], listed: Iterable[str]) -> str:
    ours = {item.casefold() for item in subject}
    theirs = {item.casefold() for item in listed}
    if not ours or not theirs:
        return "unknown"
    if ours == theirs:
        return "same"
    return "overlap" if ours & theirs else "different"


async def _compared(
    session: AsyncSession, keys: KeyRing, caller: Caller, row: Any, stated: StatedPurpose
) -> list[dict[str, Any]]:
    entry = await queries.listed(session, row.source, row.entry_id)
    theirs = {
        "kind": [entry["kind"]] if entry.get("kind") else [],
        "names": [item["name"] for item in entry.get("names", ())],
        "countries": list(entry.get("countries", ())),
        "birth_dates": list(entry.get("birth_dates", ())),
        "identifiers": [item["value"] for item in entry.get("identifiers", ())],
    }
    if row.person_id is None:
        ours = _of_profiles(await queries.profiles(session, row.stored_partner_id))
    else:
        ours = await _of_person(session, keys, caller, row, stated)
    return [
        {
            "field": field,
            "subject": ours.get(field, []),
            "listed": listed,
            "result": _result(ours.get(field, []), listed),
        }
        for field, listed in theirs.items()
    ]


def _of_profiles(profiles: Sequence[Any]) -> dict[str, list[str]]:
    names = [
        name
        for one in profiles
        for name in (
            *(one.legal_name, one.legal_name_native, one.acronym),
            *(*one.aliases, *one.former_names),
        )
        if name
    ]
    return {
        "kind": ["organisation"],
        "names": list(dict.fromkeys(names)),
        "countries": sorted({one.country for one in profiles}),
        "identifiers": [value for one in profiles for value in one.identifiers],
    }


async def _of_person(
    session: AsyncSession, keys: KeyRing, caller: Caller, row: Any, stated: StatedPurpose
) -> dict[str, list[str]]:
    """An entry of the partner's people; that it was read is logged as every reading of people."""
    found = await people.find_person(session, row.partner_id, row.person_id)
    if found is None:
        return {}
    shown_people = await people_service.disclose(
        session, keys, caller, row.partner_id, [found], stated
    )
    person = shown_people[0]["person"] or {}
    return {
        "kind": ["person"],
        "names": [person[name] for name in ("full_name", "native_name") if person.get(name)],
        "countries": [person["nationality"]] if person.get("nationality") else [],
        "birth_dates": [str(person["birth_date"])] if person.get("birth_date") else [],
    }


# ------------------------------------------------------------------------------------- figures


async def statistics(session: AsyncSession, caller: Caller, now: datetime) -> dict[str, Any]:
    """Share of false hits by script. Groups that are too small are named without figures."""
    rows = await queries.statistics(session) if access.may_read(caller) else []
    least = RULES.smallest_group
    return {
        "as_of": now.date(),
        "smallest_group": least,
        "scripts": [
            {
                "script": row.script,
                "decided": row.decided if row.decided >= least else None,
                "false_share": round(row.clean / row.decided, 2) if row.decided >= least else None,
            }
            for row in rows
        ],
    }
