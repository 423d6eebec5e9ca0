"""Files through ``registry partners``: templates, exact places of errors, the portal, undoing."""

from __future__ import annotations

import csv
import re
import secrets
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from openpyxl import Workbook, load_workbook

from app.core.db import Database
from app.core.settings import Settings
from app.partners.bulk.files import columns, tables, templates
from tests.cli.commands import environment_of, registry
from tests.conftest import ApiFor
from tests.partners.flags.support import flag_body
from tests.support import unique


def row(**more: str) -> dict[str, str]:
    """A row of a template that can be stored."""
    word = secrets.token_hex(6)
    cells = {
        "key": f"K-{word}",
        "legal_name": unique("Amani Relief Trust"),
        "partner_type": "NGO_NATIONAL",
        "country": "KEN",
        "vendor_number": f"0{word}",
    }
    return cells | more


def write_csv(file: Path, rows: list[dict[str, str]], delimiter: str = ",", bom: str = "") -> Path:
    names = list(dict.fromkeys(name for one in rows for name in one))
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(bom)
        writer = csv.DictWriter(out, names, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_xlsx(file: Path, rows: list[dict[str, Any]]) -> Path:
    book = Workbook()
    sheet = book.worksheets[0]
    names = list(dict.fromkeys(name for one in rows for name in one))
    sheet.append(names)
    for one in rows:
        sheet.append([one.get(name) for name in names])
    book.save(file)
    return file


async def load(settings: Settings, file: Path, *more: str, agency: str = "WFP") -> Any:
    env = environment_of(settings)
    return await registry("partners", "load", file, "--agency", agency, *more, env=env)


def load_id(output: str) -> str:
    found = re.search(r"Load ([0-9a-f-]{36})", output)
    assert found is not None, output
    return found[1]


@pytest.mark.parametrize(("delimiter", "bom"), [(",", ""), (";", "\ufeff"), ("\t", "")])
def test_csv_is_read_whatever_a_spreadsheet_made_of_it(
    tmp_path: Path, delimiter: str, bom: str
) -> None:
    name = 'A "quoted"; name, of\ntwo lines'
    file = write_csv(tmp_path / "x.csv", [row(legal_name=name), row()], delimiter, bom)
    first, second = tables.read_csv(file)
    assert first.cells["legal_name"] == name
    assert (first.line, second.line) == (2, 4), "the line where the row begins"


def test_a_formula_is_its_own_text(tmp_path: Path) -> None:
    formula = '=HYPERLINK("https://evil.example","x")'
    for file in (
        write_csv(tmp_path / "x.csv", [row(legal_name=formula)]),
        write_xlsx(tmp_path / "x.xlsx", [row(legal_name=formula)]),
    ):
        (one,) = tables.read_xlsx(file) if file.suffix == ".xlsx" else tables.read_csv(file)
        assert one.cells["legal_name"] == formula


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_template_is_taken_and_its_example_is_no_partner(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"t.{kind}"
    (templates.write_csv if kind == "csv" else templates.write_xlsx)(file)
    (one,) = tables.read_csv(file) if kind == "csv" else tables.read_xlsx(file)
    columns.check_header(one, None)
    assert one.cells == templates.EXAMPLE
    if kind == "xlsx":
        book = load_workbook(file)
        assert book["Lists"].sheet_state == "hidden"
        rules = book["Partners"].data_validations.dataValidation
        assert {rule.type for rule in rules} == {"list"}
        assert len(rules) == 7
        assert book["Partners"]["A1"].comment is not None


@pytest.mark.parametrize("harm", ["macros", "bomb", "no archive", "no workbook"])
def test_a_harmful_workbook_is_refused(tmp_path: Path, harm: str) -> None:
    file = write_xlsx(tmp_path / "x.xlsx", [row()])
    if harm == "no archive":
        file.write_bytes(b"PK nothing")
    elif harm == "no workbook":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.txt", "x")
    else:
        with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
            name = "xl/vbaProject.bin" if harm == "macros" else "xl/huge.xml"
            archive.writestr(name, b"\0" * (20_000_000 if harm == "bomb" else 10))
    with pytest.raises(tables.FileRefused):
        list(tables.read_xlsx(file))


async def test_each_error_has_its_row_and_column(
    settings: Settings, world: Any, tmp_path: Path
) -> None:
    rows = [row(), row(country="XX"), row(protected="perhaps"), row(year_established="19 98")]
    for file in (write_csv(tmp_path / "x.csv", rows), write_xlsx(tmp_path / "y.xlsx", rows)):
        result = await load(settings, file, "--dry-run")
        assert result.exit_code == 2, result.output
        assert "Dry run: 1 created, 0 updated, 0 unchanged, 0 conflict, 3 invalid." in result.output
        assert "row 3, column D (country)" in result.output
        assert "row 4, column F (protected): is neither yes nor no" in result.output
        assert "row 5, column G (year_established)" in result.output
    result = await load(settings, tmp_path / "y.xlsx", "--dry-run")
    assert "sheet Sheet, row 3" in result.output
    unknown = write_csv(tmp_path / "z.csv", [row(surprise="x")])
    result = await load(settings, unknown)
    assert result.exit_code == 1
    assert "surprise" in result.output


async def test_a_load_is_undone_where_nobody_has_touched_it(
    settings: Settings, api_for: ApiFor, tmp_path: Path
) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    rows = [row(), row(), row()]
    file = write_csv(tmp_path / "x.csv", rows)
    result = await load(settings, file)
    assert result.exit_code == 0, result.output
    made = load_id(result.output)
    assert (await wfp.read(f"/v1/partners/loads/{made}"))["created"] == 3
    ids = []
    for one in rows:
        query = {"scheme": "AGENCY_VENDOR", "value": one["vendor_number"], "country": "KEN"}
        ids.append((await wfp.read("/v1/partners/resolve", params=query))["id"])
    patch = {"acronym": "NEW"}
    touched = await unicef.patch(f"/v1/partners/{ids[2]}", json=patch, headers={"If-Match": '"v1"'})
    assert touched.status_code == 200
    undone = await registry("partners", "loads", "undo", made, env=environment_of(settings))
    assert undone.exit_code == 0, undone.output
    assert "2 profiles deactivated, 1 kept" in undone.output
    statuses = [(await wfp.read(f"/v1/partners/{one}"))["status"] for one in ids]
    assert statuses == ["deactivated", "deactivated", "draft"]
    shown = await wfp.read(f"/v1/partners/loads/{made}")
    assert (shown["state"], shown["undone"]) == ("undone", 2)
    again = await load(settings, file)
    assert "2 created, 0 updated, 1 unchanged" in again.output
    more = await load(settings, file, "--load-id", made)
    assert more.exit_code == 1


def portal_rows() -> list[dict[str, Any]]:
    word = secrets.token_hex(4)
    name = unique("Amani International")
    both = {"Legal Name": name, "Display Type": "Int"}
    return [
        both | {"Partner ID": f"{word}2", "HQ": f"{word}1", "Country Code": "KE",
                "Vendor Number": f"V{word}", "Vendor Agency": "WFP", "Surprise": "x"},
        both | {"Partner ID": f"{word}1", "Country Code": "CH", "Is verified": "Yes",
                "Verification date": "2024-05-06", "Verified by": "UNHCR", "Sectors": "Health",
                "Concern groups": "Ref|IDP", "Budget": "B03", "Working languages": "Eng",
                "Flag type": "FL2_Yel", "Flag category": "C02_financial", "Flag agency": "UNICEF",
                "Flag comment": f"Receipts are missing {word}", "Flag date": "2024-01-02",
                "Flag ID": f"F{word}"},
    ]  # fmt: skip


async def test_a_table_of_the_portal_keeps_ids_links_and_reports_and_flags_wait(
    settings: Settings, api_for: ApiFor, operator_database: Database, tmp_path: Path
) -> None:
    wfp, unicef, unhcr = [await api_for(name) for name in ("WFP", "UNICEF", "UNHCR")]
    rows = portal_rows()
    file = write_xlsx(tmp_path / "unpp.xlsx", rows)
    result = await load(settings, file, "--format", "unpp")
    assert result.exit_code == 0, result.output
    assert "2 created" in result.output
    assert "surprise" in result.output, "columns that are not used are named"
    query = {"scheme": "UNPP", "value": rows[0]["Partner ID"]}
    office = (await wfp.read("/v1/partners/resolve", params=query))["id"]
    profile = await wfp.read(f"/v1/partners/{office}")
    head = await wfp.read(f"/v1/partners/{profile['hq_id']}")
    assert (head["country"], head["status"]) == ("CHE", "draft"), "no verification of ours"
    async with operator_database.connection() as connection:
        said = await connection.fetch(
            "SELECT kind, value, said_by, said_on::text FROM partner_load_reports "
            "WHERE partner_id = $1 ORDER BY kind, value",
            UUID(head["id"]),
        )
    assert ("verification", "verified", "UNHCR", "2024-05-06") in [tuple(one) for one in said]
    kinds = {(one["kind"], one["value"]) for one in said}
    assert {("sectors", "HEALTH"), ("populations", "REFUGEES"), ("budget", "2M_10M")} <= kinds
    flags = await wfp.read(f"/v1/partners/{head['id']}/flags")
    assert flags["items"] == []
    mine = (await unicef.read("/v1/pending-statements?state=pending"))["items"]
    (pending,) = [one for one in mine if one["partner_id"] == head["id"]]
    assert (pending["kind"], pending["category"]) == ("YELLOW", "FINANCIAL")
    where = f"/v1/pending-statements/{pending['id']}"
    assert (await unicef.read(where))["text"] == rows[1]["Flag comment"]
    for other in (wfp, unhcr):
        assert (await other.get(where)).status_code == 404
    body = {"decision": "confirm", "flag": flag_body()}
    refused = await wfp.post(f"{where}/decision", json=body, headers={"If-Match": '"v1"'})
    assert refused.status_code == 404
    done = await unicef.post(f"{where}/decision", json=body, headers={"If-Match": '"v1"'})
    assert done.status_code == 200, done.text
    flags = await wfp.read(f"/v1/partners/{head['id']}/flags")
    assert [one["id"] for one in flags["items"]] == [done.json()["flag_id"]]
    twice = await unicef.post(f"{where}/decision", json=body, headers={"If-Match": '"v2"'})
    assert twice.json()["code"] == "pending_statement_decided"
    again = await load(settings, file, "--format", "unpp")
    assert "2 unchanged" in again.output
    assert "0 flags and comments" in again.output
