"""Templates to fill in: the columns of `columns.py`, with lists to choose from."""

from __future__ import annotations

import csv
from pathlib import Path

from app.core import countries as known_countries
from app.partners.bulk.files.columns import COLUMNS, FLAGS, LISTS, SEPARATOR
from app.partners.bulk.files.tables import column_letter
from app.partners.types import PartnerTag, PartnerType

_ROWS = 10_000
EXAMPLE = {
    "key": "EXAMPLE-1",
    "legal_name": "Amani Relief Trust",
    "acronym": "ART",
    "aliases": f"Amani Trust{SEPARATOR}Amani",
    "partner_type": "NGO_NATIONAL",
    "tags": "WOMEN_LED",
    "country": "KEN",
    "year_established": "1998",
    "protected": "no",
    "publication_consent": "no",
    "vendor_number": "0100173",
}
"""The one example row; its key says that it is none of yours."""
NOTES = {
    "key": "Needed. Your own key of this partner: the same row again changes it, never doubles it.",
    "legal_name": "Official name in Latin letters. One of legal_name and legal_name_native.",
    "legal_name_native": "Official name in its own script.",
    "partner_type": "Needed. Choose from the list.",
    "country": "Needed. ISO 3166-1 alpha-3; choose from the list.",
    "hq_key": "Your own key of the headquarters, which has a row of its own.",
    "vendor_country": "Country of the vendor number, if it is not the partner's.",
    "registration_authority": "Needed with registration_number.",
    "protected": "yes: naming this partner could endanger people.",
    "publication_consent": "yes: the partner agreed to be shown to the public.",
}


def _note(name: str) -> str:
    note = NOTES.get(name, "")
    if name in LISTS:
        note = f"{note} Several: put {SEPARATOR} between them.".strip()
    if name.endswith("_on") or name == "valid_from":
        note = f"{note} YYYY-MM-DD.".strip()
    return note


def _choices() -> dict[str, list[str]]:
    countries = list(known_countries.ALL)
    words = ["yes", "no"]
    return {
        "partner_type": [kind.value for kind in PartnerType],
        "country": countries,
        "country_of_origin": countries,
        "vendor_country": countries,
        "tags": [tag.value for tag in PartnerTag],
        **dict.fromkeys(FLAGS, words),
    }


def write_csv(out: Path) -> None:
    """A CSV template: the header and one example row, with a byte-order mark for spreadsheets."""
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerow([EXAMPLE.get(name, "") for name in COLUMNS])


def write_xlsx(out: Path) -> None:
    """A workbook: header with notes, one example row, lists to choose from on a hidden sheet."""
    # Imported here: it is slow to import, and every process of the service knows this module.
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Font
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet("Partners")
    lists = book.create_sheet("Lists")
    lists.sheet_state = "hidden"
    choices = _choices()
    for at, name in enumerate(choices, 1):
        lists.cell(1, at, name)
        for line, code in enumerate(choices[name], 2):
            lists.cell(line, at, code)
    for at, name in enumerate(COLUMNS, 1):
        letter = column_letter(at)
        head = sheet.cell(1, at, name)
        head.font = Font(bold=True)
        if note := _note(name):
            head.comment = Comment(note, "registry")
        cell = sheet.cell(2, at, EXAMPLE.get(name))
        # Text, so that a number with leading zeros stays as it is written.
        cell.number_format = "@"
        sheet.column_dimensions[letter].width = max(14, len(name) + 2)
        sheet.column_dimensions[letter].number_format = "@"
        if name in choices:
            column = column_letter(list(choices).index(name) + 1)
            source = f"Lists!${column}$2:${column}${len(choices[name]) + 1}"
            rule = DataValidation(type="list", formula1=source, allow_blank=True)
            # Several tags may stand in one cell: there the list only proposes.
            rule.showErrorMessage = name not in LISTS
            rule.errorTitle, rule.error = "Not in the list", f"Choose {name} from the list."
            rule.add(f"{letter}2:{letter}{_ROWS}")
            sheet.add_data_validation(rule)
    sheet.freeze_panes = "A2"
    book.save(out)
