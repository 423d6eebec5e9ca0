"""What a list source is, and the shape in which every source hands over its parties."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import rfc8785

Kind = Literal["person", "organisation"]
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
class ListedParty:
    """One entry of a list.

    `key` identifies the entry within its source for ever; `reference` is what people quote.
    `original` is the whole published record as nested JSON, losing nothing; `digest` is the
    SHA-256 of its canonical JSON and the only sign of a change that is trusted.
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

    @property
    def count(self) -> int:
        """All parties of the file."""
        return self.persons + self.organisations


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

    def parse(self, path: Path) -> ParsedList:
        """Check the whole file, then hand it over; the file stays on disk meanwhile.

        Raises SourceUnreadable (with the place) or SourceEmpty. A file is taken whole or not
        at all: what this returns has been read to its end once.
        """
        ...


def digest_of(original: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a whole published record."""
    return hashlib.sha256(rfc8785.dumps(original)).hexdigest()
