"""Whoever is kept from something leaves an event; the answer is the same without it."""

from __future__ import annotations

import secrets
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.audit import refusals
from app.auth import clients as auth
from app.auth import service
from app.core import metrics
from app.core.db import Database
from tests.assessments.factories import PURPOSE, make_assessment, make_share
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.factories import open_case
from tests.support import Api, World, open_api, plain_client


async def _logged(database: Database, request_id: str) -> list[Any]:
    async with database.session() as session:
        rows = await session.execute(
            text(
                "SELECT event, agency_id, client_id, person_id, subject_id, owner_agency, detail "
                "FROM audit_events WHERE request_id = :id ORDER BY id"
            ),
            {"id": request_id},
        )
        return list(rows.all())


def _id() -> dict[str, str]:
    return {"X-Request-Id": secrets.token_hex(12)}


def counted(code: str, recorded: str) -> float:
    value: float = metrics.refusals_total.labels(code, recorded)._value.get()
    return value


async def test_a_missing_scope_is_logged_with_who_and_what(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    wfp = await api_for("WFP", "partners:read")
    headers, record = _id(), str(uuid4())
    answer = await wfp.get(f"/v1/assessments/{record}", headers=headers)
    assert answer.status_code == 403
    (row,) = await _logged(operator_database, headers["X-Request-Id"])
    assert (row.event, row.agency_id) == ("access:request:refuse", world.agencies["WFP"])
    assert (row.client_id, row.person_id) == ("WFP", world.persons["WFP"])
    assert str(row.subject_id) == record
    assert row.detail == {"code": "scope_missing", "status": 403, "operation": "getAssessment"}


async def test_hidden_and_absent_are_logged_alike(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    hidden = (await make_assessment(unicef))["id"]
    rows = []
    for record in (hidden, str(uuid4())):
        headers = _id()
        answer = await wfp.get(f"/v1/assessments/{record}/detail", headers=headers | PURPOSE)
        assert answer.status_code == 404
        (row,) = await _logged(operator_database, headers["X-Request-Id"])
        assert (str(row.subject_id), row.owner_agency) == (record, None)
        rows.append((row.event, row.agency_id, row.client_id, row.detail))
    assert rows[0] == rows[1]


async def test_a_refused_write_leaves_its_event_and_nothing_else(
    api_for: ApiFor, operator_database: Database
) -> None:
    undp = await api_for("UNDP")
    partner = await make_partner(undp)
    case = await open_case(api_for, partner["id"])
    url = f"/v1/sanctions/cases/{case['id']}"
    await undp.made(f"{url}/notice", {"sent_on": "2026-05-04", "summary": "Intent."})
    await undp.made(f"{url}/reply", {"received_on": "2026-05-20", "text": "Disputed."})
    before = len(await events_of(operator_database, case["id"]))
    answer = await undp.post(f"{url}/review", json={"recommendation": "impose", "note": "Own."})
    assert (answer.status_code, answer.json()["code"]) == (409, "same_person")
    rows = await events_of(operator_database, case["id"])
    assert [row.event for row in rows[before:]] == ["access:request:refuse"]
    assert rows[-1].detail["operation"] == "reviewSanctionCase"


@pytest.mark.parametrize(
    ("purpose", "code"),
    [({}, "purpose_required"), ({"Access-Purpose": 'AUDIT; ref="x"'}, "purpose_not_shared")],
)
async def test_a_purpose_that_is_missing_or_not_shared_is_logged(
    api_for: ApiFor, operator_database: Database, purpose: dict[str, str], code: str
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    record = (await make_assessment(unicef))["id"]
    await make_share(unicef, record)
    headers = _id()
    answer = await wfp.get(f"/v1/assessments/{record}/detail", headers=headers | purpose)
    assert answer.status_code == 422
    (row,) = await _logged(operator_database, headers["X-Request-Id"])
    assert row.detail["code"] == code


@pytest.mark.parametrize(
    ("roles", "purpose", "held"),
    [
        (("OVS",), "INVESTIGATION", True),
        (("OVS",), "MONITORING", False),
        (("LEGAL",), "INVESTIGATION", False),
    ],
)
async def test_what_oversight_is_refused_in_an_investigation_is_held(
    roles: tuple[str, ...],
    purpose: str,
    held: bool,
    app: FastAPI,
    api_for: ApiFor,
    world: World,
    operator_database: Database,
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    name = await add_officer(operator_database, world, "WFP", f"REFUSED_{roles[0]}", *roles)
    async with await open_api(app, world, name, ()) as officer:
        headers = {"Access-Purpose": f'{purpose}; ref="C-1"'}
        answer = await officer.get(f"/v1/assessments/{record}/detail", headers=headers)
    assert answer.status_code == 404
    (row,) = [
        row
        for row in await events_of(operator_database, record)
        if row.event == "access:request:refuse"
    ]
    assert (row.held, row.purpose) == (held, purpose)


async def test_a_fast_write_that_is_refused_before_its_agency_is_bound(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    fao = await api_for("FAO", "partners:read")
    headers = _id()
    body = {"subject": {"kind": "person", "names": ["Some One"]}}
    assert (await fao.post("/v1/screenings", json=body, headers=headers)).status_code == 403
    (row,) = await _logged(operator_database, headers["X-Request-Id"])
    assert (row.agency_id, row.detail["operation"]) == (world.agencies["FAO"], "screen")


async def _leaver(app: FastAPI, world: World, database: Database, name: str) -> Api:
    async with database.session() as session:
        secret = await auth.create_client(
            session,
            auth.NewClient(
                id=name,
                agency_id=world.agencies["WFP"],
                name=name,
                scopes=("partners:read",),
                auth_method="client_secret_basic",
            ),
        )
    assert secret is not None
    world.secrets[name] = secret
    return await open_api(app, world, name, ())


async def test_a_good_token_of_a_revoked_client_is_logged_a_few_times_and_counted(
    app: FastAPI, world: World, operator_database: Database
) -> None:
    name = f"LEAVER_{secrets.token_hex(3)}"
    api = await _leaver(app, world, operator_database, name)
    async with operator_database.session() as session:
        await auth.revoke_client(session, name)
    sampled = counted("not_authenticated", "sampled")
    headers = _id()
    for _ in range(8):
        assert (await api.get("/v1/partners", headers=headers)).status_code == 401
    rows = await _logged(operator_database, headers["X-Request-Id"])
    assert {(row.client_id, row.agency_id) for row in rows} == {(name, world.agencies["WFP"])}
    assert len(rows) == 5
    assert counted("not_authenticated", "sampled") == sampled + 3
    await api.aclose()


async def test_what_was_left_out_is_said_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = refusals.Sampler()
    assert [sampler.take("X", "c") for _ in range(7)] == [0, 0, 0, 0, 0, None, None]
    assert sampler.take("Y", "c") == 0
    now = time.monotonic() + 61
    monkeypatch.setattr("app.audit.refusals.time.monotonic", lambda: now)
    assert [sampler.take("X", "c") for _ in range(2)] == [2, 0]
    monkeypatch.setattr(refusals, "_REMEMBERED", 2)
    assert sampler.take("Z", "c") == 0
    assert len(sampler._seen) == 1


async def test_a_known_client_that_fails_to_prove_itself_is_logged(
    app: FastAPI, world: World, operator_database: Database
) -> None:
    name = f"FORGETFUL_{secrets.token_hex(3)}"
    await (await _leaver(app, world, operator_database, name)).aclose()
    headers = _id()
    async with plain_client(app) as client:
        answer = await client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(name, "wrong"),
            headers=headers,
        )
    assert answer.status_code == 401
    (row,) = await _logged(operator_database, headers["X-Request-Id"])
    assert (row.event, row.client_id) == ("access:token:refuse", name)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda client, head: client.get("/v1/partners", headers=head),
        lambda client, head: client.get(
            "/v1/partners", headers=head | {"Authorization": "Bearer e30.e30.e30"}
        ),
        lambda client, head: client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=("NOBODY", "x"),
            headers=head,
        ),
        lambda client, head: client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=("NO\x00BODY", "x"),
            headers=head,
        ),
        lambda client, head: client.post(
            "/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": service.ASSERTION_TYPE,
                "client_assertion": "e30.e30.e30",
            },
            headers=head,
        ),
    ],
)
async def test_nobody_fills_the_log_without_a_credential(
    app: FastAPI, operator_database: Database, request_of: Any
) -> None:
    headers = _id()
    async with plain_client(app) as client:
        answer: httpx.Response = await request_of(client, headers)
    assert answer.status_code == 401
    assert await _logged(operator_database, headers["X-Request-Id"]) == []


async def test_a_log_that_cannot_be_written_does_not_change_the_answer(
    app: FastAPI, api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP", "partners:read")
    url = f"/v1/assessments/{uuid4()}"
    usual = await wfp.get(url)
    lost = counted("scope_missing", "lost")
    async with operator_database.session() as session:
        await session.execute(text("REVOKE INSERT ON audit_events FROM reg_app"))
    try:
        answer = await wfp.get(url)
    finally:
        async with operator_database.session() as session:
            await session.execute(text("GRANT INSERT ON audit_events TO reg_app"))
    assert (answer.status_code, answer.json()["code"]) == (403, usual.json()["code"])
    assert counted("scope_missing", "lost") == lost + 1
