"""The worker's checks: a folder, and publishers that serve, change, fail and lie."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.outbound import Outbound
from app.core.settings import Settings, UnsafeSettings
from app.sanctions.lists.checks import ListChecks
from app.sanctions.lists.files import NoIssue, claimed_by, in_folder, issue_of, mapped
from tests.sanctions.lists.support import LinesSource, party, registered, write
from tests.support import unique


@dataclass
class Publisher:
    """A small web server whose answers a test sets."""

    port: int = 0
    status: int = 200
    body: bytes = b""
    etag: str = ""
    length: int | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lists/issue.lines?part=1"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        sent = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.asked.append(sent)
        status, body = self.status, self.body
        if self.etag and sent.get("if-none-match") == self.etag:
            status, body = 304, b""
        length = len(body) if self.length is None else self.length
        tag = f"ETag: {self.etag}\r\n" if self.etag else ""
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{tag}Connection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    publisher = Publisher()
    server = await asyncio.start_server(publisher.answer, "127.0.0.1", 0)
    publisher.port = server.sockets[0].getsockname()[1]
    async with server:
        yield publisher


@pytest.fixture
async def outbound(settings: Settings) -> AsyncIterator[Outbound]:
    client = Outbound(settings.outbound_networks)
    yield client
    await client.close()


@pytest.fixture
def code() -> Any:
    name = unique("zz").replace(" ", "_")
    with registered(LinesSource(name)):
        yield name


async def state(database: Database, code: str) -> Any:
    async with database.session() as session:
        return (
            await session.execute(
                text(
                    "SELECT s.version, s.last_success, f.failures, f.failure, "
                    "f.next_at - now() AS wait FROM list_sources s "
                    "LEFT JOIN list_fetches f ON f.source = s.code WHERE s.code = :s"
                ),
                {"s": code},
            )
        ).one()


async def due(database: Database, code: str) -> None:
    async with database.session() as session:
        await session.execute(
            text("UPDATE list_fetches SET next_at = now() WHERE source = :s"), {"s": code}
        )


async def test_a_published_list_is_fetched_once_and_asked_for_changes(
    worker_database: Database,
    settings: Settings,
    outbound: Outbound,
    publisher: Publisher,
    code: str,
    tmp_path: Path,
) -> None:
    checks = ListChecks(
        settings.model_copy(update={"lists_fetch": f"{code}={publisher.url}"}), outbound
    )
    await checks.prepare(worker_database)
    publisher.body = write(tmp_path / "1", code, [party(str(n)) for n in range(10)]).read_bytes()
    publisher.etag = '"one"'
    await checks.run(worker_database)
    first = await state(worker_database, code)
    assert (first.version is not None, first.failures, len(publisher.asked)) == (True, 0, 1)
    assert first.wait.total_seconds() > 11 * 3_600
    await checks.run(worker_database)
    assert len(publisher.asked) == 1
    # Nothing new: a successful check all the same.
    await due(worker_database, code)
    await checks.run(worker_database)
    second = await state(worker_database, code)
    assert publisher.asked[1]["if-none-match"] == '"one"'
    assert second.version == first.version
    assert second.last_success > first.last_success
    # A failure is tried again soon, then later; what is in force stays.
    waits = []
    for status, length, failure in (
        (500, None, "status_500"),
        (302, None, "status_302"),
        (200, 400_000_000, "too_large"),
        (200, 100_000, "protocol"),
    ):
        publisher.status, publisher.length, publisher.etag = status, length, ""
        await due(worker_database, code)
        await checks.run(worker_database)
        failed = await state(worker_database, code)
        assert (failed.failure, failed.version) == (failure, first.version)
        waits.append(failed.wait.total_seconds())
    assert waits == sorted(waits)
    assert waits[0] < 301
    # A sudden loss is held back, and asked for again in full.
    publisher.status, publisher.length, publisher.etag = 200, None, '"two"'
    publisher.body = write(
        tmp_path / "2", code, [party("1")], "2026-01-02T00:00:00+00:00"
    ).read_bytes()
    await due(worker_database, code)
    await checks.run(worker_database)
    held = await state(worker_database, code)
    assert (held.failure, held.version, held.failures) == ("held", first.version, 5)
    publisher.body = write(
        tmp_path / "3", code, [party(str(n)) for n in range(11)], "2026-01-03T00:00:00+00:00"
    ).read_bytes()
    await due(worker_database, code)
    await checks.run(worker_database)
    back = await state(worker_database, code)
    assert (back.failures, back.failure, back.version > first.version) == (0, None, True)


async def test_what_the_settings_misname_stops_the_worker(
    worker_database: Database, settings: Settings, outbound: Outbound
) -> None:
    for changed in (
        {"lists_fetch": "nowhere=https://lists.example/a"},
        {"lists_fetch": "unsc=ftp://lists.example/a"},
        {"lists_required": "unsc nowhere"},
        {"lists_stale_days": "nowhere=3"},
    ):
        checks = ListChecks(settings.model_copy(update=changed), outbound)
        with pytest.raises(UnsafeSettings):
            await checks.prepare(worker_database)


async def test_an_opt_in_list_is_never_required(
    worker_database: Database, settings: Settings, outbound: Outbound, code: str
) -> None:
    checks = ListChecks(settings.model_copy(update={"lists_required": f"unsc {code}"}), outbound)
    with pytest.raises(UnsafeSettings, match="cannot be required"):
        await checks.prepare(worker_database)


async def test_a_folder_is_looked_at_when_it_changes(
    worker_database: Database, settings: Settings, outbound: Outbound, code: str, tmp_path: Path
) -> None:
    checks = ListChecks(settings.model_copy(update={"lists_dir": tmp_path}), outbound)
    await checks.prepare(worker_database)
    (tmp_path / "README.md").write_text("no list")
    (tmp_path / "broken.lines").write_bytes(b'{"' + code.encode() + b'": "2026')
    await checks.run(worker_database)
    assert (await state(worker_database, code)).version is None
    write(tmp_path / "a.lines", code, [party(str(n)) for n in range(5)])
    await checks.run(worker_database)
    first = await state(worker_database, code)
    assert first.version is not None
    await checks.run(worker_database)
    assert (await state(worker_database, code)).last_success == first.last_success
    # A process that starts anew checks its files again.
    again = ListChecks(settings.model_copy(update={"lists_dir": tmp_path}), outbound)
    await again.run(worker_database)
    second = await state(worker_database, code)
    assert second.last_success > first.last_success
    assert second.version == first.version


MAPPING = """version: "1"
title: Barred firms
publisher: A ministry
licence: its own terms
source: read by hand
confirmed: false
key: [id]
kind: {always: organisation}
names: [{columns: [name], type: primary}]
identifiers: [{type: tax number, value: tax}]
"""


async def test_a_mapping_beside_its_table_is_a_list_of_the_folder(
    worker_database: Database, settings: Settings, outbound: Outbound, tmp_path: Path
) -> None:
    name = unique("zz").replace(" ", "_").casefold()
    checks = ListChecks(settings.model_copy(update={"lists_dir": tmp_path}), outbound)
    (tmp_path / f"{name}.csv").write_text("id,name,tax\n1,Brique SARL,12 345\n")
    (tmp_path / f"{name}.mapping.yaml").write_text(MAPPING)
    (tmp_path / "no.table.mapping.yaml").write_text(MAPPING)
    (tmp_path / "ungm.mapping.yaml").write_text(MAPPING)
    (tmp_path / "ungm.csv").write_text("id,name,tax\n1,Brique SARL,1\n")
    found = mapped(in_folder(tmp_path))
    assert set(found) == {f"csv:{name}"}
    await checks.run(worker_database)
    assert (await state(worker_database, f"csv:{name}")).version is not None
    async with worker_database.session() as session:
        numbers = await session.scalar(
            text("SELECT entry -> 'identifiers' FROM listed_parties WHERE source = :s"),
            {"s": f"csv:{name}"},
        )
    assert numbers == [{"scheme": "tax number", "value": "12 345"}]


def test_a_file_that_another_list_claims_by_name_is_not_tried(tmp_path: Path) -> None:
    names = {
        "cons_prim.csv": "ofac_cons",
        "ofac_nonsdn_cons_add.csv": "ofac_cons",
        "CONSOLIDATED.XML": "ofac_cons",
        "SDN.CSV": "ofac_sdn",
        "ofac_2021-10_sdn_comments.csv": "ofac_sdn",
        "un_sc_consolidated_2026-02-27.xml": None,
        "eu_fsf.xml": None,
    }
    assert {name: claimed_by(Path(name)) for name in names} == names
    write(tmp_path / "sdn.lines", "ofac_cons", [party("1"), party("2")])
    mine = write(tmp_path / "cons_new.lines", "ofac_cons", [party("1")])
    assert issue_of(LinesSource("ofac_cons"), [tmp_path]) == (mine,)


def test_the_newest_whole_issue_of_a_folder_is_taken(code: str, tmp_path: Path) -> None:
    source = LinesSource(code)
    with pytest.raises(NoIssue):
        issue_of(source, [tmp_path])
    parties = [party(str(n)) for n in range(10)]
    write(tmp_path / "z_old", code, parties, "2025-01-01T00:00:00+00:00")
    newest = write(tmp_path / "a_new", code, parties, "2026-01-01T00:00:00+00:00")
    write(tmp_path / "m_extract", code, parties[:2], "2026-06-01T00:00:00+00:00")
    (tmp_path / ".hidden").write_text("x")
    os.symlink("/nonexistent", tmp_path / "dangling")
    assert issue_of(source, [tmp_path]) == (newest,)
    assert issue_of(source, [tmp_path / "m_extract"]) == (tmp_path / "m_extract",)
