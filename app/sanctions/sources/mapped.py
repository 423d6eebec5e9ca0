"""Any other list: a table and the mapping that says what its columns mean, as ``csv:<name>``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from app.sanctions.sources.base import (
    Audience,
    ListedParty,
    Regime,
    SourceDefaults,
    SourceUnreadable,
)
from app.sanctions.sources.file_reader import joined
from app.sanctions.sources.issue import Issue, Notes, check
from app.sanctions.sources.mapped_record import Cells, Reading, party_of
from app.sanctions.sources.mapping import SUFFIX, Mapping, load
from app.sanctions.sources.spool import Spool
from app.sanctions.sources.table_reader import check_table, rows

_CODE = re.compile(r"csv:[a-z][a-z0-9_]{0,39}")


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


def _read(path: Path, mapping: Mapping, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    """The parties in the order of their first rows."""
    keys: set[str] = set()
    with Spool() as spool:
        for line, row in _records(path, mapping):
            key = Reading(mapping, row).key()
            if not key:
                raise SourceUnreadable("a row without its key", f"line {line}")
            if mapping.rows == "one" and key in keys:
                raise SourceUnreadable(f"{key[:80]} twice", f"line {line}")
            keys.add(key)
            spool.put(key, {"line": line, "row": row})
            notes.unknown |= set(row) - mapping.columns
        for key, found in spool.each():
            yield f"line {found[0]['line']}", party_of(mapping, key, [one["row"] for one in found])


def read(paths: tuple[Path, ...], built_in: Path | None = None) -> Issue:
    """The list of a table and a mapping, told apart by the suffix ``.mapping.yaml``.

    Without a mapping among the paths that of the source is used, if it has one. The digest is that
    of the table and the mapping: a list read otherwise is another list. Raises SourceUnreadable or
    SourceEmpty.
    """
    mappings = [path for path in paths if path.name.endswith(SUFFIX)]
    tables = [path for path in paths if not path.name.endswith(SUFFIX)]
    if not mappings and built_in:
        mappings = [built_in]
    if len(mappings) != 1 or len(tables) != 1:
        what = f"{len(tables)} tables and {len(mappings)} files *{SUFFIX} instead of one each"
        raise SourceUnreadable(what, "the call")
    mapping, facts = load(mappings[0])
    both = joined({"table": check_table(tables[0], mapping.file.shape), "mapping": facts})
    issue = check(partial(_read, tables[0], mapping), both, f"mapping {mapping.version}")
    header = replace(
        issue.header, title=mapping.title, publisher=mapping.publisher, licence=mapping.licence
    )
    return replace(issue, header=header)


@dataclass(frozen=True)
class CsvSource(SourceDefaults):
    """A list that somebody mapped. What it is called and on what terms stands in its header."""

    code: str
    title: str = "A list by a mapping of its own"
    publisher: str = "as the mapping says"
    licence: str = "as the mapping says"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> Issue:
        """See ListSource: the table and its ``*.mapping.yaml``."""
        return read(paths)


def source_of(code: str) -> CsvSource | None:
    """The source ``csv:<name>``, None if the code is none of that kind."""
    return CsvSource(code) if _CODE.fullmatch(code) else None
