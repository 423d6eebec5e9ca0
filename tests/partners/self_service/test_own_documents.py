"""What the partner downloads of the documents about itself."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.documents.factories import PDF, announce, document_body, upload
from tests.support import Api, World


def place(document: dict[str, Any]) -> str:
    return f"/v1/self/documents/{document['id']}/content"


async def own_upload(own: Api, **more: Any) -> dict[str, Any]:
    draft = await own.made("/v1/self/documents", document_body(**more))
    headers = {"If-Match": '"v1"', "Content-Type": "application/octet-stream"}
    done = await own.put(place(draft), content=PDF, headers=headers)
    assert done.status_code == 200, done.text
    made: dict[str, Any] = done.json()
    return made


async def readings(database: Database, answer: httpx.Response) -> list[Any]:
    async with database.connection() as connection:
        rows: list[Any] = await connection.fetch(
            "SELECT subject_id::text AS document, basis, purpose, agency_id FROM audit_events "
            "WHERE request_id = $1 AND event = 'partner:document:read'",
            answer.headers["x-request-id"],
        )
    return rows


@pytest.mark.parametrize("level", ["INTER_AGENCY", "RESTRICTED"])
async def test_the_partner_downloads_what_it_uploaded(
    level: str, api_for: ApiFor, world: World, operator_database: Database
) -> None:
    _, own = await claimed_partner(api_for, world)
    made = await own_upload(own, level=level, title="Statutes ../é")
    answer = await own.get(place(made))
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''Statutes")
    assert "/" not in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["cache-control"] == "private, no-store"
    digest = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    read = await readings(operator_database, answer)
    assert [(row["document"], row["basis"]) for row in read] == [(made["id"], "owner")]


async def test_of_agencies_documents_it_gets_those_that_are_not_restricted(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    unicef = await api_for("UNICEF")
    shown = await upload(unicef, partner)
    answer = await own.get(place(shown))
    assert (answer.status_code, answer.content) == (200, PDF)
    assert [row["basis"] for row in await readings(operator_database, answer)] == ["self"]
    hidden = [
        await upload(unicef, partner, level="RESTRICTED"),
        await announce(unicef, partner),  # a draft
        await upload(unicef, (await claimed_partner(api_for, world))[0]),
        {"id": str(uuid4())},
    ]
    answers = [await own.get(place(one)) for one in hidden]
    assert {one.status_code for one in answers} == {404}
    bodies = [one.json() for one in answers]
    for body in bodies:
        del body["instance"]
    assert bodies == [bodies[0]] * 4, "what may not be read looks absent"
    for one in answers:
        assert await readings(operator_database, one) == []


async def test_a_stranger_an_agency_and_a_lesser_client_do_not_download(
    api_for: ApiFor, world: World
) -> None:
    _, own = await claimed_partner(api_for, world)
    made = await own_upload(own)
    stranger = (await claimed_partner(api_for, world))[1]
    assert (await stranger.get(place(made))).status_code == 404
    assert (await (await api_for("UNICEF")).get(place(made))).status_code == 403
    assert (await own.get("/v1/self/documents/not-an-id/content")).status_code == 422
    drafted = await own.made("/v1/self/documents", document_body())
    assert (await own.get(place(drafted))).status_code == 404
