"""One party of a list of the United Kingdom, out of all its rows, as a ListedParty."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from app.core.countries import find_country
from app.core.datafiles import read
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
    NameType,
    digest_of,
)
from app.sanctions.sources.draft import one_line
from app.sanctions.sources.un_reference import un_references

Fields = dict[str, str]
_KINDS: dict[str, Kind] = {"individual": "person", "entity": "organisation", "ship": "vessel"}
_DATE = re.compile(r"(?P<day>\d\d|dd)/(?P<month>\d\d|mm)/(?P<year>\d{4}|yyyy)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
# "(1) Saudi Arabian (2) Yemeni", "a) Jordanian b) American", "(1)-(2) Tunisia (3) Morocco"
_NUMBERED = re.compile(
    r"(?:^|\s)\(?(?:\d{1,2}|[a-z])\)(?:\s?(?:-|to)\s?\(?(?:\d{1,2}|[a-z])\))?\s?", re.IGNORECASE
)
_REMARK = re.compile(r"\s?\([^()]{0,200}\)|\s(?:citizen(?:ship)?|national(?:ity)?)\b.*")
_UK_LIST = re.compile(r"UK Sanctions List Ref\)?\s?[.:]\s?([A-Z]{2,4}\d{3,5})\b")
_SOURCES = {"UK": "United Kingdom", "UN": "United Nations Security Council"}
_LISTED_BY = {
    "uk_ofsi": "HM Treasury, Office of Financial Sanctions Implementation",
    "uk_sanctions": "Foreign, Commonwealth and Development Office",
}
_ABOUT = (
    *("entity_type", "parent", "subsidiaries", "owner", "owner_before", "flag", "flags_before"),
    *("ship_type", "tonnage", "length", "built"),
)
_NATIONALITIES: dict[str, str] = read("app.sanctions.sources", "uk_nationalities.yaml")[
    "adjectives"
]


def _get(row: Fields, field: str) -> str:
    """A cell on one line, "" if the layout has no such column."""
    return one_line(row.get(field))


def _all(rows: Iterable[Fields], field: str) -> list[str]:
    """What the rows say in this field, each thing once."""
    return list(dict.fromkeys(filter(None, (_get(row, field) for row in rows))))


def _parts(text: str) -> list[str]:
    """The parts of a cell that lists several."""
    parts = [part.strip(" ,;") for half in text.split("|") for part in _NUMBERED.split(half)]
    return [part for part in parts if part]


def kind_of(row: Fields) -> Kind:
    """What the row says it lists; unknown for what we have not met."""
    return _KINDS.get(_get(row, "kind").lower(), "unknown")


def name_of(row: Fields) -> str:
    """The whole name: given names, then "Name 6", which holds the family name or all of it."""
    return " ".join(filter(None, (_get(row, f"name{n}") for n in (1, 2, 3, 4, 5, 6))))


def day_of(text: str) -> date | None:
    """A day written day/month/year or as ISO; None for anything less."""
    match = _DATE.fullmatch(text)
    try:
        if match is None:
            return date.fromisoformat(text)
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None


def _days(rows: Iterable[Fields], field: str) -> list[date]:
    return sorted({day for text in _all(rows, field) if (day := day_of(text))})


def _is_primary(row: Fields) -> bool:
    return _get(row, "name_type").lower() in ("prime alias", "primary name")


def _type(row: Fields) -> NameType:
    kind, quality = _get(row, "name_type").lower(), _get(row, "quality").lower()
    if "low" in quality or "weak" in quality:
        return "weak_alias"
    return "former" if kind.startswith(("fka", "f.k.a", "former")) else "alias"


def _names(rows: Sequence[Fields]) -> tuple[ListedName, ...]:
    """Every name once, the primary first. A party of which no row is primary goes by its first."""
    named = [row for row in rows if name_of(row)]
    first = next((row for row in named if _is_primary(row)), named[0] if named else None)
    found: dict[tuple[str, NameType], ListedName] = {}
    for row in ([first] if first else []) + named:
        type_: NameType = "primary" if not found else _type(row)
        name = ListedName(name_of(row), type_, _get(row, "quality"), _get(row, "name_type"))
        if name.name != next(iter(found), ("",))[0]:
            found.setdefault((name.name, type_), name)
    for row in rows:
        if script := _get(row, "script_name"):
            note, language = _get(row, "script_type"), _get(row, "script_language")
            type_ = "original_script" if found else "primary"
            name = ListedName(script, type_, note=note, language=language)
            found.setdefault((script, type_), name)
    return tuple(found.values())


def _birth_date(text: str) -> ListedDate:
    """A day, or what of it is known: "00/07/1960" and "dd/mm/1960" are a month and a year."""
    day, match, years = day_of(text), _DATE.fullmatch(text), [int(y) for y in _YEAR.findall(text)]
    month = match["month"] if match else ""
    partial = years and not day and month.isdigit() and 1 <= int(month) <= 12
    return ListedDate(
        type="EXACT" if day else "",
        on=day.isoformat() if day else None,
        year_from=min(years, default=None),
        year_to=max(years, default=None),
        note=f"{years[0]}-{month}" if partial else "",
        text="" if years else text,
    )


def _country(text: str) -> ListedCountry:
    """A country or an adjective of nationality; a remark in brackets does not hide it."""
    bare = _REMARK.sub("", text).strip()
    code = find_country(text) or _NATIONALITIES.get(bare.lower())
    return ListedCountry(text, code or (find_country(bare) if bare else None))


def _birth_places(rows: Sequence[Fields]) -> Iterator[ListedPlace]:
    for row in rows:
        town, country = _get(row, "birth_town"), _get(row, "birth_country")
        if town or country:
            codes = {_country(part).country for part in _parts(country)}
            code = codes.pop() if len(codes) == 1 else None
            yield ListedPlace(city=town, country_name=country, country=code)


def _addresses(rows: Sequence[Fields]) -> Iterator[ListedPlace]:
    for row in rows:
        country = _get(row, "country")
        lines = filter(None, (_get(row, f"address{n}") for n in range(1, 7)))
        place = ListedPlace(
            street=", ".join(lines),
            zip_code=_get(row, "postcode"),
            country_name=country,
            country=_country(country).country if country else None,
        )
        if place != ListedPlace():
            yield place


def _documents(rows: Sequence[Fields]) -> Iterator[ListedDocument]:
    """Numbers as published, with what is said of them: one cell may hold several."""
    for row in rows:
        for field, type_ in (("passport", "passport"), ("national_id", "national identification")):
            number, detail = _get(row, field), _get(row, f"{field}_detail")
            if number:
                yield ListedDocument(type_, number, note=detail)
            elif detail:  # the layout without a column for the number alone
                yield ListedDocument(type_, detail)


def _identifiers(rows: Sequence[Fields]) -> Iterator[ListedIdentifier]:
    fields = ("registration", "imo", "hull", "phone", "email", "website")
    for field in fields:
        for text in _all(rows, field):
            for value in _parts(text):
                yield ListedIdentifier(field, value)


def _measures(source: str, rows: Sequence[Fields]) -> Iterator[ListedMeasure]:
    for row in rows:
        by = [_SOURCES.get(code.upper(), code) for code in _parts(_get(row, "designated_by"))]
        since = day_of(_get(row, "designated")) or day_of(_get(row, "listed"))
        yield ListedMeasure(
            imposed_by="; ".join(by),
            listed_by=_LISTED_BY[source],
            # The list of the Office is one of asset freezes and says so nowhere in its rows.
            measure="; ".join(_parts(_get(row, "imposed"))) or "asset freeze",
            programme=_get(row, "regime"),
            grounds=_get(row, "reasons"),
            since=since,
            reference=_get(row, "unique_id") or _get(row, "group"),
        )


def _same_as(source: str, rows: Sequence[Fields]) -> tuple[str, ...]:
    found = []
    for text in _all(rows, "un_reference"):
        found += [f"unsc:{reference.replace(' ', '')}" for reference in _parts(text)]
    for text in _all(rows, "other"):
        found += [f"unsc:{reference}" for reference in un_references(text)]
        found += [f"uk_sanctions:{reference}" for reference in _UK_LIST.findall(text)]
    if source == "uk_sanctions":
        found += [f"uk_ofsi:{group}" for group in _all(rows, "group")]
    return tuple(dict.fromkeys(found))


def _remarks(rows: Sequence[Fields]) -> str:
    about = [f"{name}: {text}" for name in _ABOUT for text in _all(rows, name)]
    return "\n".join([*_all(rows, "other"), *about])


def party_of(
    source: str, key: str, rows: Sequence[Fields], original: dict[str, Any]
) -> ListedParty:
    """The party of these rows; without names if none of them has one."""
    kinds = {kind_of(row) for row in rows}
    texts = (part for text in _all(rows, "nationality") for part in _parts(text))
    nationalities = tuple(dict.fromkeys(_country(text) for text in texts))
    addresses = tuple(dict.fromkeys(_addresses(rows)))
    birth_places = tuple(dict.fromkeys(_birth_places(rows)))
    born = [_country(part) for text in _all(rows, "birth_country") for part in _parts(text)]
    countries = {country.country for country in (*nationalities, *born)}
    countries |= {place.country for place in addresses}
    listed = _days(rows, "listed") or _days(rows, "designated")
    return ListedParty(
        key=key,
        reference=key,
        kind=kinds.pop() if len(kinds) == 1 else "unknown",
        names=_names(rows),
        birth_dates=tuple(
            dict.fromkeys(_birth_date(part) for text in _all(rows, "dob") for part in _parts(text))
        ),
        birth_places=birth_places,
        nationalities=nationalities,
        countries=tuple(sorted(code for code in countries if code)),
        documents=tuple(dict.fromkeys(_documents(rows))),
        addresses=addresses,
        programme="; ".join(_all(rows, "regime")),
        listed_on=listed[0] if listed else None,
        updated_on=tuple(_days(rows, "updated")),
        delisted_on=None,
        gender="; ".join(_all(rows, "gender")),
        titles=tuple(_all(rows, "title")),
        designations=tuple(_all(rows, "position")),
        remarks=_remarks(rows),
        original=original,
        digest=digest_of(original),
        identifiers=tuple(dict.fromkeys(_identifiers(rows))),
        measures=tuple(dict.fromkeys(_measures(source, rows))),
        same_as=_same_as(source, rows),
        urls=tuple(_all(rows, "website")),
    )
