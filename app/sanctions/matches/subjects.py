"""What of a profile, a person or a listed party is compared, and its hash. Pure.

A partner: legal, native and former names and aliases; its acronym, which only counts met exactly;
country and open identifiers. A person: both names, date of birth and nationality where held. The
hashes change with what is compared and with nothing else. That of a person or profile is keyed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.core import datafiles
from app.core.names import fold
from app.partners.types import is_public_authority
from app.sanctions.matches.found import SubjectRef
from partner_registry_matcher import Subject

_OFFICE: dict[str, Any] = datafiles.read("app.sanctions", "data/public_office.yaml")


@dataclass(frozen=True, slots=True)
class Compared:
    """A subject as it is now. ``weak`` has what only counts when it is met exactly."""

    ref: SubjectRef
    version: int
    subject: Subject
    weak: Subject | None
    hash: bytes
    public_office: bool = False

    @property
    def kind(self) -> str:
        return "partner" if self.ref.person_id is None else "person"

    @property
    def id(self) -> UUID:
        """Of the profile, or of the person's entry."""
        return self.ref.person_id or self.ref.partner_id


def of_partner(row: Mapping[str, Any], key: bytes) -> Compared:
    """A profile by the columns of its row, and ``identifiers``, a list of texts."""
    names = [row["legal_name"], row["legal_name_native"], *row["former_names"], *row["aliases"]]
    subject = Subject(
        "organisation",
        list(dict.fromkeys(filter(None, names))),
        countries=[row["country"]],
        identifiers=list(row["identifiers"]),
    )
    weak = row["acronym"] and Subject("organisation", [row["acronym"]], countries=[row["country"]])
    return Compared(
        SubjectRef(_uuid(row["id"])),
        row["version"],
        subject,
        weak or None,
        _keyed(key, subject, row["acronym"]),
        is_public_authority(row["partner_type"], row["tags"]),
    )


def of_person(row: Mapping[str, Any], body: Mapping[str, Any], key: bytes) -> Compared:
    """A person by the columns of its entry and what was sealed of it."""
    names = [body["full_name"], body.get("native_name")]
    subject = Subject(
        "person",
        list(dict.fromkeys(filter(None, names))),
        countries=list(filter(None, [body.get("nationality")])),
        birth_date=body.get("birth_date"),
    )
    ref = SubjectRef(_uuid(row["partner_id"]), _uuid(row["id"]))
    return Compared(ref, row["version"], subject, None, _keyed(key, subject, None))


def _uuid(value: Any) -> UUID:
    """asyncpg's own UUIDs are equal to these, but are shown otherwise."""
    return UUID(str(value))


def _keyed(key: bytes, subject: Subject, acronym: str | None) -> bytes:
    said = {
        "kind": subject.kind,
        "names": sorted(subject.names),
        "acronym": acronym,
        "countries": sorted(subject.countries),
        "birth_date": subject.birth_date,
        "identifiers": sorted(subject.identifiers),
    }
    return hmac.digest(key, _canonical(said), hashlib.sha256)


def entry_hash(entry: Mapping[str, Any]) -> bytes:
    """Of what is compared of an entry of the feed."""
    said = {
        "kind": entry["kind"],
        "names": sorted([name["name"], name["type"]] for name in entry["names"]),
        "countries": sorted(entry["countries"]),
        "birth_dates": sorted(entry["birth_dates"]),
        "identifiers": sorted(item["value"] for item in entry["identifiers"]),
    }
    return hashlib.sha256(_canonical(said)).digest()


def _canonical(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def holds_office(entry: Mapping[str, Any], party: Mapping[str, Any] | None) -> bool:
    """Whether a listed party is a public body or holds public office, as far as its list says."""
    if party and _any(
        _OFFICE["offices"], [*_texts(party, "titles"), *_texts(party, "designations")]
    ):
        return True
    names = [name["name"] for name in entry["names"]]
    return entry["kind"] != "person" and _any(_OFFICE["bodies"], names)


def _texts(party: Mapping[str, Any], name: str) -> list[str]:
    return [str(item) for item in party.get(name) or ()]


def _any(words: Iterable[str], texts: Iterable[str]) -> bool:
    folded = [f" {fold(text)} " for text in texts]
    return any(f" {word} " in text for word in words for text in folded)
