"""Indexes that wait in a folder for the next start: trusted by their seal, and never stale."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.screening import streams
from app.sanctions.screening.saved import IndexFiles, index_files
from app.sanctions.screening.service import Screener
from app.sanctions.screening.statistics import STREAM
from partner_registry_matcher import Subject
from tests.sanctions.lists.support import party
from tests.sanctions.screening.conftest import Put
from tests.sanctions.screening.support import PEOPLE
from tests.support import unique

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture
def files(tmp_path: Path) -> IndexFiles:
    return IndexFiles(tmp_path / "index", b"of the test")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The streams that were built from their names, as they are built."""
    seen: list[str] = []
    make = streams.StreamIndex._made

    def noted(self: streams.StreamIndex, *args: Any) -> Any:
        seen.append(self.name)
        return make(self, *args)

    monkeypatch.setattr(streams.StreamIndex, "_made", noted)
    return seen


async def _found(screener: Screener, database: Database, name: str) -> list[Any]:
    async with database.fast_read() as connection:
        seq = await connection.fetchval(streams._HEAD, STREAM)
        layers = await screener.layers(connection, seq)
    return [
        (hit.score, listed, hit.explanation)
        for hit, listed in layers.screen(Subject(None, [name]), 0.3)
    ]


async def test_the_next_process_takes_it_and_what_is_newer(
    database: Database, files: IndexFiles, filled: Put, built: list[str]
) -> None:
    kept, gone, new = (unique(f"{word} Weavers") for word in ("Larch", "Alder", "Rowan"))
    await filled(*PEOPLE, party("60", kept), party("61", gone))
    first = Screener(files)
    await first.warm(database)
    assert STREAM in built
    built.clear()
    again = Screener(files)
    await again.warm(database)
    assert built == []
    assert await _found(again, database, kept) == await _found(first, database, kept) != []
    await filled(*PEOPLE, party("60", kept), party("62", new))
    third = Screener(files)
    await third.warm(database)
    assert built == []
    for name in (kept, gone, new):
        answers = [await _found(one, database, name) for one in (third, first, Screener())]
        assert answers[0] == answers[1] == answers[2]
        assert (answers[0] == []) == (name == gone)
    await filled(*PEOPLE)


async def test_what_somebody_put_there_is_not_taken(
    database: Database, files: IndexFiles, filled: Put, built: list[str]
) -> None:
    name = unique("Hornbeam Ferrymen")
    await filled(*PEOPLE)
    # An index without the entry, by somebody without the key.
    await Screener(dataclasses.replace(files, key=b"guessed")).warm(database)
    await filled(*PEOPLE, party("63", name))
    built.clear()
    screener = Screener(files)
    await screener.warm(database)
    assert STREAM in built
    assert await _found(screener, database, name)
    await filled(*PEOPLE)


async def test_a_file_forgets_who_left_the_list(
    database: Database, files: IndexFiles, filled: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique("Medlar Coopers")
    await filled(*PEOPLE, party("64", name))
    screener = Screener(files)
    await screener.warm(database)
    await filled(*PEOPLE)
    path = files.path(STREAM)
    await screener.keep_files(database)
    assert name.encode() in path.read_bytes()
    monkeypatch.setattr(streams, "_KEPT_S", 0.0)
    await screener.keep_files(database)
    assert name.encode() not in path.read_bytes()
    assert await _found(screener, database, name) == []


async def test_files_of_lists_that_nobody_uses_are_removed(
    database: Database, files: IndexFiles
) -> None:
    await Screener(files).warm(database)
    other = files.path("list:nobodys/../..")
    assert other.parent == files.folder
    other.write_bytes(b"x")
    await Screener(files).warm(database)
    assert not other.exists()
    assert files.path(STREAM).exists()
    assert files.folder.stat().st_mode & 0o077 == 0


async def test_a_folder_that_cannot_be_written_hinders_nothing(
    database: Database, tmp_path: Path, filled: Put
) -> None:
    (tmp_path / "file").write_text("no folder")
    name = unique("Quince Chandlers")
    await filled(*PEOPLE, party("65", name))
    screener = Screener(IndexFiles(tmp_path / "file", b"key"))
    await screener.warm(database)
    assert await _found(screener, database, name)
    await filled(*PEOPLE)


def test_without_the_setting_nothing_is_kept(settings: Settings, app: Any, tmp_path: Path) -> None:
    assert index_files(settings, app.state.root) is None
    named = settings.model_copy(update={"index_dir": tmp_path})
    files = index_files(named, app.state.root)
    assert files is not None
    assert (files.folder, files.key) == (tmp_path, app.state.root.derive("saved-index"))
