"""A listed party while its record is read, and the small readings that all sources share."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from app.core.countries import find_country
from app.sanctions.sources.base import (
    Kind,
    ListedCountry,
    ListedDate,
    ListedDocument,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    digest_of,
)

_FAR = 2100
_LONGEST_KEY = 160
# Marks of writing direction: they belong to a page, and would make one name out of two.
_DIRECTIONS = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def one_line(text: str | None) -> str:
    """A text on one line with single spaces and no marks of writing direction, "" for none."""
    return " ".join((text or "").translate(_DIRECTIONS).split())


def country_of(text: str | None) -> ListedCountry | None:
    """A country as published, with its code if we recognise it; None for no text."""
    name = one_line(text)
    return ListedCountry(name, find_country(name.removeprefix("Region: "))) if name else None


def place_of_text(text: str | None, note: str = "") -> ListedPlace:
    """A place written as one text; what follows its last comma is the country if it is one."""
    whole = one_line(text)
    head, _, last = whole.rpartition(",")
    country = find_country(last.strip()) if last.strip() else None
    if country is None:
        return ListedPlace(city=whole, note=note)
    return ListedPlace(city=head.strip(), country_name=last.strip(), country=country, note=note)


def day_of(text: str | None, form: str = "%Y-%m-%d") -> date | None:
    """A date written in this form, None for anything else."""
    try:
        return datetime.strptime(one_line(text), form).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None


def until_of(day: date | None) -> tuple[date | None, bool]:
    """The end of a measure, and whether it is meant to have none: so publishers write far dates."""
    return (None, True) if day and day.year >= _FAR else (day, False)


def key_of(*parts: str) -> str:
    """A key made of what identifies a record whose publisher gives it no number."""
    key = ":".join(one_line(part) for part in parts)
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[:_LONGEST_KEY]}#{hashlib.sha256(key.encode()).hexdigest()[:32]}"


@dataclass(slots=True)
class Draft:
    """What was read so far. The first name is the primary one."""

    key: str
    kind: Kind
    reference: str = ""
    names: list[ListedName] = field(default_factory=list)
    birth_dates: list[ListedDate] = field(default_factory=list)
    birth_places: list[ListedPlace] = field(default_factory=list)
    nationalities: list[ListedCountry] = field(default_factory=list)
    documents: list[ListedDocument] = field(default_factory=list)
    identifiers: list[ListedIdentifier] = field(default_factory=list)
    addresses: list[ListedPlace] = field(default_factory=list)
    measures: list[ListedMeasure] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    related: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    other_countries: list[str | None] = field(default_factory=list)
    programme: str = ""
    listed_on: date | None = None
    updated_on: list[date] = field(default_factory=list)
    gender: str = ""

    def finish(self, original: dict[str, Any]) -> ListedParty:
        """The party, each thing in it once, in the order of the record."""
        return ListedParty(
            key=self.key,
            reference=self.reference or self.key,
            kind=self.kind,
            names=_names(self.names),
            birth_dates=tuple(dict.fromkeys(self.birth_dates)),
            birth_places=_places(self.birth_places),
            nationalities=tuple(dict.fromkeys(self.nationalities)),
            countries=self._countries(),
            documents=tuple(dict.fromkeys(self.documents)),
            addresses=_places(self.addresses),
            programme=self.programme,
            listed_on=self.listed_on,
            updated_on=tuple(sorted(set(self.updated_on))),
            delisted_on=None,
            gender=self.gender,
            titles=_texts(self.titles),
            designations=(),
            remarks="; ".join(_texts(self.remarks)),
            original=original,
            digest=digest_of(original),
            identifiers=tuple(dict.fromkeys(self.identifiers)),
            measures=tuple(self.measures),
            related=_texts(self.related),
            urls=_texts(self.urls),
        )

    def _countries(self) -> tuple[str, ...]:
        named: list[ListedCountry | None] = [*self.nationalities]
        named += [item.country for item in self.identifiers]
        for paper in self.documents:
            named += [paper.issuing_country, paper.issued_country]
        found = {item.country for item in named if item}
        found |= {place.country for place in (*self.addresses, *self.birth_places)}
        return tuple(sorted(code for code in found.union(self.other_countries) if code))


def _names(names: Iterable[ListedName]) -> tuple[ListedName, ...]:
    unique: dict[tuple[str, str], ListedName] = {}
    for name in names:
        if name.name:
            unique.setdefault((name.name, name.type), name)
    return tuple(unique.values())


def _places(places: Iterable[ListedPlace]) -> tuple[ListedPlace, ...]:
    return tuple(place for place in dict.fromkeys(places) if place != ListedPlace())


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys(texts) if text)
