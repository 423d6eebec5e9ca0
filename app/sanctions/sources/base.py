"""What a list source is, and the shape in which every source hands over its parties."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import rfc8785

Kind = Literal["person", "organisation", "vessel", "aircraft", "unknown"]
"""What is listed. An ``unknown`` party may be a person or an organisation: it is compared with
both; vessels and aircraft are kept and passed on, and compared with nobody's name."""
Audience = Literal["shared", "opt_in"]
"""Whether a list counts for every agency, or only for those that switched it on."""
Regime = Literal["SECURITY_COUNCIL", "VENDOR", "IMPLEMENTING_PARTNER", "NATIONAL", "BANK"]
Level = Literal["PUBLIC", "INTER_AGENCY"]
"""Who may know what the list says: anybody, or the agencies alone."""
NameType = Literal["primary", "alias", "weak_alias", "former", "original_script"]


class SourceUnreadable(Exception):
    """The file is not what the source publishes; nothing of it may be used.

    `place` says where as exactly as is known: "line 53, column 11", "byte 4711".
    """

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(f"{reason} ({place})")
        self.reason = reason
        self.place = place


class SourceEmpty(Exception):
    """The file is well formed and lists nobody: never taken for "everybody was delisted"."""


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name as listed. `quality` is as published; `derived` marks one we split off another."""

    name: str
    type: NameType
    quality: str = ""
    note: str = ""
    derived: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class ListedDate:
    """A date of birth: an ISO date if a day is known, and the years it may lie in.

    `type` is as published ("EXACT", "APPROXIMATELY", "BETWEEN", "") or "ALIAS" for a date
    belonging to an assumed identity. `text` holds what no year could be read from.
    """

    type: str
    on: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    note: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ListedCountry:
    """A country as published, and its alpha-3 where we recognise it."""

    name: str
    country: str | None


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """An address or a place of birth."""

    street: str = ""
    city: str = ""
    state_province: str = ""
    zip_code: str = ""
    country_name: str = ""
    country: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """An identity document."""

    type: str
    number: str
    type_detail: str = ""
    issuing_country: ListedCountry | None = None
    issued_on: str = ""
    issued_city: str = ""
    issued_country: ListedCountry | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListedIdentifier:
    """A number that is not an identity document: registration, tax, vessel, e-mail, website."""

    type: str
    value: str
    country: ListedCountry | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListedMeasure:
    """What was imposed, by whom, until when.

    `imposed_by` decided, `listed_by` publishes: a bank lists what another bank imposed. `until` is
    None with ``indefinite`` where the publisher writes a far date or "permanent" for no end.
    """

    imposed_by: str = ""
    listed_by: str = ""
    measure: str = ""
    programme: str = ""
    grounds: str = ""
    legal_basis: str = ""
    since: date | None = None
    until: date | None = None
    indefinite: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ListedParty:
    """One entry of a list.

    `key` identifies the entry within its source for ever; `reference` is what people quote.
    `original` is the whole published record as nested JSON, losing nothing; `digest` is the
    SHA-256 of its canonical JSON, without what is volatile, and the only sign of a change that is
    trusted.

    The fields from `identifiers` on are for lists that publish more than the Security Council's:
    `measures` (one a listing; empty where the list itself is the measure), `same_as` are
    references on other lists ("unsc:QDi.001"), `related` the keys of parties of this list.
    """

    key: str
    reference: str
    kind: Kind
    names: tuple[ListedName, ...]
    birth_dates: tuple[ListedDate, ...]
    birth_places: tuple[ListedPlace, ...]
    nationalities: tuple[ListedCountry, ...]
    countries: tuple[str, ...]
    documents: tuple[ListedDocument, ...]
    addresses: tuple[ListedPlace, ...]
    programme: str
    listed_on: date | None
    updated_on: tuple[date, ...]
    delisted_on: date | None
    gender: str
    titles: tuple[str, ...]
    designations: tuple[str, ...]
    remarks: str
    original: dict[str, Any] = field(repr=False)
    digest: str
    identifiers: tuple[ListedIdentifier, ...] = ()
    measures: tuple[ListedMeasure, ...] = ()
    same_as: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @property
    def caption(self) -> str:
        """The primary name."""
        return self.names[0].name


@dataclass(frozen=True, slots=True)
class ListHeader:
    """What the file says of itself, and what is in it; known before the first party is read."""

    generated_at: datetime | None
    persons: int
    organisations: int
    bytes: int
    sha256: str
    unknown: tuple[str, ...] = ()  # elements the source did not use to publish
    others: int = 0  # vessels, aircraft and parties of unknown kind
    layout: str = ""  # which of a source's formats the files are in
    title: str = ""  # of a mapped list: what its mapping says of it, else ""
    publisher: str = ""
    licence: str = ""

    @property
    def count(self) -> int:
        """All parties of the file."""
        return self.persons + self.organisations + self.others


class ParsedList(Protocol):
    """A file found sound from its first byte to its last. Iterating reads it anew each time."""

    @property
    def header(self) -> ListHeader:
        """Known without iterating."""
        ...

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in file order, one at a time in memory."""
        ...


