"""The Denied Persons List of the US Bureau of Industry and Security: a table, tab separated.

A row is a name at an address. The list numbers nobody: what is the same name under an order of
the same day is one party, with the addresses of all its rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from app.sanctions.sources.base import (
    Audience,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    Regime,
    SourceDefaults,
    only,
)
from app.sanctions.sources.draft import Draft, country_of, day_of, key_of, one_line, until_of
from app.sanctions.sources.issue import Issue, Notes, check
from app.sanctions.sources.spool import Spool
from app.sanctions.sources.table_reader import Shape, check_table, records

PUBLISHER = "US Department of Commerce, Bureau of Industry and Security"
COLUMNS = (
    *("Name", "Street_Address", "City", "State", "Country", "Postal_Code", "Effective_Date"),
    *("Expiration_Date", "Standard_Order", "Last_Update", "Action", "FR_Citation"),
)
SHAPE = Shape(delimiter="\t")
_US = "%m/%d/%Y"


def read(path: Path, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    """The parties in the order of their first rows. Raises SourceUnreadable."""
    with Spool() as spool:
        for line, row in records(path, SHAPE, COLUMNS):
            notes.unknown.update(column for column in row if column not in COLUMNS)
            key = key_of(row["Name"], row["Effective_Date"]) if row["Name"].strip() else ""
            spool.put(key, [line, row])
        for key, found in spool.each():
            yield f"line {found[0][0]}", _party_of(key, [row for _, row in found])


def _party_of(key: str, rows: list[dict[str, str]]) -> ListedParty:
    draft = Draft(key, "unknown")
    draft.names.append(ListedName(one_line(rows[0]["Name"]), "primary"))
    for row in rows:
        country = country_of(row["Country"])
        draft.addresses.append(
            ListedPlace(
                street=one_line(row["Street_Address"]),
                city=one_line(row["City"]),
                state_province=one_line(row["State"]),
                zip_code=one_line(row["Postal_Code"]),
                country_name=country.name if country else "",
                country=country.country if country else None,
            )
        )
        draft.remarks.append(one_line(row["Action"]))
        if updated := day_of(row["Last_Update"]):
            draft.updated_on.append(updated)
        measure = _measure(row)
        if measure not in draft.measures:
            draft.measures.append(measure)
    # Nothing but the notice in the Federal Register can be quoted of an order.
    draft.reference = one_line(rows[0]["FR_Citation"])
    draft.listed_on = min((m.since for m in draft.measures if m.since), default=None)
    return draft.finish({"rows": rows})


def _measure(row: dict[str, str]) -> ListedMeasure:
    until, indefinite = until_of(day_of(row["Expiration_Date"], _US))
    standard = one_line(row["Standard_Order"])
    return ListedMeasure(
        imposed_by=PUBLISHER,
        listed_by=PUBLISHER,
        measure=f"standard order: {standard}" if standard else "",
        legal_basis=one_line(row["FR_Citation"]),
        since=day_of(row["Effective_Date"], _US),
        until=until,
        indefinite=indefinite,
    )


@dataclass(frozen=True)
class DeniedPersons(SourceDefaults):
    """The source as registered."""

    code: str = "us_bis_dpl"
    title: str = "Denied Persons List"
    publisher: str = PUBLISHER
    licence: str = "US public domain"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> Issue:
        """See ListSource."""
        path = only(paths)
        return check(partial(read, path), check_table(path, SHAPE), "")


SOURCE = DeniedPersons()
