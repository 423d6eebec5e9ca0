"""Documents of assessments: what goes in comes out, on the terms of the detail and no others."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.assessments.retention import RETENTION
from app.core.blobs.frames import FRAME
from app.core.blobs.service import sweep
from app.core.blobs.stores import PostgresStore
from app.core.db import Database
from app.core.settings import Settings
from app.partners.retention import run as retention
from tests.assessments.documents.factories import (
    V1,
    announce,
    document_body,
    move,
    send,
    upload,
    url_of,
)
from tests.assessments.factories import PURPOSE, make_assessment, make_share
from tests.assessments.support import as_superuser, code, denied, run, touched
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.documents.factories import PDF
from tests.support import World


async def _draft(api_for: ApiFor, **more: Any) -> str:
    return str((await make_assessment(await api_for("UNICEF"), status="draft", **more))["id"])


async def test_a_file_comes_back_byte_for_byte_and_the_log_says_so(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    draft = await _draft(api_for)
    content = PDF + secrets.token_bytes(2 * FRAME + 9)
    made = await upload(unicef, draft, content, kind="psea_policy", standard=1, language="en")
    assert (made["state"], made["version"], made["standard"]) == ("available", 2, 1)
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert made["bytes"] == len(content)
    assert "title" not in made
    assert (await unicef.read(url_of(draft)))["items"] == [made]
    answer = await unicef.get(url_of(draft, made["id"]))
    assert answer.content == content
    assert "Canary%20report" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "private, no-store"
    logged = await events_of(operator_database, draft)
    assert [row.event for row in logged][-4:] == [
        "assessment:document:announce",
        "assessment:document:upload",
        "assessment:document:read",
        "assessment:document:read",
    ]
    assert logged[-1].detail["document"] == made["id"]
    assert logged[-1].purpose == "OWN_RECORD"


async def test_others_read_it_on_the_terms_of_the_detail(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp, fao = await api_for("UNICEF"), await api_for("WFP"), await api_for("FAO")
    draft = await _draft(api_for)
    made = await upload(unicef, draft)
    await move(unicef, draft, "final")
    lists, file = url_of(draft), url_of(draft, made["id"])
    for url in (lists, file):
        assert await code(wfp, url, headers=PURPOSE) == (404, "assessment_not_found")
    share = await make_share(unicef, draft)
    for url in (lists, file):
        assert await code(wfp, url) == (422, "purpose_required")
        other = {"Access-Purpose": 'AUDIT; ref="A-1"'}
        assert await code(wfp, url, headers=other) == (422, "purpose_not_shared")
        assert (await wfp.get(url, headers=PURPOSE)).status_code == 200
        assert await code(fao, url, headers=PURPOSE) == (404, "assessment_not_found")
    assert (await wfp.get(file, headers=PURPOSE)).content == PDF
    shown = (await unicef.read(f"/v1/assessments/{draft}/disclosures"))["items"]
    assert [(one["agency"], one["document_id"]) for one in shown] == [
        ("WFP", made["id"]),
        ("WFP", made["id"]),
        ("WFP", None),
    ]
    await unicef.delete(f"/v1/assessments/{draft}/shares/{share['id']}")
    assert await code(wfp, file, headers=PURPOSE) == (404, "assessment_not_found")
    row = (await events_of(operator_database, draft))[-3]
    assert (row.event, row.purpose) == ("assessment:document:read", "PARTNER_SELECTION")


async def test_an_inter_agency_one_needs_no_purpose_and_a_summary_share_opens_none(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    open_one, closed = (
        await _draft(api_for, confidentiality="INTER_AGENCY"),
        await _draft(api_for),
    )
    files = {}
    for one in (open_one, closed):
        files[one] = (await upload(unicef, one))["id"]
        await move(unicef, one, "final")
    await make_share(unicef, closed, level="summary")
    assert (await wfp.get(url_of(open_one, files[open_one]))).content == PDF
    assert await code(wfp, url_of(closed, files[closed]), headers=PURPOSE) == (
        404,
        "assessment_not_found",
    )


async def test_papers_come_and_go_with_the_draft_only(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    draft = await _draft(api_for)
    kept, gone = await upload(unicef, draft), await upload(unicef, draft)
    waiting = await announce(unicef, draft)
    assert (await unicef.delete(f"{url_of(draft)}/{gone['id']}")).status_code == 204
    assert await code(unicef, url_of(draft, gone["id"])) == (404, "document_not_found")
    assert await code(unicef, url_of(draft, waiting["id"])) == (404, "document_not_found")
    await move(unicef, draft, "submitted")
    for version, status, problem in (
        (2, "submitted", "assessment_submitted"),
        (3, "final", "assessment_final"),
    ):
        if status == "final":
            await move(unicef, draft, "final", version - 1)
        refused = await unicef.post(url_of(draft), json=document_body())
        assert (refused.status_code, refused.json()["code"]) == (409, problem)
        refused = await send(unicef, waiting)
        assert (refused.status_code, refused.json()["code"]) == (409, problem)
        refused = await unicef.delete(f"{url_of(draft)}/{kept['id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, problem)
    # The database says the same to raw SQL, whoever writes it.
    owner, values = world.agencies["UNICEF"], {"id": UUID(kept["id"])}
    delete = "DELETE FROM assessment_documents WHERE id = :id"
    assert await denied(database, owner, delete, **values) == "23514"
    assert await touched(database, world.agencies["WFP"], delete, **values) == 0
    insert = (
        "INSERT INTO assessment_documents (id, assessment_id, owner_agency, kind, media_type, "
        "sealed) SELECT gen_random_uuid(), assessment_id, owner_agency, kind, media_type, sealed "
        "FROM assessment_documents WHERE id = :id"
    )
    assert await denied(database, owner, insert, **values) == "23514"
    swap = "UPDATE assessment_documents SET blob_id = NULL, uploaded_at = NULL WHERE id = :id"
    assert await denied(database, owner, swap, **values) == "23514"


async def test_a_file_and_the_end_of_the_draft_take_turns(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for _ in range(3):
        draft = await _draft(api_for)
        waiting = await announce(unicef, draft)
        sent, moved = await asyncio.gather(
            send(unicef, waiting),
            unicef.patch(f"/v1/assessments/{draft}", json={"status": "final"}, headers=V1),
        )
        assert moved.status_code == 200
        (shown,) = (await unicef.read(url_of(draft)))["items"]
        assert (shown["state"] == "available") == (sent.status_code == 200)
        assert sent.status_code in (200, 409)


async def test_what_does_not_fit_is_refused(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    draft = await _draft(api_for)
    for body, expected in (
        (document_body(standard=1), "standard_unfit"),
        (document_body(kind="psea_policy", standard=2), "standard_unfit"),
        (document_body(kind="corrective_record"), "validation_failed"),
        (document_body(standard=9), "validation_failed"),
        (document_body(title="x" * 301), "validation_failed"),
        (document_body(title=" "), "validation_failed"),
        (document_body(partner_visible="yes"), "validation_failed"),
        (document_body(owner_agency="WFP"), "validation_failed"),
    ):
        refused = await unicef.post(url_of(draft), json=body)
        assert refused.status_code == 422, body
        assert refused.json()["code"] in (expected, "invalid_request"), body
    refused = await wfp.post(url_of(draft), json=document_body())
    assert (refused.status_code, refused.json()["code"]) == (404, "assessment_not_found")
    waiting = await announce(unicef, draft)
    refused = await send(unicef, waiting, b"<html></html>")
    assert (refused.status_code, refused.json()["code"]) == (422, "content_not_accepted")
    refused = await send(unicef, waiting | {"version": 2})
    assert refused.status_code == 412
    assert (await send(unicef, waiting)).status_code == 200
    again = await send(unicef, waiting)
    assert (again.status_code, again.json()["code"]) == (409, "document_uploaded")


async def test_a_redaction_hides_its_papers_and_its_confirmation_destroys_them(
    api_for: ApiFor, app: FastAPI, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    second = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSD", "OVS"))
    draft, other = await _draft(api_for), await _draft(api_for)
    made = await upload(unicef, draft)
    beside = await upload(unicef, other)
    await move(unicef, draft, "final")
    await make_share(unicef, draft)
    url = f"/v1/assessments/{draft}/redaction"
    await unicef.made(url, {"reason": "Canary: a survivor is named."})
    for api, headers in ((unicef, {}), (wfp, PURPOSE)):
        for path in (url_of(draft), url_of(draft, made["id"])):
            assert await code(api, path, headers=headers) == (410, "content_redacted")
    body = {"decision": "confirm", "reason": "Canary: checked."}
    done = await second.post(f"{url}/decision", json=body, headers=V1)
    assert done.status_code == 201, done.text
    async with operator_database.connection() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM assessment_documents WHERE assessment_id = $1", UUID(draft)
        )
        states = dict(await connection.fetch("SELECT id::text, state FROM blobs"))
    assert left == 0
    assert "deleting" in states.values()
    await sweep(operator_database, PostgresStore(operator_database))
    assert (await unicef.get(url_of(other, beside["id"]))).content == PDF


async def test_a_held_draft_keeps_its_papers(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSD", "OVS"))
    draft = await _draft(api_for)
    made = await upload(unicef, draft)
    hold = {
        "subject_kind": "assessment",
        "subject_id": draft,
        "reason": "Canary: litigation",
        "review_on": "2027-01-10",
    }
    await officer.made("/v1/legal-holds", hold)
    refused = await unicef.delete(f"{url_of(draft)}/{made['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
    assert (await unicef.get(url_of(draft, made["id"]))).content == PDF


async def test_a_file_that_was_moved_to_another_document_is_not_served(
    api_for: ApiFor, settings: Settings, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    one, two = await _draft(api_for), await _draft(api_for)
    secret = PDF + b"Canary of the first"
    first, second = await upload(unicef, one, secret), await upload(unicef, two)
    ids = [UUID(first["id"]), UUID(second["id"])]

    async def exchange(table: str, column: str, keys: list[UUID]) -> None:
        async with as_superuser(settings) as connection:
            kept = [
                await connection.fetchval(f"SELECT {column} FROM {table} WHERE id = $1", key)
                for key in keys
            ]
            await connection.execute("SET session_replication_role = replica")
            async with connection.transaction():
                # By way of a value that stands for nothing: what is exchanged may be unique.
                if column == "blob_id":
                    await connection.execute(
                        f"UPDATE {table} SET blob_id = gen_random_uuid() WHERE id = $1", keys[0]
                    )
                for key, value in zip(reversed(keys), kept, strict=True):
                    await connection.execute(
                        f"UPDATE {table} SET {column} = $2 WHERE id = $1", key, value
                    )

    async with operator_database.connection() as connection:
        blobs = [
            await connection.fetchval("SELECT blob_id FROM assessment_documents WHERE id = $1", one)
            for one in ids
        ]
    for table, column, keys in (
        ("assessment_documents", "blob_id", ids),
        ("assessment_documents", "sealed", ids),
        ("blobs", "sealed_key", blobs),
    ):
        await exchange(table, column, keys)
        for assessment, document in ((one, first), (two, second)):
            answer = await unicef.get(url_of(assessment, document["id"]))
            assert answer.status_code == 500, (table, column)
            assert b"Canary" not in answer.content
        await exchange(table, column, keys)
    # The frames themselves, in the place of the others'.
    async with as_superuser(settings) as connection:
        await connection.execute(
            "UPDATE blob_chunks t SET content = (SELECT s.content FROM blob_chunks s "
            "WHERE s.blob_id = $1 AND s.number = t.number) WHERE t.blob_id = $2",
            *blobs,
        )
    answer = await unicef.get(url_of(two, second["id"]))
    assert (answer.status_code, answer.json()["code"]) == (503, "content_unavailable")
    assert (await unicef.get(url_of(one, first["id"]))).content == secret


async def test_two_change_who_sees_it_and_one_is_told_to_look_again(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    draft = await _draft(api_for)
    made = await upload(unicef, draft)
    await move(unicef, draft, "final")
    url, headers = f"{url_of(draft)}/{made['id']}", {"If-Match": '"v2"'}
    answers = await asyncio.gather(
        *(unicef.patch(url, json={"partner_visible": True}, headers=headers) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    (shown,) = (await unicef.read(url_of(draft)))["items"]
    assert (shown["partner_visible"], shown["version"]) == (True, 3)
    wfp = await api_for("WFP")
    refused = await wfp.patch(url, json={"partner_visible": False}, headers={"If-Match": '"v3"'})
    assert (refused.status_code, refused.json()["code"]) == (404, "assessment_not_found")
    assert (await unicef.get(url_of(draft, made["id"]))).content == PDF


@pytest.mark.parametrize("agency", ["WFP", None])
async def test_row_security_shows_it_with_the_detail_and_not_else(
    agency: str | None, api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    draft = await _draft(api_for)
    await upload(unicef, draft)
    await announce(unicef, draft)
    bound = world.agencies[agency] if agency else None
    sql = "SELECT id FROM assessment_documents WHERE assessment_id = :id"
    await move(unicef, draft, "final")
    assert len(await run(database, world.agencies["UNICEF"], sql, id=UUID(draft))) == 2
    assert not await run(database, bound, sql, id=UUID(draft))
    await make_share(unicef, draft)
    assert len(await run(database, bound, sql, id=UUID(draft))) == (1 if agency else 0)


async def test_retention_takes_documents_and_files_with_the_assessment(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    draft = await _draft(api_for)
    made = await upload(unicef, draft)
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text(
                "UPDATE assessments SET updated_at = now() - interval '8 years', "
                "conducted_on = NULL, valid_until = NULL WHERE id = :id"
            ),
            {"id": UUID(draft)},
        )
        blob = await session.scalar(
            text("SELECT blob_id FROM assessment_documents WHERE id = :id"),
            {"id": UUID(made["id"])},
        )
    rule = [one for one in RETENTION if one.name == "assessments"]
    await retention.apply(worker_database, rule, None, None, lambda *_: None, whole=False)
    async with operator_database.connection() as connection:
        assert not await connection.fetchval("SELECT 1 FROM assessments WHERE id = $1", UUID(draft))
        state = await connection.fetchval("SELECT state FROM blobs WHERE id = $1", blob)
    assert state in ("deleting", None)
