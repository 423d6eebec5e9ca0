"""An agency's vendor master as a CSV or Excel file: one vendor a line.

Columns are known by their heads. Nothing is guessed: a head that is not known is passed over, and a
file without numbers or names is refused.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

from partner_registry_client.errors import NotConfigured

try:
    import openpyxl
except ImportError:  # the extra `xlsx` brings it
    openpyxl = None  # type: ignore[assignment]  # what a missing module is

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
MAX_TEXTS_BYTES = 256 * 1024 * 1024
"""Of all texts of a workbook together, which are read whole."""
MAX_VENDORS = 1_000_000
_MAX_ROWS = 1_048_576
_TEXTS = "xl/sharedstrings.xml"
_WORD = re.compile(r"[^a-z0-9]+")
_KNOWN = {
    "number": ("number", "vendor", "vendor_number", "vendor_no", "vendor_id", "supplier", "lifnr"),
    "name": ("name", "vendor_name", "legal_name", "supplier_name", "name_1", "name1"),
    "alias": ("alias", "aliases", "other_names", "acronym", "former_name", "trading_name"),
    "country": ("country", "country_code", "land1"),
    "registry": ("registry_number", "partner_id", "registry", "ipr"),
    "kind": ("kind",),
    "birth_date": ("birth_date", "date_of_birth"),
    "identifier": (
        "identifier", "tax_number", "tax_id", "vat", "registration_number", "duns", "lei", "uei",
        "ungm", "unpp", "org_id", "stcd1", "stceg",
    ),
}  # fmt: skip
_KINDS = {"person": "person", "individual": "person", "organisation": "organisation"}
_KINDS |= {"organization": "organisation", "company": "organisation"}
_BIRTH = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


@dataclass(frozen=True)
class Vendor:
    """One line of the file; `line` is where it begins there."""

    line: int
    number: str
    names: list[str]
    countries: list[str] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    registry: list[str] = field(default_factory=list)
    kind: Any = None
    birth_date: str | None = None
    notes: list[str] = field(default_factory=list)


def read_vendors(path: Path, columns: Mapping[str, str] | None = None) -> list[Vendor]:
    """The vendors of a file. `columns`: its heads by what they hold. Raises NotConfigured."""
    if not path.is_file():
        raise NotConfigured(f"{path} is no file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise NotConfigured(f"{path} is too large to be a vendor master")
    reader = _sheet_rows if path.suffix.lower() in (".xlsx", ".xlsm") else _csv_rows
    rows = reader(path)
    try:
        _, head = next(rows)
    except StopIteration:
        raise NotConfigured(f"{path} is empty") from None
    places = _places(head, columns or {})
    if "number" not in places.values() or "name" not in places.values():
        raise NotConfigured(
            f"{path} has no column for the vendor's number or for its name; name them with"
            " --column number=HEAD --column name=HEAD"
        )
    found = []
    for line, cells in rows:
        if any(cells):
            found.append(_vendor(line, cells, places))
        if len(found) > MAX_VENDORS:
            raise NotConfigured(f"{path} has more than {MAX_VENDORS} vendors")
    return found


def _places(head: list[str], columns: Mapping[str, str]) -> dict[int, str]:
    """What each column of the file holds."""
    if unknown := columns.keys() - _KNOWN.keys():
        raise NotConfigured(f"--column knows {', '.join(_KNOWN)}, not {', '.join(unknown)}")
    if missing := set(columns.values()) - set(head):
        raise NotConfigured(f"the file has no column {', '.join(sorted(missing))}")
    named = {real: what for what, real in columns.items()}
    known = {one: what for what, names in _KNOWN.items() for one in names}
    found = {}
    for at, title in enumerate(head):
        what = named.get(title) or known.get(_WORD.sub("_", title.lower()).strip("_"))
        if what is not None and (what not in columns or named.get(title) == what):
            found[at] = what
    return found


def _vendor(line: int, cells: list[str], places: Mapping[int, str]) -> Vendor:
    values: dict[str, list[str]] = {what: [] for what in _KNOWN}
    for at, what in places.items():
        if at < len(cells) and cells[at]:
            parts = cells[at].split(";") if what in ("alias", "identifier") else [cells[at]]
            values[what] += [part.strip() for part in parts if part.strip()]
    notes = []
    countries = [_country(text) for text in values["country"]]
    if None in countries:
        notes.append("country not understood, passed over")
    birth = next(iter(values["birth_date"]), None)
    if birth is not None and not _BIRTH.fullmatch(birth):
        notes.append("date of birth not understood, passed over")
        birth = None
    if not values["number"]:
        notes.append("no vendor number")
    return Vendor(
        line=line,
        number=next(iter(values["number"]), ""),
        names=values["name"] + values["alias"],
        countries=[country for country in countries if country],
        identifiers=values["identifier"],
        registry=values["registry"],
        kind=next((_KINDS.get(text.lower()) for text in values["kind"]), None),
        birth_date=birth,
        notes=notes,
    )


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            delimiter = max(",;\t|", key=head.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            line = 1
            for row in reader:
                yield line, [cell.strip() for cell in row]
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise NotConfigured(f"{path} is not UTF-8 text; save it as CSV UTF-8") from error
    except csv.Error as error:
        raise NotConfigured(f"{path} cannot be read as CSV: {error}") from error


def _sheet_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The first sheet of a workbook."""
    if openpyxl is None:
        raise NotConfigured(
            "Excel files need: pip install 'partner-registry-client[xlsx]'; CSV does not"
        )
    try:
        with path.open("rb") as file:
            _require_sane(file)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            # What a file says of its size may be wrong: rows behind that would be passed over.
            sheet.reset_dimensions()
            rows: Iterable[tuple[Any, ...]] = sheet.iter_rows(values_only=True)
            for number, row in enumerate(rows, 1):
                if number > _MAX_ROWS:
                    raise NotConfigured("it has more rows than a sheet can have")
                yield number, [_cell(value) for value in row]
    except NotConfigured as error:
        raise NotConfigured(f"{path} cannot be read: {error}") from None
    except Exception as error:  # a broken workbook makes its parsers raise whatever they like
        raise NotConfigured(f"{path} cannot be read as a workbook") from error


def _require_sane(file: BinaryIO) -> None:
    """Raise NotConfigured for a workbook that would unpack to more than any has."""
    with zipfile.ZipFile(file) as archive:
        # More than a member says it has is not unpacked.
        sizes = {item.filename.lower(): item.file_size for item in archive.infolist()}
    if sum(sizes.values()) > MAX_UNPACKED_BYTES or sizes.get(_TEXTS, 0) > MAX_TEXTS_BYTES:
        raise NotConfigured("it unpacks to more than a vendor master has")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a number of a vendor, to Excel
    if hasattr(value, "date"):
        return str(value.date().isoformat())
    return str(value).strip()


def _codes() -> dict[str, str]:
    text = (files("partner_registry_client") / "countries.txt").read_text("ascii")
    return {pair[:2]: pair[2:] for pair in text.split()}


_ALPHA_3 = _codes()
_ALL = frozenset(_ALPHA_3.values())


def _country(text: str) -> str | None:
    code = text.upper()
    return code if code in _ALL else _ALPHA_3.get(code)