class ListSource(Protocol):
    """A publisher's list. To add one: a file here and its line in `__init__.py`."""

    @property
    def code(self) -> str:
        """Short, lower-case, never reused."""
        ...

    @property
    def title(self) -> str:
        """As the publisher calls the list."""
        ...

    @property
    def publisher(self) -> str: ...

    @property
    def licence(self) -> str:
        """On what terms the content may be passed on."""
        ...

    @property
    def required(self) -> bool:
        """Without this list, or past its staleness, no screening may say "no hit"."""
        ...

    @property
    def max_staleness(self) -> timedelta: ...

    @property
    def audience(self) -> Audience:
        """``opt_in`` for every national or regional list and every mapped one."""
        ...

    @property
    def regime(self) -> Regime: ...

    @property
    def shrink_limit(self) -> float:
        """Share of its parties that may vanish at once before a person has to look."""
        ...

    @property
    def volatile(self) -> frozenset[str]:
        """Members of the records that every run of the publisher writes anew, such as the time of
        the run. They are kept, and a change of them alone is no change of the record."""
        ...

    @property
    def joint(self) -> bool:
        """A shared list that counts only after the agencies enabled it jointly."""
        ...

    @property
    def level(self) -> Level:
        """``INTER_AGENCY`` for a list that must never reach the public stream."""
        ...

    def parse(self, *paths: Path) -> ParsedList:
        """Check the files of one issue whole, then hand them over; they stay on disk meanwhile.

        Which of the source's formats they are in is seen by their content, never by their names
        alone. Raises SourceUnreadable (with the place: file, line, column) or SourceEmpty. An
        issue is taken whole or not at all: what this returns has been read to its end once.
        """
        ...


class SourceDefaults:
    """What most sources are; their classes derive from it, and set what they are otherwise."""

    @property
    def volatile(self) -> frozenset[str]:
        """Nothing of a record is volatile."""
        return frozenset()

    @property
    def joint(self) -> bool:
        """It needs no joint decision."""
        return False

    @property
    def level(self) -> Level:
        """It is public."""
        return "PUBLIC"


def only(paths: tuple[Path, ...]) -> Path:
    """The one file of a source that publishes one. Raises SourceUnreadable for none or several."""
    if len(paths) != 1:
        raise SourceUnreadable(f"{len(paths)} files instead of one", "the call")
    return paths[0]


def digest_of(original: dict[str, Any], volatile: Collection[str] = ()) -> str:
    """SHA-256 over the canonical JSON of a whole published record but its ``volatile`` members."""
    kept = {name: value for name, value in original.items() if name not in volatile}
    return hashlib.sha256(rfc8785.dumps(kept)).hexdigest()
