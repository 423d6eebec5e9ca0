"""The agency's own vendors against the copy: what is linked, likely, unclear, double, affected."""

import json
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from partner_registry_client import vendor_files
from partner_registry_client.conformance.double import Registry, entry
from partner_registry_client.errors import NotConfigured
from partner_registry_client.vendor_files import Vendor, read_vendors
from partner_registry_client.vendors import _duplicates

Run = Callable[..., int]
Said = pytest.CaptureFixture[str]
PARTNER = "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90"
MASTER = """\
Vendor No;Name 1;Country;Registry Number;Tax number;Comment
0100001;Amani Relief Trust;KE;;;
0100002;"Umoja Health
Network";KEN;;;two lines
0100003;Unrelated Traders;UG;IPR-0000007-X;;
0100004;Quixotic Zebra Holdings;KE;;;
0100005;Quixotic Zebra Holdings;KE;;;
0100006;Savannah Light Works;KE;;KE-NCB-218-051;
0100007;Sahel Water Works;Kenia;;;
;;;;;
0100008;Nobody Knows This;;;;
0100008;Somebody Else Entirely;;;;
"""


@pytest.fixture
def matching(run: Run, registry: Registry) -> Run:
    """A copy that lists a few parties, and a vendor master."""
    known = {"partner_id": PARTNER, "registry_number": "IPR-0000007-X"}
    registry.put(entry("p1", "Pamoja Civic Forum", **known))
    number = {"scheme": "X", "value": "KE/NCB/218/051"}
    registry.put(entry("i1", "Mwanga Group", identifiers=[number]))
    registry.put(entry("u2", "Umoja Health Network"))
    registry.put(entry("old", "Sahel Water Works", effective_to="2020-01-01"))
    registry.remove("c3")
    who = ("--client-id", "unicef", "--client-secret-file", "secret")
    run("init", "--url", registry.url, "--anchor", "anchor.json", *who)
    run("pull")
    Path("vendors.csv").write_text(MASTER, encoding="utf-8-sig")
    return run


def _found(capsys: Said) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return said


def test_each_line_of_the_master_is_told_what_it_is(
    matching: Run, registry: Registry, capsys: Said
) -> None:
    registry.requests.clear()
    assert matching("vendors", "match", "vendors.csv", "--json") == 10
    assert registry.requests == []
    said = _found(capsys)
    assert said["provisional"] is True
    assert {(one["line"], one["result"], one["affected"]) for one in said["vendors"]} == {
        (2, "probable", True),
        (3, "ambiguous", True),
        (5, "linked", True),
        (6, "none", False),
        (7, "none", False),
        (8, "linked", True),
        (9, "probable", False),
        (11, "none", False),
        (12, "none", False),
    }
    by_line = {one["line"]: one for one in said["vendors"]}
    assert by_line[5]["parties"][0]["entry_id"] == "p1"
    assert by_line[8]["parties"][0]["entry_id"] == "i1"
    assert {one["entry_id"] for one in by_line[3]["parties"]} == {"b2", "u2"}
    assert (by_line[6]["duplicates"], by_line[7]["duplicates"]) == ([7], [6])
    assert by_line[11]["duplicates"] == [12]  # the same number
    assert by_line[9]["notes"] == ["country not understood, passed over"]
    assert said["summary"] == {
        "linked": 2, "probable": 2, "ambiguous": 1, "none": 4, "duplicate": 4, "affected": 4,
    }  # fmt: skip
    assert matching("vendors", "match", "vendors.csv") == 10
    text = capsys.readouterr().out
    assert text.startswith("PROVISIONAL")
    assert "line 5  0100003  Unrelated Traders  linked; AFFECTED" in text
    assert "line 6  0100004  Quixotic Zebra Holdings  duplicate of line 7" in text


def test_an_excel_file_is_read_with_its_row_numbers(matching: Run, capsys: Said) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["LIFNR", "NAME1", "LAND1"])
    sheet.append([None, None, None])
    sheet.append([100001.0, "Amani Relief Trust", "KE"])
    book.save("vendors.xlsx")
    assert matching("vendors", "match", "vendors.xlsx", "--json") == 10
    (one,) = _found(capsys)["vendors"]
    assert (one["line"], one["number"], one["result"]) == (3, "100001", "probable")
    Path("bad.xlsx").write_bytes(b"PK")
    assert matching("vendors", "match", "bad.xlsx") == 2


def test_columns_of_other_names_are_named(matching: Run) -> None:
    Path("odd.csv").write_text("Konto,Firma,Name\n1,Amani Relief Trust,Contact Person\n")
    assert matching("vendors", "match", "odd.csv") == 2
    columns = ("--column", "number=Konto", "--column", "name=Firma")
    assert matching("vendors", "match", "odd.csv", *columns) == 10
    (vendor,) = read_vendors(Path("odd.csv"), {"number": "Konto", "name": "Firma"})
    assert vendor.names == ["Amani Relief Trust"]
    assert matching("vendors", "match", "odd.csv", "--column", "number=Nothing") == 2
    assert matching("vendors", "match", "odd.csv", "--column", "colour=Konto") == 2
    with pytest.raises(SystemExit):
        matching("vendors", "match", "odd.csv", "--column", "number")


