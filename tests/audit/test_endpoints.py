"""Reading the log: each caller sees what is its to see, and can check the proof by itself."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.audit import merkle, notes, reading, service
from app.audit.errors import AuditEventNotFound
from app.audit.events import Event
from app.audit.schemas import AuditFilter
from app.audit.service import Subject
from app.auth import clients as auth
from app.auth.caller import Caller, Person
from app.auth.errors import ScopeMissing
from app.auth.keys import SigningKeys
from app.core.db import NO_AGENCY, Database
from tests.conftest import ApiFor, Settle
from tests.support import Api, World, open_api, unique

PATH = "/v1/audit/events"


async def act(
    database: Database,
    world: World,
    name: str,
    subject: Subject,
    *,
    purpose: str | None = None,
    roles: frozenset[str] = frozenset(),
    person: bool = True,
    **detail: Any,
) -> UUID:
    """An event as the service writes it for this client."""
    agency = name.partition("_")[0]
    who = Person(world.persons[name], f"Person {name}", "HQ", "officer") if person else None
    caller = Caller(world.agencies[agency], agency, name, frozenset(), who, roles=roles)
    async with database.session(caller.binding) as session:
        session.info["claimed_user"] = "someone"
        await service.record(
            session,
            caller,
            Event.ASSESSMENT_DETAIL_READ,
            subject,
            purpose=purpose,
            reference="REF-1",
            **detail,
        )
    async with database.session(caller.binding) as session:
        found = await session.scalar(
            text("SELECT max(id::text) FROM audit_events WHERE subject_id = :id"),
            {"id": subject.id},
        )
    return UUID(str(found))


async def make_oversight(operator: Database, world: World, name: str, on: bool = True) -> None:
    async with operator.connection() as connection:
        await connection.execute(
            "UPDATE persons SET roles = $2 WHERE id = $1",
            world.persons[name],
            ["OVS"] if on else [],
        )


@pytest.fixture
async def oversight(
    app: FastAPI, world: World, operator_database: Database, api_for: ApiFor
) -> Any:
    """An oversight officer of UNHCR."""
    await make_oversight(operator_database, world, "UNHCR_REVIEWER")
    yield await api_for("UNHCR_REVIEWER", "audit:read")
    await make_oversight(operator_database, world, "UNHCR_REVIEWER", on=False)


async def partner_client(
    app: FastAPI, world: World, operator: Database, partner: UUID, *, scopes: list[str]
) -> Api:
    """A client of a partner, as the operator makes one."""
    name = unique("partner").replace(" ", "-")
    async with operator.connection() as connection:
        await connection.execute(
            "INSERT INTO clients (id, partner_id, name, scopes, auth_method) "
            "VALUES ($1, $2, $1, $3, 'client_secret_basic')",
            name,
            partner,
            scopes,
        )
    async with operator.session() as session:
        world.secrets[name] = (await auth.rotate_secret(session, name)).secret
    return await open_api(app, world, name, ())


async def test_owner_and_actor_see_an_act_and_nobody_else(
    database: Database, world: World, api_for: ApiFor
) -> None:
    subject = Subject(uuid4(), world.agencies["UNHCR"], uuid4())
    event = await act(database, world, "WFP", subject, purpose="MONITORING", version=2)
    owner = await api_for("UNHCR", "audit:read")
    actor = await api_for("WFP", "audit:read")
    other = await api_for("FAO", "audit:read")
    (seen,) = (await owner.read(f"{PATH}?subject_id={subject.id}"))["items"]
    assert seen["id"] == str(event)
    assert (seen["agency"], seen["owner_agency"]) == ("WFP", "UNHCR")
    assert (seen["office"], seen["role"], seen["purpose"]) == ("HQ", "officer", "MONITORING")
    assert (seen["reference"], seen["detail"]) == ("REF-1", {"version": 2})
    assert seen["client_id"] is seen["person"] is seen["claimed_user"] is None
    (own,) = (await actor.read(f"{PATH}?subject_id={subject.id}"))["items"]
    assert (own["client_id"], own["claimed_user"], own["person"]) == ("WFP", "someone", None)
    assert (await other.read(f"{PATH}?subject_id={subject.id}"))["items"] == []
    absent = await other.get(f"{PATH}/{uuid4()}")
    hidden = await other.get(f"{PATH}/{event}")
    assert absent.status_code == hidden.status_code == 404
    drop = {"instance"}
    assert {k: v for k, v in absent.json().items() if k not in drop} == {
        k: v for k, v in hidden.json().items() if k not in drop
    }


async def test_oversight_sees_the_person_and_what_is_held_back(
    database: Database, world: World, api_for: ApiFor, oversight: Api
) -> None:
    subject = Subject(uuid4(), world.agencies["UNHCR"])
    plain = await act(database, world, "WFP", subject)
    held = await act(
        database, world, "WFP", subject, purpose="INVESTIGATION", roles=frozenset({"OVS"})
    )
    owner = await api_for("UNHCR", "audit:read")
    assert [e["id"] for e in (await owner.read(f"{PATH}?subject_id={subject.id}"))["items"]] == [
        str(plain)
    ]
    assert (await owner.get(f"{PATH}/{held}")).status_code == 404
    seen = (await oversight.read(f"{PATH}?subject_id={subject.id}"))["items"]
    assert [(e["id"], e["held"], e["person"]) for e in seen] == [
        (str(held), True, "Person WFP"),
        (str(plain), False, "Person WFP"),
    ]


async def test_filters_and_pages(database: Database, world: World, api_for: ApiFor) -> None:
    partner = uuid4()
    subject = Subject(uuid4(), world.agencies["UNHCR"], partner)
    ids = [
        str(await act(database, world, name, subject, purpose=purpose))
        for name, purpose in (
            ("WFP", "MONITORING"),
            ("UNHCR", "RENEWAL"),
            ("WFP", "RENEWAL"),
            ("FAO", "AUDIT"),
        )
    ][::-1]
    owner = await api_for("UNHCR", "audit:read")

    async def found(query: str) -> list[str]:
        items, url = list[str](), f"{PATH}?partner_id={partner}&limit=2&{query}"
        while True:
            page = await owner.read(url)
            items += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return items
            url = f"{PATH}?partner_id={partner}&limit=2&{query}&cursor={page['next_cursor']}"

    assert await found("") == ids
    assert await found("agency=WFP") == [ids[1], ids[3]]
    assert await found("purpose=RENEWAL") == [ids[1], ids[2]]
    assert await found("event=assessment:detail:read") == ids
    assert await found("event=partner:profile:change") == []
    assert await found("client_id=UNHCR") == [ids[2]]
    assert await found("client_id=WFP") == [], "whose client it was is not found out by asking"
    assert await found("from=2020-01-01T00:00:00Z") == ids
    assert await found("to=2020-01-01T00:00:00Z") == []
    for bad in ("from=yesterday", "since=2020-01-01T00:00:00Z", "event=x", "agency=wfp"):
        assert (await owner.get(f"{PATH}?{bad}")).status_code == 422, bad
    assert (await (await api_for("UNHCR", "partners:read")).get(PATH)).status_code == 403


async def test_a_reader_can_check_an_event_against_a_checkpoint_alone(
    database: Database,
    world: World,
    api_for: ApiFor,
    oversight: Api,
    settle: Settle,
    app: FastAPI,
) -> None:
    subject = Subject(uuid4(), world.agencies["UNHCR"])
    event = await act(database, world, "WFP", subject)
    assert (await oversight.read(f"{PATH}/{event}"))["seq"] is None
    await settle()
    read = await oversight.read(f"{PATH}/{event}")
    leaf, salt = base64.b64decode(read["leaf"]), base64.b64decode(read["salt"])
    assert str(event).encode() in leaf
    assert merkle.leaf_hash(salt + leaf).hex() == read["leaf_hash"]
    checker = await api_for("FAO", "feed:read")
    proof = await checker.read(f"/v1/log/proof/inclusion?leaf={read['leaf_hash']}")
    keys: SigningKeys = app.state.keys
    point = notes.verify(proof["checkpoint"], await keys.note_verifiers())
    assert (point.origin, point.size) == ("127.0.0.1:8000/log", proof["size"])
    assert proof["index"] == read["seq"] - 1
    path = [bytes.fromhex(value) for value in proof["hashes"]]
    assert merkle.verify_inclusion(
        bytes.fromhex(read["leaf_hash"]), proof["index"], point.size, path, point.root
    )
    plain = await (await api_for("UNHCR", "audit:read")).read(f"{PATH}/{event}")
    assert plain["leaf_hash"] == read["leaf_hash"]
    assert plain["leaf"] is plain["salt"] is plain["person"] is None


async def test_the_leaf_of_an_own_machine_is_open_and_that_of_another_is_not(
    database: Database, world: World, api_for: ApiFor, settle: Settle
) -> None:
    subject = Subject(uuid4(), world.agencies["UNHCR"])
    event = await act(database, world, "WFP", subject, person=False)
    await settle()
    assert (await (await api_for("WFP", "audit:read")).read(f"{PATH}/{event}"))["leaf"] is not None
    assert (await (await api_for("UNHCR", "audit:read")).read(f"{PATH}/{event}"))["leaf"] is None


async def test_the_log_is_only_ever_continued(
    database: Database, world: World, api_for: ApiFor, settle: Settle, app: FastAPI
) -> None:
    subject = Subject(uuid4(), world.agencies["UNHCR"])
    await act(database, world, "WFP", subject)
    await settle()
    checker = await api_for("FAO", "clearance:read")
    answer = await checker.get("/v1/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    again = await checker.get(
        "/v1/log/checkpoint", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    keys: SigningKeys = app.state.keys
    old = notes.verify(answer.text, await keys.note_verifiers())
    for _ in range(3):
        await act(database, world, "WFP", subject)
    await settle()
    proof = await checker.read(f"/v1/log/proof/consistency?from={old.size}")
    new = notes.verify(proof["checkpoint"], await keys.note_verifiers())
    path = [bytes.fromhex(value) for value in proof["hashes"]]
    assert merkle.verify_consistency(old.size, new.size, old.root, new.root, path)
    assert (proof["from_root"], proof["to_root"]) == (old.root.hex(), new.root.hex())
    start = await checker.read("/v1/log/proof/consistency?from=0")
    assert (start["hashes"], start["from_root"]) == ([], merkle.EMPTY_ROOT.hex())
    back = await checker.read(f"/v1/log/proof/consistency?from=1&to={old.size}")
    assert notes.verify(back["checkpoint"], await keys.note_verifiers()) == old
    for query, status, code in (
        (f"consistency?from={new.size + 1}", 422, "tree_size_invalid"),
        (f"consistency?from=0&to={new.size + 1}", 422, "tree_size_invalid"),
        ("consistency?from=-1", 422, "invalid_request"),
        ("consistency", 422, "invalid_request"),
        ("consistency?from=2&to=1", 422, "tree_size_invalid"),
        (f"inclusion?leaf={'0' * 64}", 404, "leaf_not_found"),
        (f"inclusion?leaf={'0' * 64}&size={new.size + 1}", 422, "tree_size_invalid"),
        ("inclusion?leaf=xyz", 422, "invalid_request"),
    ):
        refused = await checker.get(f"/v1/log/proof/{query}")
        assert (refused.status_code, refused.json()["code"]) == (status, code), query
    nobody = await api_for("FAO", "partners:read")
    for path_ in ("checkpoint", f"proof/inclusion?leaf={'0' * 64}", "proof/consistency?from=0"):
        assert (await nobody.get(f"/v1/log/{path_}")).status_code == 403


async def test_a_leaf_is_not_in_a_tree_that_is_older(
    database: Database, world: World, api_for: ApiFor, settle: Settle, oversight: Api
) -> None:
    event = await act(database, world, "WFP", Subject(uuid4(), world.agencies["UNHCR"]))
    await settle()
    read = await oversight.read(f"{PATH}/{event}")
    checker = await api_for("FAO", "feed:read")
    url = f"/v1/log/proof/inclusion?leaf={read['leaf_hash']}&size="
    assert (await checker.get(f"{url}{read['seq'] - 1}")).status_code == 404
    assert (await checker.read(f"{url}{read['seq']}"))["index"] == read["seq"] - 1


async def test_a_partner_reads_agency_and_time_of_its_own_records_only(
    app: FastAPI, database: Database, operator_database: Database, world: World
) -> None:
    partner, other = uuid4(), uuid4()
    subject = Subject(uuid4(), world.agencies["UNHCR"], partner)
    await act(database, world, "WFP", subject, purpose="MONITORING")
    await act(database, world, "FAO", subject)
    await act(database, world, "WFP", subject, purpose="AUDIT", roles=frozenset({"OVS"}))
    await act(database, world, "WFP", Subject(uuid4(), world.agencies["UNHCR"], other))
    api = await partner_client(app, world, operator_database, partner, scopes=["self:read"])
    page = await api.read(f"{PATH}?limit=1")
    assert [item.keys() for item in page["items"]] == [{"agency", "at"}]
    assert page["items"][0]["agency"] == "FAO"
    rest = await api.read(f"{PATH}?limit=1&cursor={page['next_cursor']}")
    assert [item["agency"] for item in rest["items"]] == ["WFP"]
    assert rest["next_cursor"] is None, "what an oversight role did is not there"
    assert (await api.read(f"{PATH}?to=2020-01-01T00:00:00Z"))["items"] == []
    assert len((await api.read(f"{PATH}?from=2020-01-01T00:00:00Z"))["items"]) == 2
    probing = await api.get(f"{PATH}?purpose=MONITORING&event=assessment:detail:read")
    assert probing.status_code == 422
    assert {error["code"] for error in probing.json()["errors"]} == {"not_for_partners"}
    assert subject.id is not None
    some = await database_event(operator_database, subject.id)
    assert (await api.get(f"{PATH}/{some}")).status_code == 403
    await api.aclose()


async def database_event(operator: Database, subject: UUID) -> UUID:
    async with operator.connection() as connection:
        found = await connection.fetchval(
            "SELECT id FROM audit_events WHERE subject_id = $1 LIMIT 1", subject
        )
    return UUID(str(found))


async def test_no_client_holds_the_scopes_of_the_other_kind(
    app: FastAPI, world: World, operator_database: Database
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="ck_clients_scopes"):
        await partner_client(
            app, world, operator_database, uuid4(), scopes=["self:read", "audit:read"]
        )
    with pytest.raises(asyncpg.CheckViolationError, match="ck_clients_scopes"):
        async with operator_database.connection() as connection:
            await connection.execute(
                "INSERT INTO clients (id, agency_id, name, scopes, auth_method) "
                "VALUES ('odd', $1, 'odd', '{self:read}', 'client_secret_basic')",
                world.agencies["WFP"],
            )


async def test_whoever_had_the_scopes_of_the_other_kind_would_read_no_more(
    database: Database, world: World
) -> None:
    partner = uuid4()
    subject = Subject(uuid4(), world.agencies["UNHCR"], partner)
    event = await act(database, world, "WFP", subject)
    scopes = frozenset({"self:read", "audit:read"})
    greedy = Caller(NO_AGENCY, "", "greedy", scopes, None, partner_id=partner)
    async with database.session(greedy.binding) as session:
        with pytest.raises(AuditEventNotFound):
            await reading.get_event(session, greedy, event)
        (seen,) = await reading.list_events(session, greedy, AuditFilter(limit=1), None)
    assert seen.keys() == {"id", "agency", "at"}
    odd = Caller(world.agencies["WFP"], "WFP", "odd", frozenset({"self:read"}), None)
    async with database.session(odd.binding) as session:
        with pytest.raises(ScopeMissing):
            await reading.list_events(session, odd, AuditFilter(limit=1), None)


async def test_the_function_for_partners_shows_nobody_else_anything(database: Database) -> None:
    async with database.session(uuid4()) as session:
        rows = await session.execute(text("SELECT id FROM partner_audit(NULL, NULL, NULL, 200)"))
        assert rows.all() == []
