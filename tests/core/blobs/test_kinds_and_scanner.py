"""What is taken as a file, and what the scanner's answers come to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from app.core.blobs.frames import Spool
from app.core.blobs.kinds import ContentRefused, MediaType, check_content
from app.core.blobs.scanner import Clamd, Scan, ScannerAway
from app.core.blobs.service import Blobs
from app.core.crypto import KeyRing
from app.core.db import Database
from app.partners.documents.upkeep import scan_waiting
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.partners.documents.factories import DOCX, PDF, announce, office, send
from tests.partners.factories import make_partner

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


async def _spool(content: bytes) -> Spool:
    async def once() -> AsyncIterator[bytes]:
        yield content

    return await Spool(uuid4()).fill(once(), 10_000_000)


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        (MediaType.PDF, PDF),
        (MediaType.PNG, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR...."),
        (MediaType.JPEG, b"\xff\xd8\xff\xe0...."),
        (MediaType.DOCX, office()),
        (MediaType.XLSX, office("xl")),
        (MediaType.TEXT, "Ré\r\nمرحبا\t".encode()),
        (MediaType.CSV, b"\xef\xbb\xbfname,amount\nA,1\n"),
    ],
)
async def test_honest_files_are_taken(declared: MediaType, content: bytes) -> None:
    check_content(await _spool(content), declared)


@pytest.mark.parametrize(
    ("declared", "content", "code"),
    [
        (MediaType.PDF, b"", "empty"),
        (MediaType.PDF, b"MZ\x90\x00", "type_differs"),
        (MediaType.PDF, b"<html>%PDF-1.7", "type_differs"),
        (MediaType.PNG, b"\xff\xd8\xff", "type_differs"),
        (MediaType.DOCX, office("xl"), "type_differs"),
        (MediaType.XLSX, PDF, "type_differs"),
        (MediaType.DOCX, b"PK\x03\x04 and no more", "archive"),
        (MediaType.DOCX, office(more={"word/vbaProject.bin": b"x"}), "active_content"),
        (MediaType.DOCX, office(more={"x/run.exe": b"x"}), "active_content"),
        (MediaType.DOCX, office(more={"../../x": b"x"}), "archive"),
        (MediaType.DOCX, office(more={"bomb": bytes(3_000_000)}), "archive"),
        (MediaType.DOCX, office(more={f"m{n}": b"" for n in range(1_001)}), "archive"),
        (
            MediaType.DOCX,
            office(more={"[Content_Types].xml": b"application/vnd.ms-word.macroEnabled.12"}),
            "active_content",
        ),
        (MediaType.TEXT, b"  <svg onload=x>", "active_content"),
        (MediaType.TEXT, b"#!/bin/sh", "active_content"),
        (MediaType.TEXT, b"a\x00b", "type_differs"),
        (MediaType.CSV, b"a,\xff", "type_differs"),
    ],
)
async def test_what_is_not_what_it_says_or_acts_is_refused(
    declared: MediaType, content: bytes, code: str
) -> None:
    with pytest.raises(ContentRefused, match=f"^{code}$"):
        check_content(await _spool(content), declared)


@asynccontextmanager
async def clamd(answer: bytes | None = None) -> AsyncIterator[Clamd]:
    """A server that speaks clamd's INSTREAM; it finds EICAR unless told what to answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = bytearray()
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            content += await reader.readexactly(length)
        found = b"Win.Test.EICAR_HDB-1 FOUND" if EICAR in content else b"OK"
        writer.write((b"stream: " + found if answer is None else answer) + b"\0")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Clamd(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seconds=5)


async def _verdict(scanner: Clamd, content: bytes) -> Scan:
    async def once() -> AsyncIterator[bytes]:
        yield content

    return await scanner.scan(once())


async def test_the_scanners_verdicts_and_nothing_else_is_one() -> None:
    async with clamd() as scanner:
        assert await _verdict(scanner, PDF * 10_000) is Scan.CLEAN
        assert await _verdict(scanner, PDF + EICAR) is Scan.INFECTED
    for answer in (b"INSTREAM size limit exceeded. ERROR", b"", b"OK", b"stream: OKAY"):
        async with clamd(answer) as scanner:
            with pytest.raises(ScannerAway):
                await _verdict(scanner, PDF)
    with pytest.raises(ScannerAway):
        await _verdict(Clamd("127.0.0.1:9", seconds=2), PDF)


async def test_malware_is_refused_and_what_was_not_scanned_waits(
    app: FastAPI, api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    plain: Blobs = app.state.blobs
    url = f"/v1/partners/{partner}/documents"
    try:
        async with clamd() as scanner:
            app.state.blobs = Blobs(plain.store, plain.keyring, scanner)
            bad = await announce(unicef, partner)
            refused = await send(unicef, bad, PDF + EICAR)
            assert (refused.status_code, refused.json()["code"]) == (422, "content_infected")
            async with operator_database.connection() as connection:
                stored = "SELECT count(*) FROM blobs WHERE partner_id = $1"
                assert await connection.fetchval(stored, UUID(partner)) == 0
            events = [row.event for row in await events_of(operator_database, bad["id"])]
            assert "partner:document:infected" in events
            good = (await send(unicef, await announce(unicef, partner))).json()
            assert good["scan"] == "clean"
            assert (await unicef.get(f"{url}/{good['id']}/content")).status_code == 200
        app.state.blobs = Blobs(plain.store, plain.keyring, Clamd("127.0.0.1:9", seconds=1))
        late = [
            (await send(unicef, await announce(unicef, partner), PDF + more)).json()
            for more in (b"", EICAR)
        ]
        assert [item["scan"] for item in late] == ["pending", "pending"]
        waits = await unicef.get(f"{url}/{late[0]['id']}/content")
        assert waits.json()["code"] == "document_not_scanned"
        async with clamd() as scanner:
            blobs = Blobs(type(plain.store)(worker_database), KeyRing(app.state.root), scanner)  # type: ignore[call-arg]  # both stores take a database
            await scan_waiting(worker_database, blobs)
        assert (await unicef.get(f"{url}/{late[0]['id']}/content")).status_code == 200
        caught = await unicef.get(f"{url}/{late[1]['id']}/content")
        assert (caught.status_code, caught.json()["code"]) == (409, "document_quarantined")
        events_now = await events_of(operator_database, late[1]["id"])
        assert [row.detail.get("at") for row in events_now].count("rescan") == 1
    finally:
        app.state.blobs = plain


async def test_an_office_file_goes_through_the_api(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    made = await send(unicef, await announce(unicef, partner, media_type=DOCX), office())
    assert made.status_code == 200, made.text
    wrong = await send(unicef, await announce(unicef, partner, media_type=DOCX), PDF)
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "type_differs")
