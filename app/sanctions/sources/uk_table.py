"""The tables in which the United Kingdom publishes its lists: a row a name, several a party.

The same fact stands under other names of columns in each layout; `COLUMNS` brings them together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.sanctions.sources.base import ListedParty, SourceUnreadable
from app.sanctions.sources.issue import Issue, Notes, check
from app.sanctions.sources.spool import Spool
from app.sanctions.sources.table_reader import Shape, check_table, rows
from app.sanctions.sources.uk_record import party_of

Cells = dict[str, str]
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
COLUMNS = {column: ours for ours, names in _FIELDS.items() for column in names.split()}
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
    fields: dict[str, str] = field(default_factory=dict)  # field of ours -> column as published
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
                key = row[self.fields[self.layout.key]].strip()
                if not key:
                    raise SourceUnreadable("a row without the key of its party", f"line {line}")
                yield line, key, row

    def _head(self, header: tuple[str, ...], line: int) -> None:
        fields: dict[str, str] = {}
        for column in header:
            ours = COLUMNS.get(_plain(column))
            if header.count(column) > 1 or ours in fields:
                raise SourceUnreadable(f"column {column[:40]} twice", f"line {line}")
            if ours:
                fields[ours] = column
        if missing := sorted(self.layout.needed - set(fields)):
            raise SourceUnreadable(f"no column for {missing[0]}", f"line {line}")
        self.fields = fields
        self.unknown = tuple(sorted(c for c in header if _plain(c) not in COLUMNS))


def _read(
    path: Path, layout: Layout, source: str, notes: Notes
) -> Iterator[tuple[str, ListedParty]]:
    """The parties in the order of their first rows."""
    table = _Table(path, layout)
    with Spool() as spool:
        for line, key, row in table:
            spool.put(key, {"line": line, "row": row})
        notes.generated_at = table.published
        notes.unknown |= set(table.unknown)
        for key, found in spool.each():
            lines = [one["row"] for one in found]
            cells = [{ours: row[column] for ours, column in table.fields.items()} for row in lines]
            yield f"line {found[0]['line']}", party_of(source, key, cells, {"rows": lines})


def read(path: Path, layout: Layout, source: str) -> Issue:
    """A checked issue of a list of the United Kingdom."""
    facts = check_table(path, Shape())
    shape = "with a line of its date" if _ahead(path, layout) else "names of columns first"
    return check(partial(_read, path, layout, source), facts, shape)
