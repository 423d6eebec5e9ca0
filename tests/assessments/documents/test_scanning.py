"""Files of assessments and findings before the scanner: late, and again when it has learned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.assessments.documents.upkeep import scan_waiting
from app.core.blobs.scanner import Clamd
from app.core.blobs.service import Blobs
from app.core.crypto import KeyRing
from app.core.db import Database
from app.partners.documents import upkeep as partners
from tests.assessments.documents import factories as papers
from tests.assessments.factories import make_assessment
from tests.assessments.findings import papers as finding_papers
from tests.assessments.findings.support import make_finding
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.core.blobs.test_kinds_and_scanner import EICAR, clamd
from tests.partners.documents.factories import PDF
from tests.partners.documents.factories import upload as upload_of_partner
from tests.partners.factories import make_partner
from tests.support import Api

BAD = PDF + EICAR
AWAY = Clamd("127.0.0.1:9", seconds=1)


@pytest.fixture
async def blobs(app: FastAPI, worker_database: Database) -> AsyncIterator[Blobs]:
    """The service's files; whatever scanner a test gives it, it has its own again afterwards.

    What other tests left unscanned is scanned before.
    """
    plain: Blobs = app.state.blobs
    async with clamd(b"stream: OK") as scanner:
        await _round(app, plain, worker_database, scanner)
    yield plain
    app.state.blobs = plain


def _use(app: FastAPI, blobs: Blobs, scanner: Clamd | None) -> None:
    app.state.blobs = Blobs(blobs.store, blobs.keyring, scanner)


async def _round(app: FastAPI, blobs: Blobs, worker: Database, scanner: Clamd) -> int:
    """The worker's round with this scanner; how many files got a verdict."""
    store = type(blobs.store)(worker)  # type: ignore[call-arg]  # both stores take a database
    there = Blobs(store, KeyRing(app.state.root), scanner)
    return await scan_waiting(worker, there) + await partners.scan_waiting(worker, there)


async def _age(database: Database, document: dict[str, Any], days: int) -> None:
    sql = """UPDATE blobs SET scanned_at = now() - make_interval(days => :days) WHERE id =
        (SELECT blob_id FROM assessment_documents WHERE id = :id UNION ALL
         SELECT blob_id FROM partner_documents WHERE id = :id)"""
    async with database.session() as session:
        await session.execute(text(sql), {"id": UUID(document["id"]), "days": days})


async def _both(api: Api, content: bytes) -> list[tuple[str, str, dict[str, Any]]]:
    """A document of an assessment and one of a finding: subject of the log, URL of the file, it."""
    draft = (await make_assessment(api, status="draft"))["id"]
    finding = await make_finding(api)
    one = await papers.upload(api, draft, content)
    other = await finding_papers.upload(api, finding["id"], content)
    return [
        (draft, papers.url_of(draft, one["id"]), one),
        (finding["assessment_id"], finding_papers.url_of(finding["id"], other["id"]), other),
    ]


async def _found(database: Database, subject: str) -> list[str]:
    rows = await events_of(database, subject)
    return [row.detail["at"] for row in rows if row.event == "assessment:document:infected"]


async def test_malware_is_refused_and_nothing_of_it_stored(
    app: FastAPI, blobs: Blobs, api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    draft = (await make_assessment(unicef, status="draft"))["id"]
    finding = await make_finding(unicef)
    waiting = await papers.announce(unicef, draft)
    of_finding = await finding_papers.announce(unicef, finding["id"])
    count = text("SELECT count(*) FROM blobs")
    async with operator_database.session() as session:
        before = await session.scalar(count)
    async with clamd() as scanner:
        _use(app, blobs, scanner)
        for refused in (
            await papers.send(unicef, waiting, BAD),
            await finding_papers.send(unicef, of_finding, BAD),
        ):
            assert (refused.status_code, refused.json()["code"]) == (422, "content_infected")
    async with operator_database.session() as session:
        assert await session.scalar(count) == before
    for subject in (draft, finding["assessment_id"]):
        assert await _found(operator_database, subject) == ["upload"]


async def test_what_came_while_the_scanner_was_away_waits_for_it(
    app: FastAPI, blobs: Blobs, api_for: ApiFor, worker_database: Database,
    operator_database: Database,
) -> None:  # fmt: skip
    unicef = await api_for("UNICEF")
    _use(app, blobs, AWAY)
    good, bad = await _both(unicef, PDF), await _both(unicef, BAD)
    for _, url, made in (*good, *bad):
        assert made["scan"] == "pending"
        waits = await unicef.get(url)
        assert (waits.status_code, waits.json()["code"]) == (409, "document_not_scanned")
    assert await _round(app, blobs, worker_database, AWAY) == 0
    async with clamd() as scanner:
        assert await _round(app, blobs, worker_database, scanner) == 4
        assert await _round(app, blobs, worker_database, scanner) == 0
    for _, url, _made in good:
        assert (await unicef.get(url)).content == PDF
    for subject, url, _made in bad:
        caught = await unicef.get(url)
        assert (caught.status_code, caught.json()["code"]) == (409, "document_quarantined")
        assert await _found(operator_database, subject) == ["rescan"]


async def test_a_scanner_that_learned_finds_what_it_took_for_clean(
    app: FastAPI, blobs: Blobs, api_for: ApiFor, worker_database: Database,
    operator_database: Database,
) -> None:  # fmt: skip
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    async with clamd(b"stream: OK") as ignorant:
        _use(app, blobs, ignorant)
        known, bad = await _both(unicef, PDF), await _both(unicef, BAD)
        of_partner = await upload_of_partner(unicef, partner, BAD)
    async with clamd() as scanner:
        _use(app, blobs, scanner)
        assert await _round(app, blobs, worker_database, scanner) == 0, "scanned lately"
        for made in (*(one[2] for one in (*known, *bad)), of_partner):
            assert made["scan"] == "clean"
            await _age(operator_database, made, 8)
        # Until its turn comes, what was clean is served.
        assert (await unicef.get(bad[0][1])).content == BAD
        assert await _round(app, blobs, worker_database, scanner) == 5
        assert await _round(app, blobs, worker_database, scanner) == 0
        for _, url, _made in known:
            assert (await unicef.get(url)).content == PDF
        for subject, url, _made in bad:
            caught = await unicef.get(url)
            assert (caught.status_code, caught.json()["code"]) == (409, "document_quarantined")
            assert await _found(operator_database, subject) == ["rescan"]
        url = f"/v1/partners/{partner}/documents/{of_partner['id']}/content"
        assert (await unicef.get(url)).json()["code"] == "document_quarantined"


async def test_a_scanner_that_came_later_scans_what_was_there(
    app: FastAPI, blobs: Blobs, api_for: ApiFor, worker_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    _use(app, blobs, None)
    draft = (await make_assessment(unicef, status="draft"))["id"]
    made = await papers.upload(unicef, draft)
    assert made["scan"] == "unscanned"
    async with clamd() as scanner:
        _use(app, blobs, scanner)
        url = papers.url_of(draft, made["id"])
        assert (await unicef.get(url)).json()["code"] == "document_not_scanned"
        assert await _round(app, blobs, worker_database, scanner) == 1
        assert (await unicef.get(url)).content == PDF
