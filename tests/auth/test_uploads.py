"""Files that agencies send in: what happens where they are kept cannot be reached."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI

from app.core.blobs.s3 import S3Store
from app.core.blobs.service import Blobs
from app.core.db import Database
from app.core.outbound import Outbound
from tests.assessments.documents.factories import announce, send, url_of
from tests.assessments.factories import make_assessment
from tests.conftest import ApiFor
from tests.partners.documents.factories import PDF


async def test_a_file_that_could_not_be_stored_is_not_attached_and_may_be_sent_again(
    app: FastAPI, api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_assessment(unicef, status="draft")
    document = await announce(unicef, draft["id"])
    plain: Blobs = app.state.blobs
    outbound = Outbound()
    away = S3Store(outbound, "http://127.0.0.1:9", "files", "us-east-1", ("key", "secret"))
    app.state.blobs = Blobs(away, plain.keyring, plain.scanner)
    try:
        answer = await send(unicef, document)
    finally:
        app.state.blobs = plain
        await outbound.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "content_unavailable")
    async with operator_database.connection() as connection:
        # It belongs to nothing, and is swept.
        left = await connection.fetch(
            "DELETE FROM blobs WHERE partner_id = $1 AND store = 's3' RETURNING state",
            UUID(draft["partner_id"]),
        )
    assert [row["state"] for row in left] == ["storing"]
    url = url_of(draft["id"], document["id"])
    assert (await unicef.get(url)).json()["code"] == "document_not_found"
    assert (await send(unicef, document)).status_code == 200
    assert (await unicef.get(url)).content == PDF
