"""Any other list: a table and the mapping that says what its columns mean, as ``csv:<name>``."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.sanctions.sources.base import (
    Audience,
    Kind,
    ListedParty,
    ListHeader,
    ListSource,
    Regime,
    SourceEmpty,
    SourceUnreadable,
)
from app.sanctions.sources.file_reader import FileFacts, joined
from app.sanctions.sources.grouping import Cells, grouped
from app.sanctions.sources.mapped_record import Reading, party_of
from app.sanctions.sources.mapping import SUFFIX, Mapping, load
from app.sanctions.sources.table_reader import check_table, rows

PREFIX = "csv:"
_CODE = re.compile(r"csv:[a-z][a-z0-9_]{1,39}")


def _records(path: Path, mapping: Mapping) -> Iterator[tuple[int, Cells]]:
    """Each row below the names of columns as (line, cells by column)."""
    header: tuple[str, ...] | None = None
    for at, (line, cells) in enumerate(rows(path, mapping.file.shape)):
        if at < mapping.file.rows_ahead:
            continue
        if header is None:
            header = cells
            twice = sorted({name for name in header if header.count(name) > 1})
            missing = sorted(mapping.columns - set(header))
            if twice or missing:
                what = f"column {twice[0]!r} twice" if twice else f"no column {missing[0]!r}"
                raise SourceUnreadable(f"not the columns of this mapping: {what}", f"line {line}")
        else:
            yield line, dict(zip(header, cells, strict=True))


def _keyed(path: Path, mapping: Mapping) -> Iterator[tuple[int, str, Cells]]:
    for line, row in _records(path, mapping):
        key = Reading(mapping, row).key()
        if not key:
            raise SourceUnreadable("a row without its key", f"line {line}")
        yield line, key, row


def _check(path: Path, mapping: Mapping, mapped_by: FileFacts) -> ListHeader:
    """Read the table to its end once; only one without fault gets a header.

    The digest is that of the table and the mapping: a list read otherwise is another list.
    """
    facts = joined({"table": check_table(path, mapping.file.shape), "mapping": mapped_by})
    kinds: dict[str, Kind] = {}
    unnamed: dict[str, int] = {}  # the line of a party of which no row had a name so far, else 0
    columns: frozenset[str] = frozenset()
    for line, key, row in _keyed(path, mapping):
        if key in kinds and mapping.rows == "one":
            raise SourceUnreadable(f"{key[:80]} twice", f"line {line}")
        reading = Reading(mapping, row)
        kind = reading.kind()
        kinds[key] = kind if kinds.get(key, kind) == kind else "unknown"
        has_name = any(name.type == "primary" for name in reading.names())
        unnamed[key] = 0 if has_name else unnamed.get(key, line)
        columns = columns or frozenset(row)
    if not kinds:
        raise SourceEmpty("the list names nobody")
    if line := next(filter(None, unnamed.values()), 0):
        raise SourceUnreadable("a party without a primary name", f"line {line}")
    counts = Counter(kinds.values())
    persons, organisations = counts["person"], counts["organisation"]
    return ListHeader(
        generated_at=None,
        persons=persons,
        organisations=organisations,
        others=counts.total() - persons - organisations,
        bytes=facts.bytes,
        sha256=facts.sha256,
        unknown=tuple(sorted(columns - mapping.columns)),
        layout=f"mapping {mapping.version}",
        title=mapping.title,
        publisher=mapping.publisher,
        licence=mapping.licence,
    )


@dataclass(frozen=True)
class MappedList:
    """A checked issue of a mapped list."""

    path: Path
    mapping: Mapping
    header: ListHeader

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in the order of their first rows. Raises SourceUnreadable if the table
        changed meanwhile."""
        seen = 0
        for key, found in grouped((key, row) for _, key, row in _keyed(self.path, self.mapping)):
            seen += 1
            yield party_of(self.mapping, key, found)
        if seen != self.header.count:
            raise SourceUnreadable("the file changed while it was read", f"party {seen}")


def read(paths: tuple[Path, ...], built_in: Path | None = None) -> MappedList:
    """The list of a table and a mapping, told apart by the suffix ``.mapping.yaml``.

    Without a mapping among the paths that of the source is used, if it has one. Raises
    SourceUnreadable or SourceEmpty.
    """
    mappings = [path for path in paths if path.name.endswith(SUFFIX)]
    tables = [path for path in paths if not path.name.endswith(SUFFIX)]
    if not mappings and built_in:
        mappings = [built_in]
    if len(mappings) != 1 or len(tables) != 1:
        what = f"{len(tables)} tables and {len(mappings)} files *{SUFFIX} instead of one each"
        raise SourceUnreadable(what, "the call")
    mapping, facts = load(mappings[0])
    return MappedList(tables[0], mapping, _check(tables[0], mapping, facts))


@dataclass(frozen=True)
class CsvSource(ListSource):
    """A list that somebody mapped. What it is called and on what terms stands in its header."""

    code: str = PREFIX
    title: str = "A list by a mapping of its own"
    publisher: str = "as the mapping says"
    licence: str = "as the mapping says"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> MappedList:
        """See ListSource: the table and its ``*.mapping.yaml``."""
        return read(paths)


def source_of(code: str) -> CsvSource | None:
    """The source ``csv:<name>``, None if the code is none of that kind."""
    return CsvSource(code) if _CODE.fullmatch(code) else None
