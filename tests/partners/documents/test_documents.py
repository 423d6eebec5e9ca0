"""Documents through the API: what goes in comes out, for those who may, and the log knows."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.blobs.frames import FRAME
from app.core.blobs.service import sweep
from app.core.blobs.stores import PostgresStore
from app.core.db import Database
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.partners.documents.factories import PDF, announce, document_body, send, upload
from tests.partners.factories import make_partner

PURPOSE = {"Access-Purpose": 'CONTRACTING; ref="WFP-KE-2026-17"'}


async def test_a_file_of_many_frames_comes_back_byte_for_byte(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    content = PDF + secrets.token_bytes(3 * FRAME + 17)
    made = await upload(unicef, partner, content)
    assert made["state"] == "available"
    assert made["version"] == 2
    assert made["bytes"] == len(content)
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert made["scan"] == "unscanned"
    url = f"/v1/partners/{partner}/documents/{made['id']}"
    assert await wfp.read(url) == made
    answer = await wfp.get(f"{url}/content")
    assert answer.status_code == 200
    assert answer.content == content
    headers = answer.headers
    assert headers["content-disposition"].startswith("attachment; filename*=UTF-8''Minutes%20of")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"] == "private, no-store"
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert headers["repr-digest"] == f"sha-256=:{digest}:"
    logged = [row.event for row in await events_of(operator_database, made["id"])]
    assert logged == [
        "partner:document:announce",
        "partner:document:upload",
        "partner:document:read",
    ]


async def test_nothing_of_a_file_or_a_sealed_title_lies_in_the_database(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    secret = secrets.token_hex(16)
    made = await upload(
        unicef, partner, PDF + secret.encode(), level="RESTRICTED", title=f"Title {secret}"
    )
    assert made["title"] is None
    async with operator_database.connection() as connection:
        for table in ("blobs", "blob_chunks", "partner_documents", "idempotency_keys"):
            found = await connection.fetchval(
                f"SELECT count(*) FROM {table} t WHERE position($1 IN t::text) > 0 "
                "OR position($2 IN t::text) > 0",
                secret,
                secret.encode().hex(),
            )
            assert found == 0, table
    answer = await unicef.get(f"/v1/partners/{partner}/documents/{made['id']}/content")
    assert secret in answer.headers["content-disposition"]


async def test_a_restricted_one_of_another_agency_needs_a_purpose(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    made = await upload(unicef, partner, level="RESTRICTED")
    url = f"/v1/partners/{partner}/documents/{made['id']}/content"
    refused = await wfp.get(url)
    assert (refused.status_code, refused.json()["code"]) == (422, "purpose_required")
    twice = await wfp.get(url, headers=[*PURPOSE.items(), *PURPOSE.items()])
    assert twice.json()["code"] == "purpose_required"
    assert (await wfp.get(url, headers=PURPOSE)).content == PDF
    read = (await events_of(operator_database, made["id"]))[-1]
    assert (read.event, read.purpose) == ("partner:document:read", "CONTRACTING")
    assert (await unicef.get(url)).status_code == 200
    assert (await events_of(operator_database, made["id"]))[-1].purpose == "OWN_RECORD"


async def test_without_the_scope_a_restricted_document_is_not_there(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    made = await upload(unicef, partner, level="RESTRICTED")
    plain = await api_for("WFP", "partners:read")
    url = f"/v1/partners/{partner}/documents"
    assert (await plain.get(f"{url}/{made['id']}")).status_code == 404
    assert (await plain.read(url))["items"] == []
    assert (await plain.get(f"{url}/{made['id']}/content")).status_code == 403
    assert len((await (await api_for("WFP")).read(url))["items"]) == 1


async def test_a_draft_is_its_uploaders_alone(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    draft = await announce(unicef, partner)
    assert draft["state"] == "draft"
    url = f"/v1/partners/{partner}/documents/{draft['id']}"
    assert (await wfp.get(url)).status_code == 404
    assert (await send(wfp, draft)).status_code == 404
    assert (await unicef.get(f"{url}/content")).status_code == 404
    assert (await send(unicef, draft)).status_code == 200
    assert (await wfp.get(url)).status_code == 200


async def test_a_new_file_is_a_new_document_that_supersedes(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    old = await upload(unicef, partner)
    again = await send(unicef, old)
    assert (again.status_code, again.json()["code"]) == (409, "document_uploaded")
    foreign = await wfp.post(
        f"/v1/partners/{partner}/documents", json=document_body(supersedes=old["id"])
    )
    assert foreign.json()["code"] == "superseded_unknown"
    new = await upload(unicef, partner, supersedes=old["id"])
    url = f"/v1/partners/{partner}/documents"
    seen = await wfp.read(f"{url}/{old['id']}")
    assert (seen["state"], seen["superseded_by"]) == ("superseded", new["id"])
    assert [item["id"] for item in (await wfp.read(url))["items"]] == [new["id"]]
    both = await wfp.read(url, params={"superseded": "true", "limit": "1"})
    assert [item["id"] for item in both["items"]] == [new["id"]]
    rest = await wfp.read(
        url, params={"superseded": "true", "limit": "1", "cursor": both["next_cursor"]}
    )
    assert [item["id"] for item in rest["items"]] == [old["id"]]


async def test_of_two_files_at_once_one_stays(api_for: ApiFor, operator_database: Database) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    draft = await announce(unicef, partner)
    answers = await asyncio.gather(*(send(unicef, draft, PDF + b"%d" % n) for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    (kept,) = [answer.json() for answer in answers if answer.status_code == 200]
    answer = await unicef.get(f"/v1/partners/{partner}/documents/{draft['id']}/content")
    assert hashlib.sha256(answer.content).hexdigest() == kept["sha256"]


async def test_what_was_never_finished_is_swept_and_nothing_else(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    kept = await upload(unicef, partner)
    draft = await announce(unicef, partner)
    await asyncio.gather(*(send(unicef, draft, PDF + b"%d" % n) for n in range(2)))
    mine = "SELECT count(*) FROM blobs WHERE partner_id = $1"
    store = PostgresStore(worker_database)
    await sweep(worker_database, store)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE blobs SET created_at = now() - interval '2 hours' WHERE partner_id = $1",
            UUID(partner),
        )
        while await sweep(worker_database, store):
            continue
        assert await connection.fetchval(mine, UUID(partner)) == 2
    answer = await unicef.get(f"/v1/partners/{partner}/documents/{kept['id']}/content")
    assert answer.content == PDF


async def test_a_stored_file_is_neither_swept_nor_brought_back(
    api_for: ApiFor, worker_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = UUID((await make_partner(unicef))["id"])
    await upload(unicef, str(partner))
    change = text("UPDATE blobs SET state = :state WHERE partner_id = :partner")
    with pytest.raises(Exception, match="does not come back"):
        async with worker_database.session() as session:
            await session.execute(change, {"state": "storing", "partner": partner})
    async with worker_database.session() as session:
        await session.execute(change, {"state": "deleting", "partner": partner})
    with pytest.raises(Exception, match="does not come back"):
        async with worker_database.session() as session:
            await session.execute(change, {"state": "stored", "partner": partner})


async def test_a_changed_byte_is_never_served(api_for: ApiFor, operator_database: Database) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    made = await upload(unicef, partner)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE blob_chunks SET content = set_byte(content, 3, get_byte(content, 3) # 1) "
            "WHERE blob_id = (SELECT blob_id FROM partner_documents WHERE id = $1)",
            UUID(made["id"]),
        )
    answer = await unicef.get(f"/v1/partners/{partner}/documents/{made['id']}/content")
    assert (answer.status_code, answer.json()["code"]) == (503, "content_unavailable")


async def test_a_deleted_document_is_gone_from_sight_and_kept(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    made = await upload(unicef, partner)
    url = f"/v1/partners/{partner}/documents/{made['id']}"
    assert (await unicef.delete(url)).status_code == 422
    assert (await unicef.delete(f"{url}?reason=because")).status_code == 422
    assert (await wfp.delete(f"{url}?reason=wrong_file")).status_code == 404
    assert (await unicef.delete(f"{url}?reason=wrong_file")).status_code == 204
    assert (await unicef.delete(f"{url}?reason=wrong_file")).status_code == 404
    assert (await unicef.get(url)).status_code == 404
    assert (await unicef.get(f"{url}/content")).status_code == 404
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT d.deleted_reason, b.state FROM partner_documents d "
            "JOIN blobs b ON b.id = d.blob_id WHERE d.id = $1",
            UUID(made["id"]),
        )
    assert tuple(row) == ("wrong_file", "stored")


async def test_a_claimed_profile_takes_agencies_evidence_only(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    url = f"/v1/partners/{partner}/documents"
    for control, code in (("partner", "owned_by_partner"), ("disputed", "control_disputed")):
        async with operator_database.session() as session:
            await session.execute(
                text("UPDATE partners SET control = :c, version = version + 1 WHERE id = :id"),
                {"c": control, "id": UUID(partner)},
            )
        body = document_body(kind="registration_certificate")
        refused = await unicef.post(url, json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        await announce(unicef, partner, kind="evidence")


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"kind": "diary"}, 422, "invalid_request"),
        ({"media_type": "text/html"}, 422, "invalid_request"),
        ({"media_type": "image/svg+xml"}, 422, "invalid_request"),
        ({"title": ""}, 422, "invalid_request"),
        ({"level": "AGENCY_ONLY"}, 422, "invalid_request"),
        ({"language": "English"}, 422, "invalid_request"),
        ({"issued_on": "2026-02-01", "expires_on": "2026-01-31"}, 422, "period_invalid"),
        ({"supersedes": "7e0f3c0e-3a8e-4c0f-9a53-9c1f2f3f5a11"}, 422, "superseded_unknown"),
        ({"uploaded_by": "WFP"}, 422, "invalid_request"),
    ],
)
async def test_a_wrong_announcement_is_refused(
    api_for: ApiFor, more: dict[str, str], status: int, code: str
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    answer = await unicef.post(f"/v1/partners/{partner}/documents", json=document_body(**more))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_form_of_an_upload(api_for: ApiFor, app: FastAPI) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    draft = await announce(unicef, partner)
    for headers, status in (
        ({"Content_Type": "application/json"}, 415),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content_Type": "application/octet-stream; x=y"}, 415),
        ({"Content_Encoding": "gzip"}, 415),
        ({"If_Match": '"v7"'}, 412),
        ({"If_Match": "*"}, 412),
    ):
        answer = await send(unicef, draft, PDF, **headers)
        assert answer.status_code == status, headers
    large = await send(unicef, draft, bytes(26_214_401))
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    empty = await send(unicef, draft, b"")
    assert (empty.status_code, empty.json()["reason"]) == (422, "empty")
    json_route = await unicef.post(
        f"/v1/partners/{partner}/documents",
        content=b"{}",
        headers={"Content-Type": "application/octet-stream"},
    )
    assert json_route.status_code == 415
    assert (await send(unicef, draft)).status_code == 200
