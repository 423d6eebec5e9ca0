"""What the re-screening hands to the work items: pairs of a subject and a listed party."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SubjectRef:
    """Whose names were compared: the partner itself, or with ``person_id`` one of its people."""

    partner_id: UUID
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One potential match, bound to what both sides said when they were compared.

    ``subject_hash`` and ``entry_hash`` change when, and only when, a compared field of that side
    does (names, countries, dates of birth, identifiers); the subject's is keyed, so that it tells
    nothing of a person. ``explanation`` may hold names of people: it is stored sealed.
    ``holder`` names the agency whose own list this is; None for a list that counts for all.
    """

    subject: SubjectRef
    entry_id: UUID
    source: str
    reference: str
    subject_hash: bytes
    entry_hash: bytes
    score: float
    script: str
    explanation: dict[str, Any]
    public_office: bool
    holder: UUID | None = None
