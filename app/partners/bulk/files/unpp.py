"""Tables of the UN Partner Portal as lines of a load (unpp.yaml says which column is what).

What the portal says of a partner's verification, budget or work is kept as a report of the portal:
nothing of it becomes a verification of this registry. Flags and comments become statements that
their author agency must confirm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.core import codelists, datafiles
from app.core.countries import find_country
from app.partners.bulk.files.columns import Draft
from app.partners.bulk.files.tables import FileRefused, Row, column_name

SOURCE = "UNPP"
PREFIX = "UNPP-"
"""What keys of such a load begin with: the portal's ids, apart from the agency's own."""


class Mapping(BaseModel):
    """A version of the mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    columns: dict[str, list[str]]
    types: dict[str, str]
    verified: dict[str, str]
    flag_types: dict[str, str]
    flag_categories: dict[str, str]
    agencies: dict[str, str]


MAPPING = Mapping.model_validate(datafiles.read("app.partners.bulk.files", "unpp.yaml"))
_COLUMN = {column_name(alias): ours for ours, names in MAPPING.columns.items() for alias in names}
_LISTS = {
    "sectors": "sectors",
    "populations": "populations",
    "budget": "budget_bands",
    "languages": "working_languages",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What the portal says of a partner."""

    kind: str
    value: str
    said_by: str | None = None
    said_on: date | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A flag or comment of the portal, for its author agency to confirm."""

    source_key: str
    kind: str
    category: str | None
    agency: str
    text: str
    said_on: date | None


def _translated(code_list: str) -> dict[str, str]:
    known = {}
    for item in codelists.current(code_list).items:
        for name in (item.facts.get("unpp"), item.code, item.labels.get("en")):
            if name:
                known[column_name(name)] = item.code
    return known


def _code(table: dict[str, str], text: str) -> str | None:
    wanted = column_name(text)
    return next((ours for theirs, ours in table.items() if column_name(theirs) == wanted), None)


def _day(draft: Draft, column: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        draft.faults.append((column, "is no date as YYYY-MM-DD"))
        return None


def cells_of(row: Row) -> dict[str, tuple[str, str]]:
    """Our names of what is in a row: value and column. The first of several spellings counts."""
    found: dict[str, tuple[str, str]] = {}
    for column, text in row.cells.items():
        if column in _COLUMN:
            found.setdefault(_COLUMN[column], (text, column))
    return found


def check_header(row: Row) -> list[str]:
    """Columns that the mapping does not know. Raises FileRefused where the needed are missing."""
    known = {_COLUMN[column] for column in row.letters if column in _COLUMN}
    missing = {"id", "legal_name", "type", "country"} - known
    if missing:
        raise FileRefused(f"The table has no column for: {', '.join(sorted(missing))}.")
    return sorted(column for column in row.letters if column not in _COLUMN)


def draft_of(row: Row, agency: str) -> Draft:
    """The line that a row says, for the agency that loads it."""
    draft, cells = Draft(row, {}), cells_of(row)

    def take(ours: str, field: str, change: Any = None) -> None:
        if ours in cells:
            text, column = cells[ours]
            value = change(text) if change else text
            if value is None:
                draft.faults.append((column, "is not one of the known values"))
            else:
                draft.put(field, value, column)

    take("id", "key", lambda text: PREFIX + text)
    take("hq", "hq_key", lambda text: PREFIX + text)
    take("legal_name", "legal_name")
    take("acronym", "acronym")
    take("alias", "aliases", lambda text: [text])
    take("former_name", "former_names", lambda text: [text])
    take("type", "partner_type", lambda text: _code(MAPPING.types, text))
    take("country", "country", find_country)
    take("year", "year_established", lambda t: int(t) if t.isascii() and t.isdigit() else None)
    take("website", "website", _address)
    if draft.value.get("hq_key") == draft.value.get("key"):
        draft.value.pop("hq_key", None)
    if "id" in cells:
        draft.identify(cells["id"][1], SOURCE, cells["id"][0])
    country = draft.value.get("country")
    _numbers(draft, cells, agency, country)
    return draft


def _address(text: str) -> str:
    return text if "://" in text else f"https://{text}"


def _numbers(draft: Draft, cells: Any, agency: str, country: str | None) -> None:
    own = _code(MAPPING.agencies, cells["vendor_agency"][0]) if "vendor_agency" in cells else agency
    if "vendor_number" in cells and own == agency:
        text, column = cells["vendor_number"]
        more = {"area": cells["vendor_area"][0]} if "vendor_area" in cells else {}
        draft.identify(column, "AGENCY_VENDOR", text, country=country, **more)
    if "registration_number" in cells and "registration_authority" in cells:
        text, column = cells["registration_number"]
        more = {"authority": cells["registration_authority"][0], "country": country}
        for name in ("issued_on", "expires_on"):
            if f"registration_{name}" in cells:
                more[name] = cells[f"registration_{name}"][0][:10]
        draft.identify(column, "NAT_REG", text, **more)


def reports_of(draft: Draft, agency: str) -> list[Report]:
    """What the row reports of the partner beside the profile."""
    cells, found = cells_of(draft.row), []
    if "verified" in cells:
        text, column = cells["verified"]
        value = _code(MAPPING.verified, text)
        by = _code(MAPPING.agencies, cells["verified_by"][0]) if "verified_by" in cells else None
        on = _day(draft, *reversed(cells["verified_on"])) if "verified_on" in cells else None
        if value is None:
            draft.faults.append((column, "is not one of the known values"))
        else:
            found.append(Report("verification", value, by, on))
    for ours, code_list in _LISTS.items():
        if ours not in cells:
            continue
        text, column = cells[ours]
        known = _translated(code_list)
        whole = known.get(column_name(text))
        parts = [text] if whole else [p.strip() for p in text.replace(";", "|").split("|")]
        for part in filter(None, parts):
            code = known.get(column_name(part))
            if code is None:
                draft.faults.append((column, "is not one of the known values"))
            else:
                found.append(Report(ours, code))
    if "vendor_number" in cells and "vendor_agency" in cells:
        other = _code(MAPPING.agencies, cells["vendor_agency"][0])
        if other is not None and other != agency:
            # Another agency's number: it is that agency's to enter, here it is hearsay.
            found.append(Report("vendor_number", cells["vendor_number"][0], other))
    return found


def statement_of(draft: Draft) -> Statement | None:
    """The flag or comment in the row, if there is one."""
    cells = cells_of(draft.row)
    if "flag_comment" not in cells:
        return None
    text, column = cells["flag_comment"]
    agency = _code(MAPPING.agencies, cells["flag_agency"][0]) if "flag_agency" in cells else None
    if agency is None:
        draft.faults.append((column, "names no author agency, so nobody could confirm it"))
        return None
    kind: str | None = "OBSERVATION"
    if "flag_type" in cells:
        kind = _code(MAPPING.flag_types, cells["flag_type"][0])
    category = None
    if "flag_category" in cells:
        category = _code(MAPPING.flag_categories, cells["flag_category"][0])
    if kind is None:
        draft.faults.append((cells["flag_type"][1], "is not one of the known values"))
        return None
    said = _day(draft, *reversed(cells["flag_on"])) if "flag_on" in cells else None
    key = cells["flag_id"][0] if "flag_id" in cells else f"{cells['id'][0]}/{draft.row.line}"
    return Statement(key[:200], kind, category, agency, text, said)
