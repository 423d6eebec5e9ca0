"""The answer of one screening from facts that were read before. Pure, but for its own id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from app.core.clock import rfc3339
from app.core.ids import new_secret_id
from app.partners.errors import PartnerNotFound
from app.sanctions.matches.words import decided
from app.sanctions.screening import scorer
from app.sanctions.screening.lists import Chosen, Lists
from app.sanctions.screening.schemas import Asked
from app.sanctions.screening.scorer import Hit, Listed
from app.sanctions.screening.service import Layers

Found = Sequence[tuple[Hit, Listed]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the statement read: for whom, the lists, and the profiles that were named."""

    agency: str
    seq: int
    lists: Lists
    partners: Mapping[UUID, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One screening, ready to be scored: what is asked, and what of the facts it needs.

    ``decisions`` are what counts of the partner's potential matches, by entry.
    """

    wanted: Asked
    chosen: Chosen
    layers: Layers
    partner_id: UUID | None = None
    memory: str = "not_asked"
    decisions: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    batch_id: UUID | None = None
    rerun_of: UUID | None = None
    floor: float | None = None
    """Hits below the threshold, down to here, are found, too, and count for nothing."""
    left_out: bool = False
    """Whether the caller left entities out beside choosing lists."""

    def find(self) -> Found:
        """Listed parties that may be the subject, best first. Slow: may run in a thread."""
        floor = self.wanted.threshold if self.floor is None else self.floor
        layers = self.layers.only(self.chosen.own_codes)
        found = layers.screen(scorer.subject_of(self.wanted.subject), floor)
        return [one for one in found if self.chosen.takes(one[1].source)]


@dataclass(frozen=True)
class Answer:
    """The body that leaves, and what is stored beside it. ``every`` has all hits, shown or not."""

    prepared: Prepared
    body: dict[str, Any]
    every: list[dict[str, Any]]

    @cached_property
    def json(self) -> bytes:
        """The body as it leaves."""
        return to_json(self.body)

    @property
    def decisions(self) -> dict[str, Any]:
        """Those that counted, for whoever asks the same again."""
        return {hit["entry_id"]: hit["decision"] for hit in self.every if hit["decision"]}


def prepare(wanted: Asked, facts: Facts, layers: Layers, **more: Any) -> Prepared:
    """Raises ListUnknown, or PartnerNotFound for a profile the caller may not know of."""
    if any(one not in facts.partners for one in wanted.partners):
        raise PartnerNotFound
    chosen = facts.lists.choose(wanted.lists)
    if wanted.partner_id is None:
        return Prepared(wanted, chosen, layers, **more)
    partner = facts.partners[wanted.partner_id]
    memory, decisions = _remembered(wanted, partner, facts.agency)
    return Prepared(wanted, chosen, layers, UUID(partner["id"]), memory, decisions, **more)


def answered(prepared: Prepared, found: Found, now: datetime) -> Answer:
    """The answer as it is given; decisions about the partner are in it."""
    wanted, chosen = prepared.wanted, prepared.chosen
    every = [_hit(hit, listed, prepared.decisions) for hit, listed in found]
    hits = [hit for hit in every if hit["score"] >= wanted.threshold]
    hits.sort(key=lambda hit: bool(hit["cleared"]))  # stable: best first stays
    open_hits = any(not hit["cleared"] for hit in hits)
    body = {
        "screening_id": new_secret_id(),
        "at": rfc3339(now),
        "list_version": prepared.layers.seq,
        "algorithm": scorer.ALGORITHM,
        "statistics_version": prepared.layers.statistics_version,
        "threshold": wanted.threshold,
        "role": wanted.role,
        "partner_id": prepared.partner_id,
        "memory": prepared.memory,
        "outcome": outcome(open_hits, chosen.stale),
        "stale_sources": chosen.stale,
        "own_lists": chosen.own,
        "lists": chosen.lists,
        "hits": hits[: wanted.limit],
        "more": max(0, len(hits) - wanted.limit),
    }
    return Answer(prepared, body, every)


def outcome(open_hits: bool, stale: Iterable[str]) -> str:
    """What was found counts though a list is old; that nothing was found does not."""
    return "potential_match" if open_hits else "unknown_stale" if list(stale) else "no_hit"


def _hit(hit: Hit, listed: Listed, decisions: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    decision = decisions.get(listed.entry_id)
    return {
        "entry_id": listed.entry_id,
        "source": listed.source,
        "reference": listed.reference,
        "caption": listed.caption,
        "score": hit.score,
        "cleared": decision is not None and decision["decision"] == "NOT_A_MATCH",
        "decision": decision,
        "explanation": hit.explanation,
    }


def _remembered(
    wanted: Asked, partner: Mapping[str, Any], agency: str
) -> tuple[str, dict[str, dict[str, Any]]]:
    """What was decided of the partner, by entry; nothing where the subject is not its profile."""
    if not _is(wanted, partner):
        return "subject_differs", {}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for item in partner["matches"]:
        groups.setdefault(item["entry_id"], []).append(item)
    decisions = {}
    for entry_id, group in groups.items():
        found = decided(group, agency)
        if found is not None:
            item, word = found
            ids = {"match_id": item["match_id"], "decision_id": word.pop("id"), "reason": None}
            decisions[entry_id] = word | ids
    return "honoured", decisions


def _is(wanted: Asked, partner: Mapping[str, Any]) -> bool:
    """Whether the subject says nothing that its profile does not: that is what was decided on."""
    subject = wanted.subject
    return (
        subject.birth_date is None
        and _within(subject.names, partner["names"])
        and _within(subject.countries, partner["countries"])
        and _within(subject.identifiers, partner["identifiers"])
    )


def _within(given: Iterable[str], known: Iterable[str] | None) -> bool:
    return set(map(scorer.fold, given)) <= set(map(scorer.fold, known or ()))
