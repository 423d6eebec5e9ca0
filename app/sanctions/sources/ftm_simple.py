"""A list in the simple table of FollowTheMoney (targets.simple.csv), as OpenSanctions writes it.

The layout has 16 columns; files from before 2025 lack program_ids. A cell holds several values
with semicolons between them, quoted as in a CSV where they hold one themselves.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from app.core.countries import parse_country
from app.core.names import scripts
from app.sanctions.sources.base import (
    Audience,
    Kind,
    ListedDate,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    ListHeader,
    ListSource,
    Regime,
    SourceEmpty,
    SourceUnreadable,
    digest_of,
    only,
)
from app.sanctions.sources.table_reader import Shape, check_table, records

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
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=;|\Z)')
_PERIOD = re.compile(r" - (\d{4}-\d{2}-\d{2}) - (\d{4}-\d{2}-\d{2})\Z")
_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?\Z")


def values(cell: str) -> list[str]:
    """The values of a cell in their order; a quote that opens nothing is text like any other."""
    found, at = [], 0
    while at <= len(cell):
        if quoted := _QUOTED.match(cell, at):
            found.append(quoted[1].replace('""', '"'))
            at = quoted.end() + 1
        else:
            stop = cell.find(";", at)
            stop = len(cell) if stop < 0 else stop
            found.append(cell[at:stop])
            at = stop + 1
    lines = (" ".join(value.split()) for value in found)
    return [value for value in lines if value]


def _kind(row: dict[str, str]) -> Kind:
    return _KINDS.get(row["schema"].strip(), "unknown")


def _checked(path: Path) -> Iterator[dict[str, str]]:
    keys: set[str] = set()
    for line, row in records(path, Shape(), _NEEDED):
        key = row["id"].strip()
        if not key or not row["name"].strip():
            what = "id" if not key else "name"
            raise SourceUnreadable(f"a row without {what}", f"line {line}")
        if key in keys:
            raise SourceUnreadable(f"id {key[:80]} twice", f"line {line}")
        keys.add(key)
        yield row


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _check(path: Path) -> ListHeader:
    """Read the file to its end once. The latest last_seen is the run that wrote the file."""
    facts = check_table(path, Shape())
    counts: Counter[Kind] = Counter()
    columns: tuple[str, ...] = ()
    seen: datetime | None = None
    for row in _checked(path):
        counts[_kind(row)] += 1
        columns = tuple(row)
        seen = max(filter(None, (seen, _moment(row.get("last_seen", "")))), default=None)
    if not counts:
        raise SourceEmpty("the list names nobody")
    persons, organisations = counts["person"], counts["organisation"]
    return ListHeader(
        generated_at=seen,
        persons=persons,
        organisations=organisations,
        others=counts.total() - persons - organisations,
        bytes=facts.bytes,
        sha256=facts.sha256,
        unknown=tuple(sorted(set(columns) - _KNOWN)),
        layout=f"{len(columns)} columns",
    )


def _names(row: dict[str, str]) -> tuple[ListedName, ...]:
    name = " ".join(row["name"].split())
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
        listed_by=" ".join(row["dataset"].split()),
        programme="; ".join(values(row.get("program_ids", ""))),
        grounds=text,
        since=since,
        until=None if endless else until,
        indefinite=endless,
    )


def party_of(row: dict[str, str]) -> ListedParty:
    """The party of a row that has an id and a name."""
    original = dict(row)
    identifiers = [ListedIdentifier("identifier", v) for v in values(row.get("identifiers", ""))]
    identifiers += [ListedIdentifier("phone", v) for v in values(row.get("phones", ""))]
    identifiers += [ListedIdentifier("email", v) for v in values(row.get("emails", ""))]
    changed = _moment(row.get("last_change", ""))
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
class FtmList:
    """A checked issue of the list."""

    path: Path
    header: ListHeader

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in file order. Raises SourceUnreadable if the file changed meanwhile."""
        seen = 0
        for row in _checked(self.path):
            seen += 1
            yield party_of(row)
        if seen != self.header.count:
            raise SourceUnreadable("the file changed while it was read", f"record {seen}")


@dataclass(frozen=True)
class FtmSimple(ListSource):
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

    def parse(self, *paths: Path) -> FtmList:
        """See ListSource."""
        path = only(paths)
        return FtmList(path, _check(path))


SOURCE = FtmSimple()
