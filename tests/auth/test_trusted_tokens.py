"""Tokens of an agency's own identity provider: agency, scopes and status are from our tables."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.auth import caller as auth_caller
from app.auth import jose
from app.auth.scopes import AGENCY
from tests.auth import hostile_tokens
from tests.auth.forge import claims, forge, jwk, new_key, rsa_jwk
from tests.auth.hostile_tokens import TOKENS, refusal
from tests.auth.trust import OpenIdp, Trust
from tests.idp import Idp, terms
from tests.partners.factories import partner_body
from tests.support import BASE, plain_client


async def test_a_registered_machine_comes_by_its_agencys_issuer(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp)
    subject = await trust.machine(issuer)
    assert idp.fetches == 1  # at approval, and never for a good token
    token = idp.token(subject)
    for path in ("/v1/partners?limit=1", "/v1/agencies"):
        assert (await trust.get(token, path)).status_code == 200
    # What its client has not, it has not, though the ceiling allows it.
    refused = await trust.get(token, "/v1/assessments")
    assert refused.json()["code"] == "scope_missing"
    assert idp.fetches == 1


async def test_a_stranger_is_nobody(trust: Trust, idp: Idp) -> None:
    await trust.trust(idp)
    await trust.refused(idp.token("nobody"))
    await trust.refused(idp.token("UNICEF"))
    await trust.refused(idp.token("x" * 256))
    await trust.refused(idp.token("a\x00b"))
    await trust.refused(idp.token("\ud800"))


@pytest.mark.parametrize(
    ("claim", "agrees"),
    [
        ({}, True),
        ({"scope": "partners:read other:thing"}, True),
        ({"scope": "openid profile"}, False),
        ({"scope": ""}, False),
        ({"scp": ["partners:read", 7]}, True),
        ({"scp": ["partners:write"]}, False),
        ({"scope": "partners:write", "scp": ["partners:read"]}, False),
    ],
)
async def test_a_token_narrows_what_its_client_may_do(
    claim: dict[str, Any], agrees: bool, trust: Trust, idp: Idp
) -> None:
    subject = await trust.machine(await trust.trust(idp))
    answer = await trust.get(idp.token(subject, **claim))
    assert answer.status_code == (200 if agrees else 403)


@pytest.mark.parametrize("claim", [{"scope": ["partners:read"]}, {"scope": {}}, {"scp": {}}])
async def test_scopes_of_another_shape_are_refused(
    claim: dict[str, Any], trust: Trust, idp: Idp
) -> None:
    subject = await trust.machine(await trust.trust(idp))
    await trust.refused(idp.token(subject, **claim))


async def test_the_ceiling_holds_against_the_client(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp, scope_ceiling=["agencies:read"])
    subject = await trust.machine(issuer, scopes=sorted(AGENCY))
    assert (await trust.get(idp.token(subject), "/v1/agencies")).status_code == 200
    assert (await trust.get(idp.token(subject))).json()["code"] == "scope_missing"


@pytest.mark.parametrize("claim", ["azp", "appid", "client_id", "cid"])
async def test_the_agreed_claim_names_the_machine(claim: str, trust: Trust, idp: Idp) -> None:
    subject = await trust.machine(await trust.trust(idp, client_claim=claim))
    good = idp.token("service-account", **{claim: subject})
    assert (await trust.get(good)).status_code == 200
    await trust.refused(idp.token(subject))
    await trust.refused(idp.token(subject, **{claim: 7}))
    await trust.refused(idp.token(subject, **{claim: [subject]}))
    await trust.refused(idp.token(subject, **{claim: ""}))


@pytest.mark.parametrize(
    "mark",
    [
        {"amr": ["pwd"]},
        {"auth_time": 1},
        {"sid": "s"},
        {"nonce": "n"},
        {"upn": "u"},
        {"scp": "partners:read"},
    ],
)
async def test_a_persons_token_is_not_taken_for_the_program_it_was_got_with(
    mark: dict[str, Any], trust: Trust, idp: Idp
) -> None:
    """With `azp` as claim, every employee's token of that program would be the machine's."""
    subject = await trust.machine(await trust.trust(idp, client_claim="azp"))
    assert (await trust.get(idp.token("employee", azp=subject))).status_code == 200
    await trust.refused(idp.token("employee", azp=subject, **mark))


async def test_a_registered_person_decides_and_is_made_a_client_once(
    trust: Trust, idp: Idp
) -> None:
    issuer = await trust.trust(idp)
    subject, person_id = await trust.person(issuer)
    for _ in range(3):
        answer = await trust.get(idp.token(subject, amr=["pwd", "mfa"]))
        assert answer.status_code == 200, answer.text
    async with trust.operator.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, agency_id, person_id, scopes, acts_through FROM clients "
            "WHERE issuer_id = $1 AND subject = $2",
            UUID(issuer),
            subject,
        )
        events = await connection.fetch(
            "SELECT agency_id, client_id, person_id, detail FROM audit_events "
            "WHERE event = 'agency:principal:make' AND subject_id = $1",
            person_id,
        )
    assert len(rows) == len(events) == 1
    assert rows[0]["person_id"] == person_id
    assert rows[0]["agency_id"] == trust.world.agencies["UNICEF"]
    assert set(rows[0]["scopes"]) == {
        "partners:read",
        "partners:write",
        "agencies:read",
        "assessments:share",
    }
    assert events[0]["client_id"] == rows[0]["id"]
    assert events[0]["detail"] == {"issuer": issuer, "through": None}
    # A deciding scope works for a person: the refusal is about the record, not the right.
    async with plain_client(trust.app) as client:
        answer = await client.delete(
            f"/v1/assessments/{uuid4()}/shares/{uuid4()}",
            headers={"Authorization": f"Bearer {idp.token(subject)}"},
        )
    assert answer.status_code == 404, answer.text


async def test_many_first_requests_at_once_make_one_client(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp)
    subject, _ = await trust.person(issuer)
    answers = await asyncio.gather(*(trust.get(idp.token(subject)) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    made = "SELECT count(*) FROM clients WHERE issuer_id = $1 AND subject = $2"
    assert await trust.value(made, UUID(issuer), subject) == 1


async def test_a_machine_never_decides(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp)
    subject = await trust.machine(issuer, scopes=["assessments:share"])
    async with plain_client(trust.app) as client:
        answer = await client.delete(
            f"/v1/assessments/{uuid4()}/shares/{uuid4()}",
            headers={"Authorization": f"Bearer {idp.token(subject)}"},
        )
    assert answer.json()["code"] == "person_required"


async def test_what_ends_a_principal_ends_it_on_the_next_request(
    trust: Trust, open_idp: OpenIdp
) -> None:
    ends = {
        "machine": "UPDATE clients SET status = 'revoked' WHERE issuer_id = $1",
        "person": "UPDATE persons SET status = 'inactive' WHERE issuer_id = $1",
        "issuer": "UPDATE trusted_issuers SET status = 'revoked' WHERE id = $1",
        "period": "UPDATE trusted_issuers SET valid_to = now() WHERE id = $1",
    }
    for end, statement in ends.items():
        idp = await open_idp()
        issuer = await trust.trust(idp)
        subjects = [(await trust.person(issuer))[0]]
        if end != "person":
            subjects.append(await trust.machine(issuer))
        tokens = [idp.token(subject) for subject in subjects]
        for token in tokens:
            assert (await trust.get(token)).status_code == 200
        await trust.execute(statement, UUID(issuer))
        for token in tokens:
            await trust.refused(token)
        for subject in subjects:
            await trust.refused(idp.token(subject), "/v1/agencies")


async def test_a_revoked_issuer_is_refused_on_the_next_request(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp)
    token = idp.token(await trust.machine(issuer))
    assert (await trust.get(token)).status_code == 200
    admin = await trust.api_for("UNICEF_REVIEWER")
    assert (await admin.delete(f"/v1/trusted-issuers/{issuer}")).status_code == 204
    await trust.refused(token)


async def test_a_person_who_is_no_longer_that_subject_is_not_that_person(
    trust: Trust, idp: Idp
) -> None:
    issuer = await trust.trust(idp)
    subject, first = await trust.person(issuer)
    token = idp.token(subject)
    assert (await trust.get(token)).status_code == 200
    other, second = await trust.person(issuer)
    await trust.execute("UPDATE persons SET subject = 'gone' WHERE id = $1", first)
    await trust.execute("UPDATE persons SET subject = $2 WHERE id = $1", second, subject)
    # A new token at once, one that was seen before within a minute.
    await trust.refused(idp.token(subject))
    with time_machine.travel(time.time() + 61, tick=False):
        await trust.refused(token)
    await trust.execute("UPDATE persons SET subject = 'away' WHERE id = $1", second)
    await trust.refused(idp.token(subject))
    assert (await trust.get(idp.token(other))).status_code == 401


async def test_a_known_person_through_another_is_refused_though_seen_together(
    trust: Trust, idp: Idp
) -> None:
    """Two at once: the row that was not there is another's when it is looked at again."""
    issuer = await trust.trust(idp)
    subject, _ = await trust.person(issuer)
    _, other_id = await trust.person(issuer)
    found = await trust.app.state.trusted.issuers.find(idp.issuer)
    principals = trust.app.state.trusted.principals
    assert await principals.of(found, {"sub": subject})
    async with trust.app.state.database.session(found.agency_id) as session:
        with pytest.raises(jose.AuthError):
            await principals.admit(session, found, other_id, subject)


