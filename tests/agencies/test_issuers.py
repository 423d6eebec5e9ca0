"""Trusted issuers: one person proposes, another decides, one ends; the terms never change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.core.db import Database
from tests.agencies.support import without_person
from tests.auth.conftest import MakeClient, make_client, token_key
from tests.auth.forge import EcKey, jwk, new_key, rsa_jwk
from tests.auth.trust import OpenIdp, Trust
from tests.conftest import ApiFor
from tests.idp import Idp, terms
from tests.support import token_for

__all__ = ["make_client", "token_key"]
URL = "/v1/trusted-issuers"


async def test_a_proposal_is_read_back_and_trusted_by_nobody_yet(
    trust: Trust, idp: Idp, api_for: ApiFor
) -> None:
    api = await api_for("UNICEF")
    until = (datetime.now(UTC) + timedelta(days=300)).isoformat()
    body = terms(idp, valid_to=until, ignored_headers=["x5t"], algorithms=["RS256", "ES256"])
    answer = await api.post(URL, json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["etag"] == '"v1"'
    assert answer.headers["location"] == f"{URL}/{made['id']}"
    assert made["status"] == "proposed"
    assert made["agency"] == "UNICEF"
    assert made["proposed_by"] == str(trust.world.persons["UNICEF"])
    for name in ("issuer", "jwks_uri", "audience", "token_type", "max_life_s", "ignored_headers"):
        assert made[name] == body[name]
    assert made["algorithms"] == ["ES256", "RS256"]
    assert made["decided_by"] is made["decided_at"] is made["reason"] is None
    read = await api.get(answer.headers["location"])
    assert read.json() == made
    again = await api.get(answer.headers["location"], headers={"If-None-Match": '"v1"'})
    assert again.status_code == 304
    assert idp.fetches == 0


async def test_a_second_person_approves_and_the_log_has_both(
    trust: Trust, idp: Idp, api_for: ApiFor, operator_database: Database
) -> None:
    issuer = await trust.trust(idp)
    assert idp.fetches == 1
    found = await (await api_for("UNICEF")).read(f"{URL}/{issuer}")
    assert (found["status"], found["version"], found["reason"]) == ("active", 2, "checked")
    assert found["decided_by"] == str(trust.world.persons["UNICEF_APPROVER"])
    async with operator_database.connection() as connection:
        events = await connection.fetch(
            "SELECT event, person_id, agency_id FROM audit_events WHERE subject_id = $1 "
            "ORDER BY id",
            UUID(issuer),
        )
    assert [(row["event"], row["person_id"]) for row in events] == [
        ("agency:issuer:propose", trust.world.persons["UNICEF"]),
        ("agency:issuer:approve", trust.world.persons["UNICEF_APPROVER"]),
    ]


async def test_the_proposer_does_not_decide_not_even_by_another_client(
    trust: Trust, idp: Idp, api_for: ApiFor, make_client: MakeClient
) -> None:
    made = await (await api_for("UNICEF")).made(URL, terms(idp))
    own = await trust.approve(made["id"], "UNICEF")
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    refusing = await trust.approve(made["id"], "UNICEF", decision="refuse")
    assert refusing.json()["code"] == "same_person"
    client_id, secret = await make_client(
        person_id=trust.world.persons["UNICEF"], scopes=("agencies:admin",)
    )
    trust.world.secrets[client_id] = secret
    other_client = await trust.approve(made["id"], client_id)
    assert other_client.json()["code"] == "same_person"
    assert idp.fetches == 0


async def test_the_database_compares_the_persons_too(
    trust: Trust, idp: Idp, api_for: ApiFor
) -> None:
    made = await (await api_for("UNICEF")).made(URL, terms(idp))
    with pytest.raises(asyncpg.CheckViolationError, match="two_persons"):
        await trust.execute(
            "UPDATE trusted_issuers SET approved_by = proposed_by WHERE id = $1", UUID(made["id"])
        )
    for values in ("status = 'active'", "status = 'active', key_set = '{}'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await trust.execute(
                f"UPDATE trusted_issuers SET {values} WHERE id = $1", UUID(made["id"])
            )


async def test_what_ended_does_not_come_back(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp)
    await trust.execute("UPDATE trusted_issuers SET status = 'revoked' WHERE id = $1", UUID(issuer))
    for status in ("active", "proposed", "refused"):
        with pytest.raises(asyncpg.CheckViolationError):
            await trust.execute(
                "UPDATE trusted_issuers SET status = $2 WHERE id = $1", UUID(issuer), status
            )


async def test_nobody_changes_the_terms_of_an_issuer(
    trust: Trust, idp: Idp, database: Database
) -> None:
    issuer = await trust.trust(idp)
    for column in ("issuer", "jwks_uri", "scope_ceiling", "client_claim", "max_life_s"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.fast_write(trust.world.agencies["UNICEF"]) as connection:
                await connection.execute(
                    f"UPDATE trusted_issuers SET {column} = {column} WHERE id = $1", UUID(issuer)
                )


async def test_another_agency_sees_who_speaks_for_whom_and_no_more(
    trust: Trust, idp: Idp, api_for: ApiFor
) -> None:
    issuer = await trust.trust(idp)
    other = await api_for("WFP")
    assert (await other.get(f"{URL}/{issuer}")).json()["code"] == "issuer_not_found"
    assert (await other.delete(f"{URL}/{issuer}")).status_code == 404
    assert (await trust.approve(issuer, "WFP_APPROVER")).status_code == 404
    absent = await other.get(f"{URL}/{uuid4()}")
    hidden = await other.get(f"{URL}/{issuer}")
    assert {**absent.json(), "instance": 0} == {**hidden.json(), "instance": 0}
    reader = await api_for("WFP", "agencies:read")
    page = await reader.read(f"{URL}?agency=UNICEF&status=active&limit=200")
    (found,) = [item for item in page["items"] if item["id"] == issuer]
    assert found == {
        "id": issuer,
        "issuer": idp.issuer,
        "agency": "UNICEF",
        "status": "active",
        "valid_from": found["valid_from"],
        "valid_to": None,
    }
    assert (await reader.get(f"{URL}/{issuer}")).json()["code"] == "scope_missing"
    none = await reader.read(f"{URL}?agency=FAO")
    assert none["items"] == []


async def test_the_list_has_pages(trust: Trust, open_idp: OpenIdp, api_for: ApiFor) -> None:
    api = await api_for("UNDP")
    made = {(await api.made(URL, terms(await open_idp())))["id"] for _ in range(5)}
    seen: list[str] = []
    url = f"{URL}?agency=UNDP&limit=2"
    while url:
        page = await api.get(url)
        seen += [item["id"] for item in page.json()["items"]]
        url = page.links["next"]["url"] if "next" in page.links else ""
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


async def test_one_issuer_belongs_to_one_agency(trust: Trust, idp: Idp, api_for: ApiFor) -> None:
    bodies = [terms(idp), terms(idp, jwks_uri="https://elsewhere.example/keys")]
    first, second = await api_for("UNICEF"), await api_for("WFP")
    answers = await asyncio.gather(
        *(api.post(URL, json=body) for api in (first, second) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (made,) = [answer.json() for answer in answers if answer.status_code == 201]
    owner = first if made["agency"] == "UNICEF" else second
    assert (await owner.delete(f"{URL}/{made['id']}")).status_code == 204
    # What was withdrawn may be proposed again, by another, too.
    again = await second.made(URL, terms(idp))
    assert (await trust.approve(again["id"], "WFP_REVIEWER")).status_code == 200


async def test_a_refusal_is_kept_and_the_issuer_may_be_proposed_again(
    trust: Trust, idp: Idp, api_for: ApiFor
) -> None:
    api = await api_for("UNICEF")
    made = await api.made(URL, terms(idp))
    refused = await trust.approve(made["id"], "UNICEF_REVIEWER", decision="refuse", reason="no")
    assert refused.json()["status"] == "refused"
    assert refused.json()["reason"] == "no"
    assert idp.fetches == 0
    for answer in (
        await api.post(
            f"{URL}/{made['id']}/approval",
            json={"decision": "approve", "reason": "x"},
            headers={"If-Match": '"v2"'},
        ),
        await api.delete(f"{URL}/{made['id']}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "issuer_decided")
    assert (await api.post(URL, json=terms(idp))).status_code == 201


async def test_a_decision_needs_the_version_that_was_read(
    trust: Trust, idp: Idp, api_for: ApiFor
) -> None:
    made = await (await api_for("UNICEF")).made(URL, terms(idp))
    api, url = await api_for("UNICEF_APPROVER"), f"{URL}/{made['id']}/approval"
    body = {"decision": "approve", "reason": "checked"}
    assert (await api.post(url, json=body)).status_code == 428
    assert (await api.post(url, json=body, headers={"If-Match": '"v2"'})).status_code == 412
    for wrong in ({"decision": "maybe"}, {"reason": ""}, {"more": 1}):
        answer = await api.post(url, json=body | wrong, headers={"If-Match": '"v1"'})
        assert answer.status_code == 422


async def test_two_decisions_at_once_are_one(trust: Trust, idp: Idp, api_for: ApiFor) -> None:
    made = await (await api_for("UNICEF")).made(URL, terms(idp))
    answers = await asyncio.gather(
        trust.approve(made["id"], "UNICEF_APPROVER"),
        trust.approve(made["id"], "UNICEF_REVIEWER"),
        trust.approve(made["id"], "UNICEF_APPROVER", decision="refuse"),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"issuer": "http://idp.example"}, "/issuer"),
        ({"issuer": "https://idp.example]"}, "/issuer"),
        ({"issuer": "https://user@idp.example"}, "/issuer"),
        ({"issuer": "https://idp.example?x=1"}, "/issuer"),
        ({"issuer": "https://idp.example#x"}, "/issuer"),
        ({"issuer": "https:///tenant"}, "/issuer"),
        ({"issuer": "http://127.0.0.1:8000"}, "/issuer"),
        ({"issuer": "http://127.0.0.1:8000/"}, "/issuer"),
        ({"issuer": "HTTP://127.0.0.1:8000"}, "/issuer"),
        ({"issuer": "ftp://idp.example"}, "/issuer"),
        ({"issuer": "https://idp.example/\u00e9"}, "/issuer"),
        ({"issuer": "https://idp.example/" + "x" * 300}, "/issuer"),
        ({"jwks_uri": "https://user:x@idp.example/keys"}, "/jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "/jwks_uri"),
        ({"scope_ceiling": ["partners:everything"]}, "/scope_ceiling"),
        ({"scope_ceiling": ["self:read"]}, "/scope_ceiling"),
        ({"scope_ceiling": []}, "/scope_ceiling"),
        ({"valid_to": "2020-01-01T00:00:00Z"}, "/valid_to"),
        ({"max_life_s": 5_401}, "/max_life_s"),
        ({"max_life_s": 59}, "/max_life_s"),
        ({"max_life_s": True}, "/max_life_s"),
        ({"algorithms": ["HS256"]}, "/algorithms/0"),
        ({"algorithms": []}, "/algorithms"),
        ({"token_type": "jwt"}, "/token_type"),
        ({"ignored_headers": ["jku"]}, "/ignored_headers/0"),
        ({"client_claim": "agency"}, "/client_claim"),
        ({"token_id_claim": "sub"}, "/token_id_claim"),
        ({"audience": ""}, "/audience"),
        ({"status": "active"}, ""),
    ],
)
async def test_terms_that_are_not_possible(
    change: dict[str, Any], pointer: str, idp: Idp, api_for: ApiFor
) -> None:
    answer = await (await api_for("UNICEF")).post(URL, json=terms(idp) | change)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_production_takes_https_issuers_only(idp: Idp, api_for: ApiFor, app: Any) -> None:
    api, usual = await api_for("UNICEF"), app.state.settings
    app.state.settings = usual.model_copy(update={"env": "production"})
    try:
        answer = await api.post(URL, json=terms(idp))
    finally:
        app.state.settings = usual
    assert answer.json()["errors"][0]["pointer"] == "/issuer"


async def test_only_a_named_person_proposes_decides_and_ends(
    trust: Trust,
    idp: Idp,
    make_client: MakeClient,
    api_for: ApiFor,
    operator_database: Database,
) -> None:
    client_id, secret = await make_client(
        person_id=trust.world.persons["UNICEF"], scopes=("agencies:admin", "agencies:read")
    )
    async with operator_database.session() as session:
        await without_person(session, client_id)
    trust.world.secrets[client_id] = secret
    machine = await api_for(client_id)
    refused = await machine.post(URL, json=terms(idp))
    assert (refused.status_code, refused.json()["code"]) == (403, "person_required")
    made = await (await api_for("UNICEF")).made(URL, terms(idp))
    assert (await trust.approve(made["id"], client_id)).json()["code"] == "person_required"
    ended = await machine.delete(f"{URL}/{made['id']}")
    assert ended.json()["code"] == "person_required"
    reader = await api_for("UNICEF", "agencies:read")
    assert (await reader.post(URL, json=terms(idp))).json()["code"] == "scope_missing"


@pytest.mark.parametrize(
    ("mode", "document"),
    [
        ("error", None),
        ("redirect", None),
        ("garbage", None),
        ("huge", None),
        ("gzip", None),
        ("good", {"keys": []}),
        ("good", {"keys": [jwk(new_key(), "k1") | {"use": "enc"}]}),
        ("good", {"keys": [{"kty": "oct", "k": "YQ", "kid": "k1", "alg": "HS256"}]}),
        ("down", None),
    ],
)
async def test_an_issuer_without_usable_keys_is_not_approved(
    mode: str, document: Any, trust: Trust, idp: Idp, api_for: ApiFor
) -> None:
    made = await (await api_for("UNICEF")).made(URL, terms(idp))
    idp.mode, idp.document = mode, document
    if mode == "down":
        await idp.close()
    answer = await trust.approve(made["id"], "UNICEF_APPROVER")
    assert (answer.status_code, answer.json()["code"]) == (422, "issuer_keys_unusable")
    idp.mode, idp.document = "good", None
    if mode == "down":
        await idp.open()
    assert (await trust.approve(made["id"], "UNICEF_APPROVER")).status_code == 200


async def test_one_key_under_two_issuers_is_refused_and_told(
    trust: Trust,
    open_idp: OpenIdp,
    api_for: ApiFor,
    token_key: tuple[EcKey, str],
    operator_database: Database,
) -> None:
    first, second = await open_idp(), await open_idp()
    known = await trust.trust(first)
    made = await (await api_for("WFP")).made(URL, terms(second))
    for stolen, other in ((first.key, known), (token_key[0], "own")):
        # Under another name and among others: it is the key that counts.
        second.document = {"keys": [jwk(new_key(), "a"), jwk(stolen, "b")]}
        answer = await trust.approve(made["id"], "WFP_APPROVER")
        assert (answer.status_code, answer.json()["code"]) == (409, "issuer_key_shared")
        assert known not in answer.text
        async with operator_database.connection() as connection:
            detail = await connection.fetchval(
                "SELECT detail ->> 'other' FROM audit_events WHERE subject_id = $1 "
                "AND event = 'agency:issuer:key_shared' ORDER BY id DESC LIMIT 1",
                UUID(made["id"]),
            )
        assert detail == other
    second.document = None
    assert (await trust.approve(made["id"], "WFP_APPROVER")).status_code == 200


async def test_two_approvals_of_one_key_at_once_are_one(
    trust: Trust, open_idp: OpenIdp, api_for: ApiFor
) -> None:
    first, second = await open_idp(), await open_idp()
    second.key = first.key
    ids = [
        (await (await api_for(agency)).made(URL, terms(idp)))["id"]
        for agency, idp in (("UNICEF", first), ("WFP", second))
    ]
    answers = await asyncio.gather(
        trust.approve(ids[0], "UNICEF_APPROVER"), trust.approve(ids[1], "WFP_APPROVER")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_an_rsa_key_is_known_again(trust: Trust, open_idp: OpenIdp, api_for: ApiFor) -> None:
    key = rsa.generate_private_key(65_537, 2_048)
    first, second = await open_idp(), await open_idp()
    first.document, second.document = {"keys": [rsa_jwk(key)]}, {"keys": [rsa_jwk(key, "other")]}
    await trust.trust(first, algorithms=["RS256"])
    made = await (await api_for("WFP")).made(URL, terms(second, algorithms=["RS256", "ES256"]))
    answer = await trust.approve(made["id"], "WFP_APPROVER")
    assert answer.json()["code"] == "issuer_key_shared"


@pytest.mark.parametrize("table", ["clients", "persons"])
async def test_nobody_is_known_by_the_issuer_of_another_agency(
    table: str, trust: Trust, idp: Idp, database: Database
) -> None:
    """An agency that names another's issuer would take its subjects, and let them in."""
    issuer = await trust.trust(idp)
    agency = trust.world.agencies["WFP"]
    statement = {
        "clients": "INSERT INTO clients (id, agency_id, name, scopes, auth_method, issuer_id, "
        "subject) VALUES ($1::text, $2, 'x', '{}', 'trusted_issuer', $3, $1::text)",
        "persons": "INSERT INTO persons (id, agency_id, name, office, role, issuer_id, subject) "
        "VALUES ($1::text::uuid, $2, 'x', 'x', 'x', $3, $1::text)",
    }[table]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with database.fast_write(agency) as connection:
            await connection.execute(statement, str(uuid4()), agency, UUID(issuer))


async def test_nobody_acts_through_a_machine_of_another_agency(
    trust: Trust, idp: Idp, database: Database
) -> None:
    issuer = await trust.trust(idp)
    agency, person = trust.world.agencies["UNICEF"], trust.world.persons["UNICEF"]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with database.fast_write(agency) as connection:
            await connection.execute(
                "INSERT INTO clients (id, agency_id, person_id, name, scopes, auth_method, "
                "issuer_id, subject, acts_through) VALUES ($1, $2, $3, 'x', '{}', "
                "'trusted_issuer', $4, $1, 'WFP')",
                str(uuid4()),
                agency,
                person,
                UUID(issuer),
            )


async def test_a_withdrawn_agency_has_no_issuer(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp, "FAO")
    token = idp.token(await trust.machine(issuer, "FAO"))
    assert (await trust.get(token)).status_code == 200
    await trust.execute("UPDATE agencies SET status = 'suspended' WHERE code = 'FAO'")
    await trust.refused(token)
    await trust.execute("UPDATE agencies SET status = 'active' WHERE code = 'FAO'")
    assert await token_for(trust.app, "FAO", trust.world.secrets["FAO"])
