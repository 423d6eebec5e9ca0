"""The tables in which the United Kingdom publishes its lists: a row a name, several a party.

The same fact stands under other names of columns in each layout; `COLUMNS` brings them together.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.sanctions.sources.base import Kind, ListedParty, ListHeader, SourceEmpty, SourceUnreadable
from app.sanctions.sources.grouping import Cells, grouped
from app.sanctions.sources.table_reader import Shape, check_table, rows
from app.sanctions.sources.uk_record import kind_of, name_of, party_of

# Fields of ours, each with the columns that hold it, as `_plain` leaves their names.
_FIELDS = {
    **{f"name{n}": f"name{n}" for n in range(1, 7)},
    **{f"address{n}": f"address{n} addressline{n}" for n in range(1, 7)},
    "postcode": "postzipcode addresspostalcode",
    "country": "country addresscountry",
    "title": "title",
    "script_name": "namenonlatinscript",
    "script_type": "nonlatinscripttype",
    "script_language": "nonlatinscriptlanguage",
    "dob": "dob",
    "birth_town": "townofbirth",
    "birth_country": "countryofbirth",
    "nationality": "nationality nationalityies",
    "passport": "passportnumber",
    "passport_detail": "passportdetails passportadditionalinformation",
    "national_id": "ninumber nationalidentificationnumber nationalidentifiernumber",
    "national_id_detail": "nidetails nationalidentifieradditionalinformation",
    "position": "position",
    "other": "otherinformation",
    "kind": "grouptype individualentityship designationtype",
    "name_type": "aliastype nametype",
    "quality": "aliasquality aliasstrength",
    "regime": "regime regimename",
    "listed": "listedon",
    "designated": "uksanctionslistdatedesignated datedesignated",
    "updated": "lastupdated",
    "group": "groupid ofsigroupid",
    "unique_id": "uniqueid",
    "un_reference": "unreferencenumber",
    "designated_by": "designationsource",
    "imposed": "sanctionsimposed",
    "reasons": "ukstatementofreasons",
    "gender": "gender",
    "phone": "phonenumber",
    "website": "website",
    "email": "emailaddress",
    "entity_type": "typeofentity",
    "subsidiaries": "subsidiaries",
    "parent": "parentcompany",
    "registration": "businessregistrationnumber businessregistrationnumbers",
    "imo": "imonumber",
    "hull": "hullidentificationnumber hullidentificationnumberhin",
    "owner": "currentowneroperator currentowneroperators",
    "owner_before": "previousowneroperator previousowneroperators",
    "flag": "currentbelievedflagofship",
    "flags_before": "previousflags",
    "ship_type": "typeofship",
    "tonnage": "tonnageofship",
    "length": "lengthofship",
    "built": "yearbuilt",
}
COLUMNS = {column: field for field, names in _FIELDS.items() for column in names.split()}
_DATED = re.compile(r"(\d{1,2})[/-](\d{1,2}|[A-Za-z]{3})[/-](\d{4})|(\d{4})-(\d{2})-(\d{2})")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


@dataclass(frozen=True)
class Layout:
    """What makes a table one of this source: its key and the fields it cannot be without."""

    key: str
    needed: frozenset[str]


def _plain(column: str) -> str:
    return "".join(character for character in column.lower() if character.isalnum())


def _ahead(path: Path, layout: Layout) -> int:
    """How many rows stand above the names of columns: none, or one with the date."""
    with path.open("rb") as file:
        first = file.readline(65_536).decode("utf-8", "replace")
    named = {COLUMNS.get(_plain(column)) for column in first.split(",")}
    return 0 if layout.key in named else 1


def _published(text: str) -> datetime | None:
    """The day in the row above the names of columns, however it is written."""
    found = _DATED.search(text)
    if not found:
        return None
    day, month, year, iso_year, iso_month, iso_day = found.groups()
    try:
        if iso_year:
            return datetime(int(iso_year), int(iso_month), int(iso_day), tzinfo=UTC)
        number = int(month) if month.isdigit() else _MONTHS.index(month.lower()) + 1
        return datetime(int(year), number, int(day), tzinfo=UTC)
    except ValueError:
        return None


@dataclass(slots=True)
class _Table:
    """A table while it is read: what stood above its columns, and what they mean."""

    path: Path
    layout: Layout
    ahead: int = 0
    published: datetime | None = None
    fields: Mapping[str, str] | None = None  # field of ours -> column as published
    unknown: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[tuple[int, str, Cells]]:
        """Each row as (line, key of its party, cells by column as published)."""
        self.ahead = _ahead(self.path, self.layout)
        header: tuple[str, ...] | None = None
        for at, (line, cells) in enumerate(rows(self.path, Shape(ahead=self.ahead))):
            if at < self.ahead:
                self.published = _published(" ".join(cells))
            elif header is None:
                header = cells
                self._head(header, line)
            else:
                row = dict(zip(header, cells, strict=True))
                key = row[(self.fields or {})[self.layout.key]].strip()
                if not key:
                    raise SourceUnreadable("a row without the key of its party", f"line {line}")
                yield line, key, row

    def _head(self, header: tuple[str, ...], line: int) -> None:
        fields: dict[str, str] = {}
        for column in header:
            field = COLUMNS.get(_plain(column))
            if header.count(column) > 1 or field in fields:
                raise SourceUnreadable(f"column {column[:40]} twice", f"line {line}")
            if field:
                fields[field] = column
        if missing := sorted(self.layout.needed - set(fields)):
            raise SourceUnreadable(f"no column for {missing[0]}", f"line {line}")
        self.fields = fields
        self.unknown = tuple(sorted(c for c in header if _plain(c) not in COLUMNS))


def read(path: Path, layout: Layout) -> ListHeader:
    """Read the file to its end once; only a file without fault gets a header."""
    facts = check_table(path, Shape())
    table = _Table(path, layout)
    kinds: dict[str, Kind] = {}
    named: dict[str, int] = {}  # 0 once a name was seen, else the line to complain of
    for line, key, row in table:
        cells = _by_field(row, table.fields or {})
        kind = kind_of(cells)
        kinds[key] = kind if kinds.get(key, kind) == kind else "unknown"
        has_name = bool(name_of(cells) or cells.get("script_name", "").strip())
        named[key] = 0 if has_name else named.get(key, line)
    if not kinds:
        raise SourceEmpty("the list names nobody")
    for key, line in named.items():
        if line:
            raise SourceUnreadable(f"{key[:40]} without a name", f"line {line}")
    counts = list(kinds.values())
    persons, organisations = counts.count("person"), counts.count("organisation")
    return ListHeader(
        generated_at=table.published,
        persons=persons,
        organisations=organisations,
        others=len(counts) - persons - organisations,
        bytes=facts.bytes,
        sha256=facts.sha256,
        unknown=table.unknown,
        layout="with a line of its date" if table.ahead else "names of columns first",
    )


def _by_field(row: Cells, fields: Mapping[str, str]) -> dict[str, str]:
    return {field: row[column] for field, column in fields.items()}


@dataclass(frozen=True)
class UkList:
    """A checked issue of a list of the United Kingdom."""

    path: Path
    layout: Layout
    source: str
    header: ListHeader

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in the order of their first rows. Raises SourceUnreadable if the file
        changed meanwhile."""
        table = _Table(self.path, self.layout)
        seen = 0
        for key, found in grouped((key, row) for _, key, row in table):
            seen += 1
            fields = table.fields or {}
            cells = [_by_field(row, fields) for row in found]
            yield party_of(self.source, key, cells, {"rows": found})
        if seen != self.header.count:
            raise SourceUnreadable("the file changed while it was read", f"party {seen}")
