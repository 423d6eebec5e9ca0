"""The one statement that reads a detail: whom it is bound to, and that its reading is logged."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.assessments import queries
from app.auth import clients as auth
from app.auth.bound import BOUND
from app.auth.caller import STATUS_COLUMNS, STATUS_WIDTH, Caller
from app.auth.scopes import Scope
from app.core.db import Binding, Database
from app.core.settings import Settings
from tests.assessments.factories import PURPOSE, SECRET, make_assessment, make_share
from tests.assessments.support import as_superuser, code
from tests.assessments.test_type_rights import body_of
from tests.audit.support import events_of
from tests.auth.conftest import make_client, token_key
from tests.auth.forge import claims, forge
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, World, plain_client

__all__ = ["make_client", "scoped", "token_key"]

_SETTINGS = (
    "current_setting('app.agency_id', true), current_setting('app.partner_id', true), "
    "current_setting('app.oversight', true)"
)
_GRANT_AGAIN = """GRANT INSERT (id, event, agency_id, client_id, person_id, office, role,
    subject_id, owner_agency, partner_id, purpose, reference, basis, request_id, claimed_user,
    held, detail) ON audit_events TO reg_app"""


def _name(api: Api) -> str:
    """The client behind a caller of these tests: what its token is about."""
    token = api.headers["Authorization"].split(".")[1]
    found: str = json.loads(base64.urlsafe_b64decode(token + "=="))["sub"]
    return found


async def _shared(api_for: ApiFor, **more: Any) -> str:
    """A record of UNICEF that WFP may read."""
    unicef = await api_for("UNICEF")
    made: str = (await make_assessment(unicef, **more))["id"]
    await make_share(unicef, made)
    return made


# ------------------------------------------------------------------------------ the binding


@pytest.mark.parametrize("roles", [(), ("CO",), ("OVS",), ("CO", "OVS")])
async def test_the_statement_is_bound_as_its_caller_is(
    roles: tuple[str, ...], scoped: ScopedApi, database: Database, world: World
) -> None:
    name = _name(await scoped("WFP", roles=roles))
    sql = f"{BOUND} SELECT {STATUS_COLUMNS}, {_SETTINGS} FROM s"
    async with database.fast_read() as connection:
        row = tuple(await connection.fetchrow(sql, name))
        # Of the statement alone: whoever gets the connection next is nobody.
        after = tuple(await connection.fetchrow(f"SELECT {_SETTINGS}"))
    caller = Caller(UUID(str(row[0])), row[1], name, frozenset(), None, None, frozenset(row[8]))
    assert caller.agency_id == world.agencies["WFP"]
    assert row[STATUS_WIDTH:] == caller.binding.values
    assert {value or "" for value in after} == {""}


async def test_a_partner_is_bound_as_itself_and_nobody_as_nobody(
    database: Database, operator_database: Database, api_for: ApiFor
) -> None:
    partner = UUID((await make_partner(await api_for("UNICEF")))["id"])
    name = f"P_{secrets.token_hex(5)}"
    new = auth.NewClient(
        name, name, ("self:read",), partner_id=partner, auth_method="client_secret_basic"
    )
    async with operator_database.session() as session:
        await auth.create_client(session, new)
    sql = f"{BOUND} SELECT {_SETTINGS} FROM s"
    async with database.fast_read() as connection:
        assert tuple(await connection.fetchrow(sql, name)) == Binding(None, partner).values
        assert await connection.fetchrow(sql, "NOT_THERE") is None


async def test_both_ways_find_the_same_row(
    api_for: ApiFor, scoped: ScopedApi, database: Database, world: World
) -> None:
    unicef, fao = await api_for("UNICEF"), await api_for("FAO")
    protected = await make_partner(unicef, protected=True)
    records = [
        await _shared(api_for),
        await _shared(api_for, confidentiality="INTER_AGENCY"),
        (await make_assessment(unicef, confidentiality="AGENCY_ONLY"))["id"],
        (await make_assessment(unicef))["id"],
        (await make_assessment(unicef, protected["id"]))["id"],
        (await make_assessment(fao, protected["id"], confidentiality="INTER_AGENCY"))["id"],
        str(uuid4()),
    ]
    seen = 0
    for agency in ("UNICEF", "WFP", "FAO"):
        for roles in ((), ("ERP",)):
            name = _name(await scoped(agency, roles=roles)) if roles else agency
            for record in records:
                for asks in (True, False):
                    async with database.fast_read() as connection:
                        row = await connection.fetchrow(
                            queries.DETAIL_FAST, name, UUID(record), asks
                        )
                    fast = queries.detail_of(row)
                    holder = asks and not roles  # this role does not know of protected profiles
                    async with database.session(world.agencies[agency]) as session:
                        slow = await queries.read_detail(session, UUID(record), holder=holder)
                    assert (fast is None) == (slow is None), (agency, roles, record, asks)
                    if fast is not None and slow is not None:
                        seen += 1
                        told = {name: getattr(slow, name, None) for name in vars(fast)}
                        mine = {k: v for k, v in vars(fast).items() if "objection" not in k}
                        assert mine == {name: told[name] for name in mine}
    assert seen > 30


# ------------------------------------------------------------------------------ who may not


async def test_a_client_that_moved_reads_as_what_it_is_now(
    scoped: ScopedApi,
    api_for: ApiFor,
    settings: Settings,
    operator_database: Database,
    world: World,
) -> None:
    mine, shared = (await make_assessment(await api_for("FAO")))["id"], await _shared(api_for)
    api = await scoped("WFP")
    await api.read(f"/v1/assessments/{shared}/detail", headers=PURPOSE)
    name = _name(api)
    # No role of the service may move a client; the token still names the agency of before.
    async with as_superuser(settings) as connection:
        await connection.execute(
            "UPDATE clients SET agency_id = $1, person_id = NULL WHERE id = $2",
            world.agencies["FAO"],
            name,
        )
    assert await code(api, f"/v1/assessments/{shared}/detail", headers=PURPOSE) == (
        404,
        "assessment_not_found",
    )
    await api.read(f"/v1/assessments/{mine}/detail")
    (read,) = [e for e in await events_of(operator_database, mine) if e.client_id == name]
    assert (read.agency_id, read.purpose) == (world.agencies["FAO"], "OWN_RECORD")


async def test_a_client_whose_right_ended_reads_nothing_from_then_on(
    app: FastAPI, scoped: ScopedApi, api_for: ApiFor, operator_database: Database
) -> None:
    shared = await _shared(api_for)
    url = f"/v1/assessments/{shared}/detail"
    narrow, ended = await scoped("WFP"), await scoped("WFP")
    for api in (narrow, ended):
        await api.read(url, headers=PURPOSE)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE clients SET scopes = '{assessments:read}' WHERE id = :id"),
            {"id": _name(narrow)},
        )
        await auth.revoke_client(session, _name(ended))
    assert await code(narrow, url, headers=PURPOSE) == (403, "scope_missing")
    assert await code(ended, url, headers=PURPOSE) == (401, "not_authenticated")
    # The scope comes before all else that is wrong: an absent record, a missing purpose.
    assert await code(narrow, f"/v1/assessments/{uuid4()}/detail") == (403, "scope_missing")
    reads = [e for e in await events_of(operator_database, shared) if "detail:read" in e.event]
    assert len(reads) == 2


async def test_a_partners_client_has_no_way_in(
    app: FastAPI, api_for: ApiFor, token_key: Any, operator_database: Database
) -> None:
    made = await make_assessment(await api_for("UNICEF"), confidentiality="INTER_AGENCY")
    name = f"P_{secrets.token_hex(5)}"
    new = auth.NewClient(
        name,
        name,
        ("self:read",),
        partner_id=UUID(made["partner_id"]),
        auth_method="client_secret_basic",
    )
    async with operator_database.session() as session:
        await auth.create_client(session, new)
    key, kid = token_key
    token = forge(
        {"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims(name, scope=" ".join(Scope)), key
    )
    async with plain_client(app) as client:
        answer = await client.get(
            f"/v1/assessments/{made['id']}/detail",
            headers={"Authorization": f"Bearer {token}", **PURPOSE},
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


# ------------------------------------------------------------------------------ the log


async def test_what_cannot_be_logged_is_not_answered(api_for: ApiFor, settings: Settings) -> None:
    shared, wfp = await _shared(api_for), await api_for("WFP")
    url = f"/v1/assessments/{shared}/detail"
    async with as_superuser(settings) as connection:
        await connection.execute("REVOKE INSERT ON audit_events FROM reg_app")
        try:
            answers = [
                await wfp.get(url, headers=PURPOSE),
                await wfp.get(url, headers=PURPOSE | {"If-None-Match": '"v1"'}),
            ]
        finally:
            await connection.execute(_GRANT_AGAIN)
    for answer in answers:
        assert answer.status_code not in (200, 304)
        assert SECRET not in answer.text
    assert (await (await api_for("UNICEF")).read(f"/v1/assessments/{shared}/disclosures"))[
        "items"
    ] == []
    await wfp.read(url, headers=PURPOSE)


async def test_a_share_revoked_between_statement_and_log_was_used_and_says_so(
    api_for: ApiFor, settings: Settings, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    share = (await make_share(unicef, made))["id"]
    url = f"/v1/assessments/{made}/detail"
    async with as_superuser(settings) as connection, connection.transaction():
        await connection.execute("LOCK TABLE audit_pending IN EXCLUSIVE MODE")
        reading = asyncio.create_task(wfp.get(url, headers=PURPOSE))
        for _ in range(200):
            waiting = await connection.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted "
                "AND relation = 'audit_pending'::regclass"
            )
            if waiting:
                break
            await asyncio.sleep(0.01)
        assert waiting
        await connection.execute(
            "UPDATE assessment_shares SET active = false, revoked_at = now(), revoked_by = "
            "created_by_person WHERE id = $1",
            UUID(share),
        )
        await connection.execute("DELETE FROM assessments_acl WHERE share_id = $1", UUID(share))
        assert not reading.done()
    answer = await reading
    assert answer.status_code == 200
    (read,) = [e for e in await events_of(operator_database, made) if "detail:read" in e.event]
    assert read.detail["share_id"] == share
    assert await code(wfp, url, headers=PURPOSE) == (404, "assessment_not_found")


async def test_the_log_says_who_read_and_through_what(
    app: FastAPI, world: World, api_for: ApiFor, scoped: ScopedApi, settings: Settings
) -> None:
    unicef = await api_for("UNICEF")
    body = body_of("audit", (await make_partner(unicef))["id"])
    made = (await unicef.made("/v1/assessments", body))["id"]
    share = await make_share(unicef, made, purpose="AUDIT")
    api = await scoped("WFP", roles=("OVS",))
    headers = {
        "Access-Purpose": 'AUDIT; ref="C-7"',
        "X-Request-Id": secrets.token_hex(12),
        "X-On-Behalf-Of": "someone",
    }
    await api.read(f"/v1/assessments/{made}/detail", headers=headers)
    async with as_superuser(settings) as connection:
        row = await connection.fetchrow(
            "SELECT * FROM audit_events WHERE request_id = $1", headers["X-Request-Id"]
        )
        waits = await connection.fetchval(
            "SELECT count(*) FROM audit_pending WHERE event_id = $1", row["id"]
        )
    assert waits == 1
    left = ("id", "at", "salt", "detail")
    told = {name: value for name, value in row.items() if name not in left}
    assert told == {
        "event": "assessment:detail:read",
        "agency_id": world.agencies["WFP"],
        "client_id": _name(api),
        "person_id": row["person_id"],
        "office": "Field",
        "role": "role",
        "subject_id": UUID(made),
        "owner_agency": world.agencies["UNICEF"],
        "partner_id": row["partner_id"],
        "purpose": "AUDIT",
        "reference": "C-7",
        "basis": "share",
        "request_id": headers["X-Request-Id"],
        "claimed_user": "someone",
        # Of an oversight role, for an audit: for oversight roles alone.
        "held": True,
    }
    assert row["person_id"] is not None
    assert row["partner_id"] is not None
    assert json.loads(row["detail"]) == {"version": 1, "share_id": share["id"]}
    assert (await unicef.read(f"/v1/assessments/{made}/disclosures"))["items"] == []
