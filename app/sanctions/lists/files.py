"""Finding the files of one issue among those that lie in a folder, by what is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.core import datafiles
from app.sanctions.sources import ALL, ListHeader, ListSource, SourceEmpty, SourceUnreadable
from app.sanctions.sources.mapped import source_of
from app.sanctions.sources.mapping import SUFFIX

MAX_FILES = 500
_EXTRACT = 0.5
"""An issue with fewer than this share of another's parties is taken for an extract of the list."""
_SET_MAX = 12
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class NoIssue(Exception):
    """No file there is an issue of this list; the message says why the likeliest is none."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Files that are one issue, and what they say of themselves."""

    paths: tuple[Path, ...]
    header: ListHeader


class _Claim(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    names: tuple[str, ...]


class _FileNames(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    claims: tuple[_Claim, ...]


FILE_NAMES = _FileNames.model_validate(datafiles.read("app.sanctions.lists", "file_names.yaml"))


def claimed_by(path: Path) -> str | None:
    """The list that a file is of by its name, where two come in one form; else None."""
    name = path.name.casefold()
    return next(
        (
            claim.source
            for claim in FILE_NAMES.claims
            if any(fnmatchcase(name, pattern) for pattern in claim.names)
        ),
        None,
    )


def issue_of(source: ListSource, paths: Sequence[Path]) -> tuple[Path, ...]:
    """The files of the issue to import: the files named, or the newest issue of a folder.

    Raises NoIssue. Files that were named are taken as one issue, whatever is in them: what they
    are not, `parse` says with the place.
    """
    if not any(path.is_dir() for path in paths):
        return tuple(paths)
    files: list[Path] = []
    for path in paths:
        files.extend(in_folder(path) if path.is_dir() else [path])
    return newest(source, files).paths


def in_folder(folder: Path) -> list[Path]:
    """Its regular files that can be read, by name; hidden ones and those of other owners' are out.

    Raises NoIssue for a folder with more files than anyone's lists.
    """
    found = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and os.access(path, os.R_OK)
    )
    if len(found) > MAX_FILES:
        raise NoIssue(f"{folder} holds {len(found)} files: that is no folder of lists.")
    return found


def mapped(files: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Issues of mapped lists by code: `x.mapping.yaml` beside the one table `x.*` is `csv:x`.

    A mapping without its table, with two, or of a name that no list can have is left out, as is one
    of a list that has its own source.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for mapping in (path for path in files if path.name.endswith(SUFFIX)):
        name = mapping.name.removesuffix(SUFFIX)
        tables = [path for path in files if path.stem == name and path != mapping]
        if name not in ALL and source_of(f"csv:{name}") is not None and len(tables) == 1:
            found[f"csv:{name}"] = (tables[0], mapping)
    return found


def newest(source: ListSource, files: Sequence[Path]) -> Issue:
    """The newest whole issue among the files. Raises NoIssue."""
    found, refusal = _read(source, files)
    if not found:
        why = f"; the last one that came near: {refusal}" if refusal else ""
        raise NoIssue(f"None of the {len(files)} files is an issue of {source.code}{why}.")
    most = max(issue.header.count for issue in found)
    whole = [issue for issue in found if issue.header.count >= most * _EXTRACT]
    return max(whole, key=age)


def age(issue: Issue) -> tuple[datetime, int, tuple[str, ...]]:
    """By what issues are ordered, the oldest first."""
    header = issue.header
    return (
        header.generated_at or _EARLIEST,
        len(issue.paths),
        tuple(path.name for path in issue.paths),
    )


def issues(source: ListSource, files: Sequence[Path]) -> list[Issue]:
    """Every issue among the files."""
    return _read(source, files)[0]


def _read(source: ListSource, files: Sequence[Path]) -> tuple[list[Issue], str]:
    read, refusal = [], ""
    for paths in _sets([path for path in files if claimed_by(path) in (None, source.code)]):
        try:
            read.append(Issue(paths, source.parse(*paths).header))
        except SourceEmpty as error:
            refusal = f"{paths[0].name} is empty: {error}"
        except SourceUnreadable as error:
            # A file of another list is refused at its beginning; one that breaks off is likelier.
            refusal = refusal or f"{paths[0].name}: {error}"
    return read, refusal


def _sets(files: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """What may be one issue: each file alone, and files whose names differ in their last word."""
    for path in files:
        yield (path,)
    groups: dict[str, list[Path]] = {}
    for path in files:
        first = re.split(r"[._-][^._-]*$", path.stem)[0]
        groups.setdefault(first + path.suffix.casefold(), []).append(path)
        if "_" in first:
            # "…_sdn_comments" beside "…_sdn", "…_add" and "…_alt".
            shorter = re.split(r"[._-][^._-]*$", first)[0]
            groups.setdefault(shorter + path.suffix.casefold(), []).append(path)
    for group in groups.values():
        if 2 <= len(group) <= _SET_MAX:
            yield tuple(group)