async def test_terms_of_type_headers_and_identifier(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(
        idp,
        token_type="JWT",
        ignored_headers=["x5t", "x5t#S256"],
        token_id_claim="uti",
        max_life_s=5_400,
    )
    subject = await trust.machine(issuer)
    now = int(time.time())
    usual: dict[str, Any] = {"header": {"typ": "JWT"}, "jti": ..., "uti": "u" * 22}
    good = [
        usual,
        usual | {"header": {"typ": "JWT", "x5t": "abc", "x5t#S256": "abc"}},
        usual | {"exp": now + 5_390},
        usual | {"at_hash": "of another token"},
    ]
    for more in good:
        answer = await trust.get(idp.token(subject, **more))
        assert answer.status_code == 200, more
    bad = [
        usual | {"header": {"typ": "at+jwt"}},
        usual | {"header": {"typ": ...}},
        usual | {"uti": ...},
        usual | {"uti": 7},
        usual | {"exp": now + 5_500},
        *(
            usual | {"header": {"typ": "JWT", name: value}}
            for name, value in {
                "jwk": jwk(idp.key),
                "jku": idp.jwks_uri,
                "x5u": idp.jwks_uri,
                "crit": ["x5t"],
                "x5c": ["abc"],
                "x5t#s256": "abc",
            }.items()
        ),
    ]
    for more in bad:
        await trust.refused(idp.token(subject, **more))


async def test_headers_are_passed_over_only_where_agreed(trust: Trust, idp: Idp) -> None:
    subject = await trust.machine(await trust.trust(idp, ignored_headers=["x5t"]))
    assert (await trust.get(idp.token(subject, header={"x5t": "a"}))).status_code == 200
    await trust.refused(idp.token(subject, header={"x5t#S256": "a"}))


async def test_an_issuer_may_give_no_identifier(trust: Trust, idp: Idp) -> None:
    subject = await trust.machine(await trust.trust(idp, token_id_claim=None))
    for identifier in (..., "x", 7):
        answer = await trust.get(idp.token(subject, jti=identifier))
        # What is there must still be a text: the library looks at it.
        assert answer.status_code == (401 if identifier == 7 else 200)


async def test_every_agreed_algorithm_works_and_no_other(trust: Trust, idp: Idp) -> None:
    p384 = ec.generate_private_key(ec.SECP384R1())
    modulus = rsa.generate_private_key(65_537, 2_048)
    idp.document = {
        "keys": [
            jwk(idp.key, "e2", alg="ES256"),
            jwk(p384, "e3", alg="ES384"),
            rsa_jwk(modulus, "r2"),
            {"kty": "oct", "k": "YQ", "kid": "h", "alg": "HS256"},
            {"kty": "OKP", "crv": "Ed25519", "x": "YQ", "kid": "o"},
            7,
        ]
    }
    issuer = await trust.trust(idp, algorithms=["RS256", "ES384"])
    subject = await trust.machine(issuer)

    def token(alg: str, kid: str, key: Any) -> str:
        return idp.token(subject, header={"alg": alg, "kid": kid}, key=key)

    assert (await trust.get(token("RS256", "r2", modulus))).status_code == 200
    assert (await trust.get(token("ES384", "e3", p384))).status_code == 200
    await trust.refused(token("ES256", "e2", idp.key))
    await trust.refused(token("HS256", "h", b"a"))
    stored = await trust.value("SELECT key_set FROM trusted_issuers WHERE id = $1", UUID(issuer))
    assert '"k"' not in stored
    assert "Ed25519" not in stored


async def test_an_unknown_issuer_causes_no_fetch(trust: Trust, open_idp: OpenIdp) -> None:
    stranger, proposed = await open_idp(), await open_idp()
    api = await trust.api_for("UNICEF")
    await api.made("/v1/trusted-issuers", terms(proposed))
    for idp in (stranger, proposed):
        await trust.refused(idp.token("anybody"))
        await trust.refused(idp.token("anybody", iss=idp.issuer + "/"))
        await trust.refused(idp.token("anybody", header={"jku": idp.jwks_uri}))
        assert idp.fetches == 0


@pytest.mark.parametrize("change", ["/", "x", "?", " ", "#"])
async def test_the_issuer_is_compared_byte_by_byte(change: str, trust: Trust, idp: Idp) -> None:
    subject = await trust.machine(await trust.trust(idp))
    for issuer in (
        idp.issuer + change,
        change + idp.issuer,
        idp.issuer.upper(),
        idp.issuer.removesuffix("t"),
        [idp.issuer],
        {"iss": idp.issuer},
    ):
        await trust.refused(idp.token(subject, iss=issuer))


async def test_an_issuer_cannot_speak_as_us_nor_as_another(trust: Trust, open_idp: OpenIdp) -> None:
    ours, theirs = await open_idp(), await open_idp()
    await trust.trust(ours)
    other = await trust.trust(theirs, "WFP")
    subject = await trust.machine(other, "WFP")
    assert (await trust.get(theirs.token(subject))).status_code == 200
    await trust.refused(ours.token("UNICEF", iss=BASE))
    await trust.refused(ours.token(subject, iss=theirs.issuer))
    await trust.refused(ours.token(subject))


@pytest.mark.parametrize("name", TOKENS)
async def test_a_hostile_token_of_a_trusted_issuer_is_a_401(
    name: str, app: FastAPI, trust: Trust, hostile_idp: tuple[Idp, str], monkeypatch: Any
) -> None:
    idp, subject = hostile_idp

    def of_issuer(_: str, **more: Any) -> dict[str, Any]:
        return claims(subject, **({"iss": idp.issuer} | more))

    monkeypatch.setattr(hostile_tokens, "claims", of_issuer)
    good = hostile_tokens.with_claims()(idp.key, idp.kid)
    assert (await trust.get(good)).status_code == 200
    token = TOKENS[name](idp.key, idp.kid)
    async with plain_client(app) as client:
        for _ in range(2):
            answer = await client.get(
                "/v1/partners", headers={b"Authorization": b"Bearer " + token.encode()}
            )
            assert (answer.status_code, answer.json()["code"]) == refusal(token)
    assert idp.fetches <= 2  # one more for all the unknown keys


@pytest.fixture(scope="module")
async def hostile_idp(app: FastAPI, world: Any, operator_database: Any, api_for: Any) -> Any:
    idp = Idp()
    await idp.open()
    trust = Trust(app, world, operator_database, api_for)
    subject = await trust.machine(await trust.trust(idp))
    yield idp, subject
    await idp.close()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
_NAMES = st.sampled_from(
    [
        "agency",
        "agency_id",
        "tenant",
        "tid",
        "org",
        "azp",
        "client_id",
        "appid",
        "act",
        "groups",
        "roles",
        "may_act",
        "person_id",
        "authorized_party",
        "partner_id",
        "sub_id",
    ]
)
_VALUES = st.sampled_from(["WFP", "UNHCR", "WFP_APPROVER", ["WFP"], {"sub": "WFP"}]) | _JSON


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(
    more=st.dictionaries(_NAMES, _VALUES, max_size=6),
    header=st.dictionaries(_NAMES, _VALUES, max_size=2),
)
async def test_whatever_a_token_says_the_agency_is_the_tables(
    more: dict[str, Any], header: dict[str, Any], trust: Trust, hostile_idp: tuple[Idp, str]
) -> None:
    idp, subject = hostile_idp
    token = idp.token(subject, header=header, **more)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(16)}
    async with plain_client(trust.app) as client:
        answer = await client.post("/v1/partners", json=partner_body(), headers=headers)
    if header:
        assert answer.status_code == 401, answer.text
    else:
        assert answer.status_code == 201, answer.text
        assert answer.json()["created_by"] == "UNICEF"


async def test_a_token_is_looked_at_again_after_a_minute(trust: Trust, idp: Idp) -> None:
    """A key that the issuer took back stops working though its tokens live on."""
    issuer = await trust.trust(idp)
    token = idp.token(await trust.machine(issuer))
    assert (await trust.get(token)).status_code == 200
    known = trust.app.state.trusted.key_sets._known[UUID(issuer)]
    known.keys = {}
    assert (await trust.get(token)).status_code == 200
    known.tried_at = time.time() + 1_000
    with time_machine.travel(time.time() + auth_caller._OUTSIDE_FRESH_S + 1, tick=False):
        await trust.refused(token)


async def test_a_key_of_ours_or_of_nobody_signs_nothing_for_an_issuer(
    trust: Trust, idp: Idp, token_key: Any
) -> None:
    subject = await trust.machine(await trust.trust(idp))
    own, kid = token_key
    await trust.refused(idp.token(subject, key=own, header={"kid": kid}))
    await trust.refused(idp.token(subject, key=new_key()))
    await trust.refused(
        forge({"alg": "none", "typ": "at+jwt"}, claims(subject, iss=idp.issuer), None)
    )
