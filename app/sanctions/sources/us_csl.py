"""The US Consolidated Screening List: the export lists of three departments in one CSV.

Entries that come from the Treasury keep its numbers; the others have none: what is the same name
on the same list from the same day is one party, with what all its rows say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from app.core.countries import parse_country
from app.sanctions.sources.base import (
    Audience,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    Regime,
    SourceDefaults,
    only,
)
from app.sanctions.sources.draft import (
    Draft,
    country_of,
    day_of,
    key_of,
    one_line,
    place_of_text,
    until_of,
)
from app.sanctions.sources.issue import Issue, Notes, check
from app.sanctions.sources.ofac_terms import Paper, add_feature, birth_date, kind_of, said
from app.sanctions.sources.spool import Spool
from app.sanctions.sources.table_reader import Shape, check_table, records

PUBLISHER = "US Department of Commerce, International Trade Administration"
COLUMNS = (
    *("source", "entity_number", "type", "programs", "name", "title", "addresses"),
    *("federal_register_notice", "start_date", "end_date", "standard_order"),
    *("license_requirement", "license_policy", "call_sign", "vessel_type", "gross_tonnage"),
    *("gross_registered_tonnage", "vessel_flag", "vessel_owner", "remarks", "source_list_url"),
    *("alt_names", "citizenships", "dates_of_birth", "nationalities", "places_of_birth"),
    *("source_information_url", "ids"),
)
_OPTIONAL = frozenset({"_id"})
SHAPE = Shape()
_LIST = re.compile(r"(?P<title>[^()]{1,200})\((?P<code>[A-Z]{2,8})\)(?: - (?P<by>.{1,200}))?")
# Codes of states that are codes of countries as well. One list leaves out the country, and then
# an address may end in the state.
_STATES = frozenset(
    (
        *("AL", "AR", "AZ", "CA", "CO", "DE", "GA", "ID", "IL", "IN", "KY", "LA", "MA", "MD"),
        *("ME", "MN", "MO", "MS", "MT", "NC", "NE", "PA", "PR", "SC", "SD", "TN", "VA", "VI"),
    )
)
_VESSEL = {
    "vessel_type": "Vessel type",
    "gross_tonnage": "Gross tonnage",
    "gross_registered_tonnage": "Gross registered tonnage",
    "vessel_owner": "Vessel owner",
    "standard_order": "Standard order",
}

Row = dict[str, str]


def read(path: Path, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    """The parties in the order of their first rows. Raises SourceUnreadable."""
    with Spool() as spool:
        for line, row in records(path, SHAPE, COLUMNS):
            notes.unknown.update(set(row) - _OPTIONAL.union(COLUMNS))
            spool.put(_key(row), [line, row])
        for key, found in spool.each():
            yield f"line {found[0][0]}", _party_of(key, [row for _, row in found])


def _key(row: Row) -> str:
    if not row["name"].strip():
        return ""
    found = _LIST.match(row["source"])
    on = found["code"] if found else row["source"]
    if number := row["entity_number"].strip():
        return key_of(on, number)
    return key_of(on, row["name"], row["start_date"])


def _party_of(key: str, rows: list[Row]) -> ListedParty:
    first = rows[0]
    # Only the Treasury's entries have a type; any other may be a person or an organisation.
    draft = Draft(key, kind_of(first["type"]))
    draft.reference = one_line(first["entity_number"]) or key
    for row in rows:
        _add_row(draft, row)
    draft.programme = "; ".join(dict.fromkeys(m.programme for m in draft.measures if m.programme))
    draft.listed_on = min((m.since for m in draft.measures if m.since), default=None)
    return draft.finish({"rows": rows})


def _add_row(draft: Draft, row: Row) -> None:
    draft.names.append(ListedName(said(row["name"], draft.kind), "primary"))
    draft.names += [ListedName(said(name, draft.kind), "alias") for name in _many(row["alt_names"])]
    draft.titles.append(one_line(row["title"]))
    draft.remarks.append(one_line(row["remarks"]))
    draft.remarks += [
        f"{said_as} {row[column]}" for column, said_as in _VESSEL.items() if row[column]
    ]
    found = _LIST.match(row["source"])
    silent = found is not None and found["code"] == "DPL"
    draft.addresses += [_address(text, silent) for text in _many(row["addresses"])]
    draft.birth_dates += filter(None, map(birth_date, _many(row["dates_of_birth"])))
    draft.birth_places += [place_of_text(text) for text in _many(row["places_of_birth"])]
    for column in ("nationalities", "citizenships", "vessel_flag"):
        draft.nationalities += filter(None, map(country_of, _many(row[column])))
    if row["call_sign"].strip():
        draft.identifiers.append(ListedIdentifier("Vessel Call Sign", one_line(row["call_sign"])))
    for text in _many(row["ids"]):
        _add_paper(draft, text)
    draft.urls += [one_line(row["source_list_url"]), one_line(row["source_information_url"])]
    until, indefinite = until_of(day_of(row["end_date"]))
    terms = (one_line(row["license_requirement"]), one_line(row["license_policy"]))
    measure = ListedMeasure(
        imposed_by=(one_line(found["by"]) if found else "") or one_line(row["source"]),
        listed_by=PUBLISHER,
        measure=" ".join(filter(None, terms)),
        programme=one_line(row["programs"]),
        legal_basis=one_line(row["federal_register_notice"]),
        since=day_of(row["start_date"]),
        until=until,
        indefinite=indefinite,
        reference=one_line(found["title"] if found else row["source"]),
    )
    if measure not in draft.measures:
        draft.measures.append(measure)


def _many(cell: str) -> list[str]:
    return [text for part in cell.split(";") if (text := one_line(part))]


def _address(text: str, silent: bool) -> ListedPlace:
    """An address as one text that ends in the code of its country, where it does."""
    *others, last = text.split(", ")
    code = None
    if len(last) == 2 and last.isupper():
        doubtful = silent and last in _STATES
        after_zip = bool(others) and any(letter.isdigit() for letter in others[-1])
        if not doubtful or after_zip:
            code = _alpha3(last)
    if code is None:
        return ListedPlace(street=text)
    return ListedPlace(street=", ".join(others), country_name=last, country=code)


def _alpha3(code: str) -> str | None:
    try:
        return parse_country(code)
    except ValueError:
        return None


def _add_paper(draft: Draft, text: str) -> None:
    """ "US, 80-0890696, Tax ID No.": country, number, type; or without the country."""
    *others, type_ = text.split(", ")
    country = None
    if len(others) > 1 and len(others[0]) == 2 and _alpha3(others[0]):
        country = country_of(others.pop(0))
    add_feature(draft, Paper(type_, ", ".join(others), country, "", ""))


@dataclass(frozen=True)
class ScreeningList(SourceDefaults):
    """The source as registered."""

    code: str = "us_csl"
    title: str = "Consolidated Screening List"
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


SOURCE = ScreeningList()