@pytest.mark.parametrize("content", [b"", b"number,name\n\xff", b'number,name\n"1'])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vendors.csv"
    path.write_bytes(content)
    with pytest.raises(NotConfigured):
        read_vendors(path)


def test_an_old_copy_finds_vendors_but_clears_none(
    matching: Run, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    late = registry.now + 8 * 86400
    monkeypatch.setattr("partner_registry_client.vendor_commands.time.time", lambda: late)
    assert matching("vendors", "match", "vendors.csv") == 20


def test_who_is_affected_by_what_changed(
    matching: Run, registry: Registry, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert matching("affected", "--since", "2026-01-01") == 2  # no vendors yet
    matching("vendors", "match", "vendors.csv")
    capsys.readouterr()
    start = datetime.now(timezone.utc).isoformat()
    registry.put(entry("z1", "Quixotic Zebra Holding"))
    registry.put(entry("a1", "Amani Relief Trust (Kenya)"))
    registry.remove("p1", "annulled")
    registry.put(entry("other", "Nothing To Do With Them"))
    matching("pull")
    capsys.readouterr()
    assert matching("affected", "--since", start, "--json") == 10
    found = {
        (one["line"], one["entry_id"], one["what"], one["reason"])
        for one in _found(capsys)["affected"]
    }
    assert found == {
        (6, "z1", "new", None),
        (7, "z1", "new", None),
        (2, "a1", "changed", None),
        (5, "p1", "removed", "annulled"),
    }
    assert matching("affected", "--since", "2020-01-01") == 20
    said = capsys.readouterr().out
    assert "INCOMPLETE" in said
    assert "0100003  line 5  removed (annulled)  p1" in said
    assert matching("affected", "--since", "soon") == 2
    assert matching("affected", "--since", "2999-01-01T00:00:00") == 0
    assert Path("copy/vendors.json").stat().st_mode & 0o077 == 0


def _workbook(**parts: Callable[[bytes], bytes]) -> Path:
    """A workbook of two vendors whose parts were changed, by the end of their names."""
    book = openpyxl.Workbook()
    for row in (("number", "name"), ("1", "Amani"), ("2", "Umoja")):
        book.active.append(row)
    book.save("good.xlsx")
    changed = Path("changed.xlsx")
    with zipfile.ZipFile("good.xlsx") as good, zipfile.ZipFile(changed, "w") as bad:
        for name in good.namelist():
            change = next((parts[end] for end in parts if name.endswith(f"/{end}.xml")), bytes)
            bad.writestr(name, change(good.read(name)), zipfile.ZIP_DEFLATED)
    return changed


def _far(sheet: bytes) -> bytes:
    """Its last row is said to be two thousand million rows on."""
    for cell in (b'r="3"', b'r="A3"', b'r="B3"'):
        sheet = sheet.replace(cell, cell[:-2] + b'2000000000"')
    return sheet


@pytest.mark.parametrize(
    "parts",
    [
        {"sheet1": lambda part: part[:-30]},
        {"sheet1": lambda part: b""},
        {"workbook": lambda part: b"<x"},
        {"workbook": lambda part: re.sub(b"<sheets>.*</sheets>", b"<sheets/>", part)},
        {"sheet1": _far},
    ],
    ids=["cut", "empty", "no markup", "no sheet", "far row"],
)
def test_a_broken_workbook_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vendor_files, "_MAX_ROWS", 1000)
    path = _workbook(**parts)
    with pytest.raises(NotConfigured):
        read_vendors(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _workbook(theme1=lambda part: b"<a>" + b" " * 20_000_000)
    assert path.stat().st_size < 100_000
    assert len(read_vendors(path)) == 2
    monkeypatch.setattr(vendor_files, "MAX_UNPACKED_BYTES", 10_000_000)
    with pytest.raises(NotConfigured, match="unpacks"):
        read_vendors(path)


def test_rows_beyond_what_a_sheet_says_of_itself_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _workbook(sheet1=lambda part: part.replace(b'"A1:B3"', b'"A1:B2"'))
    assert [(one.line, one.number) for one in read_vendors(path)] == [(2, "1"), (3, "2")]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv", Path("/dev/zero")):
        with pytest.raises(NotConfigured, match="is no file"):
            read_vendors(path)


def test_of_many_lines_with_one_number_some_are_named() -> None:
    vendors = [Vendor(line, "7", [f"Quix{line * 7919} Zeb{line * 104729}"]) for line in range(200)]
    same = _duplicates(vendors)
    assert {len(lines) for lines in same.values()} <= {49, 50}
    assert len(same) == 200
