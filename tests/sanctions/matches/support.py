"""Potential matches for tests, as the re-screening hands them in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI

from app.core.crypto import KeyRing
from app.core.db import Database
from app.sanctions.matches.found import Found, SubjectRef
from app.sanctions.matches.items import Counts, found_for_entry, found_for_subject
from tests.support import Api

URL = "/v1/sanctions/matches"
PURPOSE = {"Access-Purpose": 'AUDIT; ref="AUD-2026-1"'}
REASON = {"reason": "Canary: founded elsewhere thirty years later."}


def a_find(partner: str, **more: Any) -> Found:
    """One potential match of a partner with a listed party of its own."""
    person = more.pop("person", None)
    values: dict[str, Any] = {
        "subject": SubjectRef(UUID(partner), UUID(person) if person else None),
        "entry_id": uuid4(),
        "source": "unsc",
        "reference": f"QDe.{secrets.randbelow(10_000)}",
        "subject_hash": b"s" * 32,
        "entry_hash": b"e" * 32,
        "score": 0.93,
        "script": "Latn",
        "explanation": {"names": [["Canary Amani", "Canary Imani"]]},
        "public_office": False,
    }
    return Found(**(values | more))


@dataclass(frozen=True)
class Rescreening:
    """What the worker does when it has compared."""

    app: FastAPI
    worker: Database

    async def subject(self, partner: str, *found: Found, **more: Any) -> Counts:
        """The whole truth of a partner, or with ``person`` of one of its people."""
        person = more.pop("person", None)
        ref = SubjectRef(UUID(partner), UUID(person) if person else None)
        async with self.worker.session() as session:
            return await found_for_subject(
                session, KeyRing(self.app.state.root), ref, found, **more
            )

    async def entry(self, entry_id: UUID, *found: Found) -> Counts:
        """The whole truth of a listed party."""
        async with self.worker.session() as session:
            return await found_for_entry(session, KeyRing(self.app.state.root), entry_id, found)


async def match_of(api: Api, partner: str, **filters: str) -> dict[str, Any]:
    """The one match of a partner that the caller sees."""
    [one] = await matches_of(api, partner, **filters)
    return one


async def matches_of(api: Api, partner: str, **filters: str) -> list[dict[str, Any]]:
    """Matches of a partner that the caller sees."""
    page = await api.read(URL, params={"partner_id": partner, **filters})
    return list(page["items"])


async def detail_of(api: Api, match: dict[str, Any] | str) -> dict[str, Any]:
    """A match with all that is said of it."""
    match_id = match if isinstance(match, str) else match["id"]
    return await api.read(f"{URL}/{match_id}", headers=PURPOSE)


async def say(api: Api, match: dict[str, Any], decision: str = "NOT_A_MATCH") -> dict[str, Any]:
    """The agency's word on a match, as it was read."""
    return await api.made(
        f"{URL}/{match['id']}/decision",
        {"decision": decision, **REASON},
        headers={"If-Match": f'"v{match["version"]}"'},
    )


async def second(
    api: Api, match: dict[str, Any], proposal: str, decision: str = "confirm"
) -> dict[str, Any]:
    """The second person's word on a proposal."""
    body = {"proposal_id": proposal, "decision": decision, "reason": "Canary: compared."}
    return await api.made(f"{URL}/{match['id']}/confirmation", body)


async def confirmed(proposer: Api, seconder: Api, match: dict[str, Any]) -> dict[str, Any]:
    """A true match by two persons."""
    proposed = await say(proposer, match, "TRUE_MATCH")
    return await second(seconder, match, proposed["own"]["pending"])


async def standing_reasons(api: Api, partner: str) -> list[str]:
    """What holds the partner back, as this agency may know."""
    answer = await api.read(f"/v1/partners/{partner}/standing")
    return [item["reason"] for item in answer["restraints"]]
