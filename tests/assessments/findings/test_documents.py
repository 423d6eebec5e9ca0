"""Documents of findings: evidence that is sealed, read as the finding is, and stays once used."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from tests.assessments.audit_factories import finding as reported
from tests.assessments.audit_factories import make_audit
from tests.assessments.documents.factories import url_of as report_url
from tests.assessments.factories import make_share
from tests.assessments.findings.papers import announce, document_body, send, upload, url_of
from tests.assessments.findings.support import (
    CLOSING,
    REOPENING,
    do,
    findings_of,
    make_finding,
    refund,
)
from tests.assessments.support import as_superuser, code, denied, run, touched
from tests.audit.support import add_officer, events_of
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.documents.factories import PDF
from tests.support import Api, World

AUDIT = {"Access-Purpose": 'AUDIT; ref="A-1"'}


async def _plain(api: Api, **more: Any) -> dict[str, Any]:
    """A finding without money: it can be closed at once."""
    return await make_finding(api, usd="0.00", priority="LOW", **more)


async def test_it_is_read_on_the_terms_of_the_detail_and_disclosed_to_its_owner(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp, fao = await api_for("UNICEF"), await api_for("WFP"), await api_for("FAO")
    finding = await make_finding(unicef)
    one, record = finding["id"], finding["assessment_id"]
    made = await upload(unicef, one, PDF + b"Canary inside", language="en")
    assert (made["finding_id"], made["assessment_id"], made["state"], made["version"]) == (
        one,
        record,
        "available",
        2,
    )
    assert not {"title", "standard"} & {name for name, value in made.items() if value}
    assert (await unicef.read(url_of(one)))["items"] == [made]
    # The papers of the report are others.
    assert (await unicef.read(report_url(record)))["items"] == []
    assert await code(unicef, report_url(record, made["id"])) == (404, "document_not_found")
    other = await make_finding(unicef)
    assert await code(unicef, url_of(other["id"], made["id"])) == (404, "document_not_found")
    lists, file = url_of(one), url_of(one, made["id"])
    for url in (lists, file):
        assert await code(wfp, url, headers=AUDIT) == (404, "finding_not_found")
    share = await make_share(unicef, record, purpose="AUDIT")
    for url in (lists, file):
        assert await code(wfp, url) == (422, "purpose_required")
        assert (await wfp.get(url, headers=AUDIT)).status_code == 200
        assert await code(fao, url, headers=AUDIT) == (404, "finding_not_found")
    answer = await wfp.get(file, headers=AUDIT)
    assert answer.content == PDF + b"Canary inside"
    assert "Canary%20receipt" in answer.headers["content-disposition"]
    shown = (await unicef.read(f"/v1/assessments/{record}/disclosures"))["items"]
    assert [(item["agency"], item["document_id"]) for item in shown[:3]] == [
        ("WFP", made["id"]),
        ("WFP", made["id"]),
        ("WFP", None),
    ]
    logged = [row for row in await events_of(operator_database, record) if "finding" in row.detail]
    assert {row.detail["finding"] for row in logged} == {one}
    assert "Canary" not in str([row.detail for row in logged])
    await unicef.delete(f"/v1/assessments/{record}/shares/{share['id']}")
    assert await code(wfp, file, headers=AUDIT) == (404, "finding_not_found")


async def test_it_comes_and_goes_while_the_finding_is_open_and_what_closed_it_stays(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    one = (await _plain(unicef))["id"]
    gone, kept = await upload(unicef, one), await upload(unicef, one)
    waiting = await announce(unicef, one)
    assert (await unicef.delete(f"{url_of(one)}/{gone['id']}")).status_code == 204
    assert await code(unicef, url_of(one, gone["id"])) == (404, "document_not_found")
    assert (await do(unicef, one, "closing", CLOSING))[0] == 200
    for refused in (
        await unicef.post(url_of(one), json=document_body()),
        await send(unicef, waiting),
        await unicef.delete(f"{url_of(one)}/{kept['id']}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "finding_not_open")
    # The database says the same to raw SQL, whoever writes it.
    owner, values = world.agencies["UNICEF"], {"id": UUID(kept["id"])}
    delete = "DELETE FROM assessment_documents WHERE id = :id"
    insert = (
        "INSERT INTO assessment_documents (id, assessment_id, finding_id, owner_agency, kind, "
        "media_type, sealed) SELECT gen_random_uuid(), assessment_id, finding_id, owner_agency, "
        "kind, media_type, sealed FROM assessment_documents WHERE id = :id"
    )
    for sql in (delete, insert):
        assert await denied(database, owner, sql, **values) == "23514"
    move = "UPDATE assessment_documents SET finding_id = NULL WHERE id = :id"
    assert await denied(database, owner, move, **values) == "42501"
    assert await touched(database, world.agencies["WFP"], delete, **values) == 0
    assert (await do(unicef, one, "reopening", REOPENING))[0] == 200
    refused = await unicef.delete(f"{url_of(one)}/{kept['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "evidence_kept")
    assert await denied(database, owner, delete, **values) == "23514"
    assert (await send(unicef, waiting)).status_code == 200
    assert (await unicef.delete(f"{url_of(one)}/{waiting['id']}")).status_code == 204
    assert (await unicef.get(url_of(one, kept["id"]))).content == PDF


async def test_a_file_and_the_closing_take_turns(api_for: ApiFor) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    for _ in range(3):
        one = (await _plain(unicef))["id"]
        waiting = await announce(unicef, one)
        sent, closed = await asyncio.gather(
            send(unicef, waiting), do(second, one, "closing", CLOSING)
        )
        assert closed[0] == 200
        (shown,) = (await unicef.read(url_of(one)))["items"]
        assert (shown["state"] == "available") == (sent.status_code == 200)
        assert sent.status_code in (200, 409)


async def test_two_files_for_one_document_leave_one(api_for: ApiFor) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    waiting = await announce(unicef, (await make_finding(unicef))["id"])
    answers = await asyncio.gather(
        send(unicef, waiting, PDF + b"1"), send(second, waiting, PDF + b"2")
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 412])


async def test_what_does_not_fit_is_refused(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    one = (await make_finding(unicef, confidentiality="INTER_AGENCY"))["id"]
    bad: list[Any] = [
        document_body(kind="corrective_record"),
        document_body(kind="allegation"),
        document_body(standard=1),
        document_body(title="x" * 301),
        document_body(title=" "),
        document_body(title="a\x00b"),
        document_body(title=None),
        document_body(media_type="text/html"),
        document_body(partner_visible="yes"),
        document_body(finding_id=str(uuid4())),
        [],
        None,
    ]
    for wrong in bad:
        refused = await unicef.post(url_of(one), json=wrong)
        assert refused.status_code in (400, 422), wrong
    for url in (url_of(one), url_of(str(uuid4()))):
        refused = await wfp.post(url, json=document_body())
        assert (refused.status_code, refused.json()["code"]) == (404, "finding_not_found")
    waiting = await announce(unicef, one)
    assert (await send(wfp, waiting)).status_code == 404
    refused = await send(unicef, waiting, b"<html></html>")
    assert (refused.status_code, refused.json()["code"]) == (422, "content_not_accepted")
    assert (await send(unicef, waiting | {"version": 2})).status_code == 412
    assert await code(unicef, url_of(one, waiting["id"])) == (404, "document_not_found")
    assert (await send(unicef, waiting)).status_code == 200
    again = await send(unicef, waiting)
    assert (again.status_code, again.json()["code"]) == (409, "document_uploaded")
    headers = {"If-Match": '"v2"'}
    url, body = f"{url_of(one)}/{waiting['id']}", {"partner_visible": True}
    assert (await wfp.patch(url, json=body, headers=headers)).status_code == 404
    assert (await unicef.patch(url, json=body)).status_code == 428
    answers = await asyncio.gather(
        *(unicef.patch(url, json=body, headers=headers) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_held_finding_keeps_its_papers_and_a_redaction_takes_them(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSD", "OVS"))
    held, hidden = await make_finding(unicef), await make_finding(unicef)
    kept, made = await upload(unicef, held["id"]), await upload(unicef, hidden["id"])
    about = {"subject_kind": "assessment", "subject_id": held["assessment_id"]}
    hold = {"reason": "Canary: litigation", "review_on": "2027-01-10"}
    await officer.made("/v1/legal-holds", about | hold)
    refused = await unicef.delete(f"{url_of(held['id'])}/{kept['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
    url = f"/v1/assessments/{hidden['assessment_id']}/redaction"
    await unicef.made(url, {"reason": "Canary: a survivor is named."})
    assert (await unicef.get(url_of(hidden["id"], made["id"]))).status_code in (404, 410)
    body = {"decision": "confirm", "reason": "Canary: checked."}
    done = await officer.post(f"{url}/decision", json=body, headers={"If-Match": '"v1"'})
    assert done.status_code == 201, done.text
    left = "SELECT count(*) FROM assessment_documents WHERE finding_id = :id"
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        assert await session.scalar(text(left), {"id": UUID(hidden["id"])}) == 0
        assert await session.scalar(text(left), {"id": UUID(held["id"])}) == 1


async def test_a_document_that_was_moved_to_another_finding_is_not_served(
    api_for: ApiFor, settings: Settings
) -> None:
    unicef = await api_for("UNICEF")
    report = await make_audit(unicef, reported(), reported("2.00"))
    first, second = await findings_of(unicef, report["id"])
    made = await upload(unicef, first["id"], PDF + b"Canary of the first")

    async def move(to: str) -> None:
        async with as_superuser(settings) as connection:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(
                "UPDATE assessment_documents SET finding_id = $2 WHERE id = $1",
                *(UUID(made["id"]), UUID(to)),
            )

    await move(second["id"])
    answer = await unicef.get(url_of(second["id"], made["id"]))
    assert answer.status_code == 500
    assert b"Canary" not in answer.content
    assert await code(unicef, url_of(first["id"], made["id"])) == (404, "document_not_found")
    # Back again: others read all that an agency has.
    await move(first["id"])
    assert b"Canary" in (await unicef.get(url_of(first["id"], made["id"]))).content


async def test_the_partner_reads_what_it_is_shown_and_no_more(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, own = await claimed_partner(api_for, world)
    _, stranger = await claimed_partner(api_for, world)
    finding = await make_finding(unicef, partner_id=partner)
    one = finding["id"]
    shown, hidden = await upload(unicef, one, partner_visible=True), await upload(unicef, one)
    await announce(unicef, one, partner_visible=True)
    url = f"/v1/self/findings/{one}/documents"
    assert (await own.read(url))["items"] == [shown]
    assert (await own.get(f"{url}/{shown['id']}/content")).content == PDF
    assert await code(own, f"{url}/{hidden['id']}/content") == (404, "document_not_found")
    assert await code(stranger, url) == (404, "finding_not_found")
    assert await code(stranger, f"{url}/{shown['id']}/content") == (404, "finding_not_found")
    assert (await unicef.get(url)).status_code == 403
    assert (await own.get(url_of(one))).status_code == 403
    last = (await events_of(operator_database, finding["assessment_id"]))[-1]
    assert (last.event, last.detail["document"]) == ("assessment:detail:self_read", shown["id"])
    patch = {"partner_visible": False}
    headers = {"If-Match": '"v2"'}
    changed = await unicef.patch(f"{url_of(one)}/{shown['id']}", json=patch, headers=headers)
    assert changed.status_code == 200
    assert (await own.read(url))["items"] == []
    back = {"If-Match": '"v3"'}
    await unicef.patch(f"{url_of(one)}/{shown['id']}", json={"partner_visible": True}, headers=back)
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSD", "OVS"))
    mark = {"subject_kind": "statement", "subject_id": finding["assessment_id"], "until": until()}
    await officer.made("/v1/withholdings", mark | {"reason": "Canary: a case is being prepared."})
    assert await code(own, url) == (404, "finding_not_found")


@pytest.mark.parametrize("agency", ["WFP", None])
async def test_row_security_shows_it_with_the_finding_and_not_else(
    agency: str | None, api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    finding = await make_finding(unicef)
    await upload(unicef, finding["id"])
    await announce(unicef, finding["id"])
    sql, values = (
        "SELECT id FROM assessment_documents WHERE finding_id = :id",
        {"id": UUID(finding["id"])},
    )
    bound = world.agencies[agency] if agency else None
    assert len(await run(database, world.agencies["UNICEF"], sql, **values)) == 2
    assert not await run(database, bound, sql, **values)
    await make_share(unicef, finding["assessment_id"])
    assert len(await run(database, bound, sql, **values)) == (1 if agency else 0)


async def test_the_amount_is_settled_beside_its_proof(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    one = (await make_finding(unicef, usd="10.00", priority="LOW"))["id"]
    await upload(unicef, one)
    assert (await do(unicef, one, "resolutions", refund("10.00")))[0] == 201
    assert (await do(unicef, one, "closing", CLOSING))[0] == 200
    assert len((await unicef.read(url_of(one)))["items"]) == 1
