"""A list in the simple table of FollowTheMoney (targets.simple.csv), as OpenSanctions writes it.

The layout has 16 columns; files from before 2025 lack program_ids. A cell holds several values
with semicolons between them, quoted as in a CSV where they hold one themselves.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from app.core.countries import parse_country
from app.sanctions.sources.base import (
    Audience,
    Kind,
    ListedDate,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    Regime,
    SourceDefaults,
    digest_of,
    only,
)
from app.sanctions.sources.draft import one_line
from app.sanctions.sources.issue import Issue, Notes, check, moment
from app.sanctions.sources.table_reader import Shape, check_table, records, rows
from partner_registry_matcher import scripts

_NEEDED = ("id", "schema", "name", "aliases", "birth_date", "countries", "sanctions", "dataset")
_KNOWN = frozenset(_NEEDED) | {
    *("addresses", "identifiers", "phones", "emails", "program_ids"),
    *("first_seen", "last_seen", "last_change"),
}
_VOLATILE = frozenset({"last_seen"})
_KINDS: dict[str, Kind] = {
    "Person": "person",
    **dict.fromkeys(("Organization", "Company", "PublicBody"), "organisation"),
    "Vessel": "vessel",
    "Airplane": "aircraft",
}  # LegalEntity and the rest: not said whether a person or an organisation
_PERIOD = re.compile(r" - (\d{4}-\d{2}-\d{2}) - (\d{4}-\d{2}-\d{2})\Z")
_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?\Z")


def values(cell: str) -> list[str]:
    """The values of a cell in their order; a quote that opens nothing is text like any other."""
    found, at = [], 0
    while at <= len(cell):
        if (end := _closing(cell, at)) is not None:
            found.append(cell[at + 1 : end].replace('""', '"'))
            at = end + 2
        else:
            stop = cell.find(";", at)
            stop = len(cell) if stop < 0 else stop
            found.append(cell[at:stop])
            at = stop + 1
    lines = (one_line(value) for value in found)
    return [value for value in lines if value]


def _closing(cell: str, at: int) -> int | None:
    """Where the quote that opens at ``at`` closes: before the end or a semicolon, else nowhere."""
    if cell[at : at + 1] != '"':
        return None
    end = cell.find('"', at + 1)
    while end >= 0 and cell[end + 1 : end + 2] == '"':
        end = cell.find('"', end + 2)
    return end if end >= 0 and cell[end + 1 : end + 2] in ("", ";") else None


def _kind(row: dict[str, str]) -> Kind:
    return _KINDS.get(row["schema"].strip(), "unknown")


def _read(path: Path, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    """The latest last_seen is the run that wrote the file."""
    for line, row in records(path, Shape(), _NEEDED):
        notes.unknown |= set(row) - _KNOWN
        seen = (notes.generated_at, moment(row.get("last_seen")))
        notes.generated_at = max(filter(None, seen), default=None)
        yield f"line {line}", party_of(row)


def _names(row: dict[str, str]) -> tuple[ListedName, ...]:
    name = one_line(row["name"])
    if not name:
        return ()
    found = {name: ListedName(name, "primary")}
    for alias in values(row["aliases"]):
        latin = "Latn" in scripts(alias) or not scripts(alias)
        found.setdefault(alias, ListedName(alias, "alias" if latin else "original_script"))
    return tuple(found.values())


def _birth_date(text: str) -> ListedDate:
    match = _PARTIAL.match(text)
    if match is None or not 1800 <= int(match[1]) < 2100:
        return ListedDate(type="", text=text)
    year, on = int(match[1]), None
    if match[3]:
        try:
            on = date.fromisoformat(text).isoformat()
        except ValueError:
            return ListedDate(type="", year_from=year, year_to=year, note=text)
    note = text if match[2] and not on else ""
    return ListedDate("EXACT" if on else "", on, year, year, note=note)


def _country(code: str) -> str | None:
    try:
        return parse_country(code)
    except ValueError:  # the union, a dissolved state, a part of a country
        return None


def _measure(text: str, row: dict[str, str]) -> ListedMeasure:
    """ "programme - reason - status - from - to" with the empty ones left out: only two dates at
    the end say which is which; all else stays one text."""
    period = _PERIOD.search(text)
    since = until = None
    if period:
        try:
            since, until = date.fromisoformat(period[1]), date.fromisoformat(period[2])
        except ValueError:
            since = until = None
    endless = until is not None and until.year >= 2900
    return ListedMeasure(
        listed_by=one_line(row["dataset"]),
        programme="; ".join(values(row.get("program_ids", ""))),
        grounds=text,
        since=since,
        until=None if endless else until,
        indefinite=endless,
    )


def party_of(row: dict[str, str]) -> ListedParty:
    """The party of a row; without key or names if the row lacks them."""
    original = dict(row)
    identifiers = [ListedIdentifier("identifier", v) for v in values(row.get("identifiers", ""))]
    identifiers += [ListedIdentifier("phone", v) for v in values(row.get("phones", ""))]
    identifiers += [ListedIdentifier("email", v) for v in values(row.get("emails", ""))]
    changed = moment(row.get("last_change"))
    countries = {_country(code) for code in values(row["countries"])}
    return ListedParty(
        key=row["id"].strip(),
        reference=row["id"].strip(),
        kind=_kind(row),
        names=_names(row),
        birth_dates=tuple(_birth_date(text) for text in values(row["birth_date"])),
        birth_places=(),
        nationalities=(),
        countries=tuple(sorted(code for code in countries if code)),
        documents=(),
        addresses=tuple(ListedPlace(street=v) for v in values(row.get("addresses", ""))),
        programme="; ".join(values(row.get("program_ids", ""))),
        listed_on=None,  # first_seen is when the collector first met it, not when it was listed
        updated_on=(changed.date(),) if changed else (),
        delisted_on=None,
        gender="",
        titles=(),
        designations=(),
        remarks="",
        original=original,
        digest=digest_of(original, _VOLATILE),
        identifiers=tuple(dict.fromkeys(identifiers)),
        measures=tuple(_measure(text, row) for text in values(row["sanctions"])),
    )


@dataclass(frozen=True)
class FtmSimple(SourceDefaults):
    """The source as registered."""

    code: str = "ftm_simple"
    title: str = "A list in FollowTheMoney's targets.simple.csv"
    publisher: str = "as the dataset column says"
    licence: str = "of the dataset; OpenSanctions' own are CC BY-NC 4.0"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2
    volatile: frozenset[str] = _VOLATILE

    def parse(self, *paths: Path) -> Issue:
        """See ListSource."""
        path = only(paths)
        facts = check_table(path, Shape())
        columns = next(iter(rows(path, Shape()))).cells
        return check(partial(_read, path), facts, f"{len(columns)} columns")


SOURCE = FtmSimple()
