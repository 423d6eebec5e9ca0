"""Memory while a list is read: what it takes does not follow the size of the list."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sanctions.sources.published import SAMPLES

ROOT = Path(__file__).parents[3]
MEGABYTE = 1024 * 1024
# Not getrusage: its peak is at least that of the process that started this one.
_READ = """
import re, sys
from pathlib import Path
from app.sanctions.sources import ALL
issue = ALL[sys.argv[1]].parse(*map(Path, sys.argv[2:]))
assert sum(1 for party in issue) == issue.header.count
kib = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(issue.header.bytes, issue.header.count, kib)
"""


def peak(code: str, *paths: Path) -> tuple[int, int, int]:
    """Bytes, parties and the peak of a fresh process that reads them twice, in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, code, *map(str, paths)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    size, count, kib = map(int, done.stdout.split())
    return size, count, kib


def xml_list(folder: Path, size: int) -> list[Path]:
    """OFAC's XML with the sample's first entry again and again under new numbers."""
    text = (SAMPLES / "ofac_sdn" / "sdn.xml").read_text()
    head, entry = text[: text.index("<sdnEntry>")], text.split("</sdnEntry>")[0]
    entry = entry[entry.index("<sdnEntry>") :] + "</sdnEntry>\n"
    path = folder / "sdn.xml"
    with path.open("w") as file:
        file.write(head)
        for number in range(size // len(entry.encode()) + 1):
            file.write(entry.replace("9001", str(100_000 + number)))
        file.write("</sdnList>")
    return [path]


def tables(folder: Path, size: int) -> list[Path]:
    """OFAC's tables, each row of the sample's first entry under new numbers."""
    found, rows = [], {}
    for name in ("sdn", "add", "alt"):
        sample = (SAMPLES / "ofac_sdn" / "csv" / f"{name}.csv").read_text()
        rows[name] = sample.splitlines()[0] + "\r\n"
    times = size // sum(map(len, rows.values())) + 1
    for name, row in rows.items():
        found.append(folder / f"{name}.csv")
        with found[-1].open("w", newline="") as file:
            for number in range(times):
                file.write(re.sub("^9001", str(100_000 + number), row))
    return found


MAKERS: dict[str, Callable[[Path, int], list[Path]]] = {"xml": xml_list, "csv": tables}


def growth(maker: str, folder: Path, small: int, large: int) -> int:
    """KiB by which the peak grows from a small list to a large one."""
    peaks = []
    for megabytes in (small, large):
        paths = MAKERS[maker](folder, megabytes * MEGABYTE)
        size, count, kib = peak("ofac_sdn", *paths)
        assert size >= megabytes * MEGABYTE
        assert count > 100
        peaks.append(kib)
    return peaks[1] - peaks[0]


@pytest.mark.parametrize("maker", MAKERS)
def test_memory_does_not_follow_the_size_of_a_list(maker: str, tmp_path: Path) -> None:
    assert growth(maker, tmp_path, 1, 3) < 8 * 1024


@pytest.mark.drill
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("maker", MAKERS)
def test_memory_is_flat_at_100_megabytes(maker: str, tmp_path: Path) -> None:
    """Only the keys grow, so that none comes twice: a tenth of the list at most."""
    assert growth(maker, tmp_path, 5, 100) < 40 * 1024
