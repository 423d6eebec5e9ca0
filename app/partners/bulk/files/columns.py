"""Rows of our own templates as lines of a load, and back: which column is which field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.partners.bulk.files.tables import FileRefused, Row

TEXTS = (
    *("key", "hq_key", "hq_id", "legal_name", "legal_name_native", "acronym", "partner_type"),
    *("country", "country_of_origin", "same_country_reason", "website", "name_changed_on"),
    "valid_from",
)
LISTS = ("aliases", "former_names", "tags")
FLAGS = ("protected", "publication_consent")
NUMBERS = ("year_established",)
PLAIN = {
    "unpp_id": "UNPP",
    "ungm_number": "UNGM",
    "lei": "LEI",
    "org_id": "ORG_ID",
    "ror": "ROR",
    "uei": "UEI",
    "duns": "DUNS",
}
"""Columns of an identifier that needs nothing beside its value."""
VENDOR = ("vendor_number", "vendor_country", "vendor_area")
REGISTRATION = (
    *("registration_number", "registration_authority"),
    *("registration_issued_on", "registration_expires_on"),
)
COLUMNS = (
    *("key", "legal_name", "legal_name_native", "acronym", "aliases", "former_names"),
    *("name_changed_on", "partner_type", "tags", "country", "country_of_origin", "hq_key", "hq_id"),
    *("same_country_reason", "year_established", "website", "protected", "publication_consent"),
    "valid_from",
    *VENDOR,
    *REGISTRATION,
    *PLAIN,
)
"""Columns of the templates, in their order."""
SEPARATOR = "|"
_YES, _NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


@dataclass(slots=True)
class Draft:
    """A line made of a row; ``origin`` says which column each part came from."""

    row: Row
    value: dict[str, Any]
    origin: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def column_of(self, pointer: str) -> str | None:
        """The column behind a JSON pointer of the line."""
        while pointer:
            if pointer in self.origin:
                return self.origin[pointer]
            pointer = pointer.rsplit("/", 1)[0]
        return None

    def put(self, name: str, value: Any, column: str) -> None:
        """Set a field that came from a column."""
        self.value[name] = value
        self.origin[f"/{name}"] = column

    def identify(self, column: str, scheme: str, value: str, **more: Any) -> None:
        """Add an identifier."""
        held = self.value.setdefault("identifiers", [])
        self.origin[f"/identifiers/{len(held)}"] = column
        held.append({"scheme": scheme, "value": value} | more)


def check_header(row: Row, key_column: str | None) -> None:
    """Raises FileRefused for a column that no template has."""
    unknown = sorted(set(row.letters) - set(COLUMNS) - {key_column})
    if unknown:
        raise FileRefused(f"Columns that the template does not have: {', '.join(unknown)}.")


def draft_of(row: Row, key_column: str | None = None) -> Draft:
    """The line that a row of a template says."""
    draft = Draft(row, {})
    cells = dict(row.cells)
    if key_column is not None and key_column in cells:
        draft.put("key", cells.pop(key_column), key_column)
    for name in TEXTS:
        if name in cells and name not in draft.value:
            draft.put(name, cells[name], name)
    for name in LISTS:
        if name in cells:
            parts = [part.strip() for part in cells[name].split(SEPARATOR)]
            draft.put(name, [part for part in parts if part], name)
    for name in FLAGS:
        if name in cells:
            word = cells[name].lower()
            if word in _YES | _NO:
                draft.put(name, word in _YES, name)
            else:
                draft.faults.append((name, "is neither yes nor no"))
    for name in NUMBERS:
        if name in cells:
            if cells[name].isascii() and cells[name].isdigit() and len(cells[name]) < 10:
                draft.put(name, int(cells[name]), name)
            else:
                draft.faults.append((name, "is no whole number"))
    _identifiers(draft, cells)
    return draft


def _identifiers(draft: Draft, cells: dict[str, str]) -> None:
    for name, scheme in PLAIN.items():
        if name in cells:
            draft.identify(name, scheme, cells[name])
    if "vendor_number" in cells:
        more = {"country": cells.get("vendor_country") or cells.get("country")}
        if "vendor_area" in cells:
            more["area"] = cells["vendor_area"]
        draft.identify("vendor_number", "AGENCY_VENDOR", cells["vendor_number"], **more)
    if "registration_number" in cells:
        names = {"registration_authority": "authority", "registration_issued_on": "issued_on",
                 "registration_expires_on": "expires_on"}  # fmt: skip
        more = {to: cells[name] for name, to in names.items() if name in cells}
        more["country"] = cells.get("country")
        draft.identify("registration_number", "NAT_REG", cells["registration_number"], **more)
