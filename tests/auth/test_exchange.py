"""Token exchange (RFC 8693): a machine acts for a person whom its own agency's issuer names."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.auth import clients as client_life
from app.auth.exchange import ACCESS_TOKEN, GRANT_TYPE, JWT
from app.auth.scopes import AGENCY, DECIDING
from tests.auth import hostile_tokens
from tests.auth.conftest import MakeClient, MakeSigner
from tests.auth.forge import assertion, claims
from tests.auth.hostile_tokens import TOKENS
from tests.auth.trust import OpenIdp, Trust
from tests.idp import Idp
from tests.support import BASE, plain_client

_MACHINE = ("agencies:read", "partners:read", "partners:write")


async def _exchange(trust: Trust, auth: Any, token: str, **form: Any) -> httpx.Response:
    fields = {
        "grant_type": GRANT_TYPE,
        "subject_token": token,
        "subject_token_type": JWT,
    } | form
    async with plain_client(trust.app) as client:
        return await client.post(
            "/oauth/token",
            data={name: value for name, value in fields.items() if value is not None},
            auth=auth,
        )


def _refused(answer: httpx.Response, error: str = "invalid_request", status: int = 400) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json() == {"error": error}
    assert answer.headers["cache-control"] == "no-store"


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
    return found


async def test_a_machine_gets_a_token_of_the_person(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    issuer = await trust.trust(idp)
    subject, person_id = await trust.person(issuer)
    machine = await make_client(scopes=_MACHINE)
    answer = await _exchange(trust, machine, idp.token(subject, exp=int(time.time()) + 500))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["issued_token_type"] == ACCESS_TOKEN
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 300
    # What the machine has, and the deciding scopes, which come from the person; never more.
    assert body["scope"].split() == sorted((*_MACHINE, "assessments:share"))
    said = _claims(body["access_token"])
    assert said["act"] == {"sub": machine[0]}
    assert said["sub"] == said["client_id"] != machine[0]
    assert (await trust.get(body["access_token"])).status_code == 200
    async with trust.operator.connection() as connection:
        row = await connection.fetchrow(
            "SELECT person_id, acts_through, auth_method FROM clients WHERE id = $1", said["sub"]
        )
    assert tuple(row) == (person_id, machine[0], "trusted_issuer")
    async with plain_client(trust.app) as client:
        decision = await client.delete(
            f"/v1/assessments/{uuid4()}/shares/{uuid4()}",
            headers={"Authorization": f"Bearer {body['access_token']}"},
        )
    assert decision.status_code == 404, decision.text
    # The person by herself is another principal than through a machine.
    assert (await trust.get(idp.token(subject))).status_code == 200


async def test_the_same_person_through_the_same_machine_is_one_client(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    issuer = await trust.trust(idp)
    subject, _ = await trust.person(issuer)
    machine, other = await make_client(), await make_client()
    answers = await asyncio.gather(
        *(_exchange(trust, by, idp.token(subject)) for by in (machine, machine, machine, other))
    )
    subjects = {_claims(answer.json()["access_token"])["sub"] for answer in answers}
    assert len(subjects) == 2


async def test_by_a_signed_client_assertion(
    trust: Trust, idp: Idp, make_signer: MakeSigner
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    client_id, key = await make_signer()
    answer = await _exchange(
        trust,
        None,
        idp.token(subject),
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion=assertion(client_id, key),
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("form", "issued"),
    [
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, ACCESS_TOKEN),
        ({"subject_token_type": ACCESS_TOKEN}, ACCESS_TOKEN),
        ({"requested_token_type": ACCESS_TOKEN}, ACCESS_TOKEN),
        ({"requested_token_type": JWT}, JWT),
        ({"resource": BASE, "audience": BASE}, ACCESS_TOKEN),
        ({"scope": "partners:read", "something": "else"}, ACCESS_TOKEN),
    ],
)
async def test_what_may_be_asked(
    form: dict[str, str], issued: str, trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    answer = await _exchange(trust, await make_client(), idp.token(subject), **form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["issued_token_type"] == issued
    if "scope" in form:
        assert answer.json()["scope"] == form["scope"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"actor_token": "a.b.c"}, "invalid_request"),
        ({"audience": "https://elsewhere.example"}, "invalid_target"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"scope": "sanctions:decide"}, "invalid_scope"),
        ({"scope": "nothing:known"}, "invalid_scope"),
    ],
)
async def test_what_may_not_be_asked(
    form: dict[str, Any], error: str, trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    machine, token = await make_client(), idp.token(subject)
    _refused(await _exchange(trust, machine, token, **form), error)
    # Nothing was used up by it.
    assert (await _exchange(trust, machine, token)).status_code == 200


async def test_a_machine_that_does_not_prove_itself(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    client_id, _ = await make_client()
    for proof in ((client_id, "wrong"), None, ("nobody", "x")):
        _refused(await _exchange(trust, proof, idp.token(subject)), "invalid_client", 401)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("scopes = '{agencies:read}'", "scope_missing"),
        ("countries = '{TON}', max_level = 'INTER_AGENCY'", None),
    ],
)
async def test_who_narrows_the_machine_narrows_its_persons_at_once(
    change: str, code: str | None, trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    machine = await make_client(scopes=_MACHINE)
    token = (await _exchange(trust, machine, idp.token(subject))).json()["access_token"]
    direct = idp.token(subject)
    for one in (token, direct):
        assert (await trust.get(one)).status_code == 200
    await trust.execute(f"UPDATE clients SET {change} WHERE id = $1", machine[0])
    assert (await trust.get(token)).json().get("code") == code
    assert (await trust.get(direct)).status_code == 200
    rows = "SELECT (countries, max_level)::text FROM clients WHERE id = $1"
    assert await trust.value(rows, _claims(token)["sub"]) == await trust.value(rows, machine[0])
    # A deciding scope is the person's own.
    scopes = await trust.value("SELECT scopes FROM clients WHERE id = $1", _claims(token)["sub"])
    assert "assessments:share" in scopes


async def test_a_machine_is_not_narrowed_while_a_person_comes_through_it(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    machine = await make_client(scopes=_MACHINE)
    assert (await _exchange(trust, machine, idp.token(subject))).status_code == 200
    async with trust.operator.connection() as connection, connection.transaction():
        await connection.execute(
            "UPDATE clients SET scopes = '{agencies:read}' WHERE id = $1", machine[0]
        )
        late = asyncio.create_task(_exchange(trust, machine, idp.token(subject)))
        await asyncio.sleep(0.3)
        assert not late.done()
    answer = await late
    assert answer.json()["scope"].split() == ["agencies:read", "assessments:share"]


async def test_a_person_whom_the_issuer_no_longer_names_is_out_at_once(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, person_id = await trust.person(await trust.trust(idp))
    exchanged = await _exchange(trust, await make_client(), idp.token(subject))
    tokens = (exchanged.json()["access_token"], idp.token(subject))
    for token in tokens:
        assert (await trust.get(token)).status_code == 200
    await trust.execute("UPDATE persons SET subject = $2 WHERE id = $1", person_id, uuid4().hex)
    for token in tokens:
        await trust.refused(token)


async def test_a_client_bound_to_a_person_acts_for_nobody_else(trust: Trust, idp: Idp) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    bound = ("UNICEF", trust.world.secrets["UNICEF"])
    _refused(await _exchange(trust, bound, idp.token(subject)), "unauthorized_client")


async def test_only_an_issuer_of_the_own_agency_names_persons(
    trust: Trust, open_idp: OpenIdp, make_client: MakeClient
) -> None:
    ours, theirs = await open_idp(), await open_idp()
    await trust.trust(ours)
    subject, _ = await trust.person(await trust.trust(theirs, "WFP"), "WFP")
    unicef, wfp = await make_client(), await make_client("WFP")
    _refused(await _exchange(trust, unicef, theirs.token(subject)))
    assert (await _exchange(trust, wfp, theirs.token(subject))).status_code == 200
    _refused(await _exchange(trust, unicef, ours.token(subject, iss=theirs.issuer)))
    assert (ours.fetches, theirs.fetches) == (1, 1)


async def test_strangers_machines_and_the_inactive_are_no_subject(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    issuer = await trust.trust(idp)
    machine = await make_client()
    registered = await trust.machine(issuer)
    subject, person_id = await trust.person(issuer)
    for name in ("nobody", registered, "UNICEF"):
        _refused(await _exchange(trust, machine, idp.token(name)))
    await trust.execute("UPDATE persons SET status = 'inactive' WHERE id = $1", person_id)
    _refused(await _exchange(trust, machine, idp.token(subject)))
    for token in ("a.b.c", "x", idp.token(subject, iss=["x"]), idp.token(subject, iss=BASE)):
        _refused(await _exchange(trust, machine, token))


async def test_an_assertion_works_once(trust: Trust, idp: Idp, make_client: MakeClient) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    machine, other = await make_client(), await make_client()
    token = idp.token(subject)
    answers = await asyncio.gather(
        *(_exchange(trust, by, token) for by in (machine, other, machine, other))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    again = idp.token(subject, jti="same-identifier")
    assert (await _exchange(trust, machine, again)).status_code == 200
    _refused(await _exchange(trust, machine, idp.token(subject, jti="same-identifier")))
    for odd in ("eight\x00nul", "eight\ud800half"):
        _refused(await _exchange(trust, machine, idp.token(subject, jti=odd)))


async def test_an_issuer_without_identifiers_cannot_be_guarded_against_replay(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp, token_id_claim=None))
    machine, token = await make_client(), idp.token(subject, jti=...)
    for _ in range(2):
        assert (await _exchange(trust, machine, token)).status_code == 200


async def test_the_token_ends_with_the_assertion(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    machine, end = await make_client(), int(time.time()) + 40
    answer = (await _exchange(trust, machine, idp.token(subject, exp=end))).json()
    assert 30 <= answer["expires_in"] <= 40
    assert _claims(answer["access_token"])["exp"] <= end
    # An end within the leeway of clocks is over for a new token.
    for left in (-5, 0):
        late = idp.token(subject, iat=int(time.time()) - 60, exp=int(time.time()) + left)
        _refused(await _exchange(trust, machine, late))


async def test_a_life_of_less_than_a_second_is_none(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    machine = await make_client()
    _refused(await _exchange(trust, machine, idp.token(subject, exp=time.time() + 0.9)))


@pytest.mark.parametrize("end", ["machine", "person", "issuer", "principal"])
async def test_what_ends_the_delegation_ends_its_token(
    end: str, trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    issuer = await trust.trust(idp)
    subject, person_id = await trust.person(issuer)
    machine = await make_client()
    token = (await _exchange(trust, machine, idp.token(subject))).json()["access_token"]
    assert (await trust.get(token)).status_code == 200
    statement, value = {
        "machine": ("UPDATE clients SET status = 'revoked' WHERE id = $1", machine[0]),
        "person": ("UPDATE persons SET status = 'inactive' WHERE id = $1", person_id),
        "issuer": ("UPDATE trusted_issuers SET status = 'revoked' WHERE id = $1", UUID(issuer)),
        "principal": (
            "UPDATE clients SET status = 'revoked' WHERE id = $1",
            _claims(token)["sub"],
        ),
    }[end]
    await trust.execute(statement, value)
    await trust.refused(token)
    answer = await _exchange(trust, machine, idp.token(subject))
    assert answer.status_code in (400, 401)


async def test_the_limits_of_the_machine_are_those_of_the_person_through_it(
    trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    issuer = await trust.trust(idp, scope_ceiling=sorted(AGENCY))
    subject, _ = await trust.person(issuer)
    machine = await make_client(scopes=("partners:read", "agencies:read"))
    for level, countries, scopes in (
        ("RESTRICTED", ["KEN"], ["partners:read", "agencies:read"]),
        ("INTER_AGENCY", ["UGA"], ["partners:read"]),
    ):
        await trust.execute(
            "UPDATE clients SET max_level = $2, countries = $3, scopes = $4 WHERE id = $1",
            machine[0],
            level,
            countries,
            scopes,
        )
        answer = (await _exchange(trust, machine, idp.token(subject))).json()
        async with trust.operator.connection() as connection:
            row = await connection.fetchrow(
                "SELECT max_level, countries, scopes FROM clients WHERE id = $1",
                _claims(answer["access_token"])["sub"],
            )
        assert (row["max_level"], row["countries"]) == (level, countries)
        # The deciding ones come from the person; of the others no more than the machine has.
        assert {*row["scopes"]} == {*answer["scope"].split()} == {*scopes} | DECIDING


@pytest.mark.parametrize("name", TOKENS)
async def test_a_hostile_assertion_is_refused(
    name: str, trust: Trust, hostile: tuple[Idp, str, tuple[str, str]], monkeypatch: Any
) -> None:
    idp, subject, machine = hostile
    monkeypatch.setattr(
        hostile_tokens,
        "claims",
        lambda _, **more: claims(subject, **({"iss": idp.issuer} | more)),
    )
    token = TOKENS[name](idp.key, idp.kid)
    answer = await _exchange(trust, machine, token)
    # A scope of another shape says nothing here: what the new token may do is asked in the form.
    if name in ("scope as list", "scope as object"):
        assert answer.status_code == 200
        return
    # A field of more than 8 kB, and a body that is too long, is refused before it is read as a
    # token; where the body was read, in the words of RFC 6749 5.2.
    if answer.status_code == 413:
        assert len(token) > 900_000
        return
    _refused(answer)


@pytest.fixture(scope="module")
async def hostile(app: Any, world: Any, operator_database: Any, api_for: Any) -> Any:
    idp = Idp()
    await idp.open()
    trust = Trust(app, world, operator_database, api_for)
    subject, _ = await trust.person(await trust.trust(idp))
    name = f"M_{subject}"
    async with operator_database.session() as session:
        secret = await client_life.create_client(
            session,
            client_life.NewClient(
                id=name,
                agency_id=world.agencies["UNICEF"],
                name=name,
                scopes=("partners:read",),
                auth_method="client_secret_basic",
            ),
        )
    yield idp, subject, (name, secret)
    await idp.close()


async def test_the_metadata_names_the_grant(trust: Trust) -> None:
    async with plain_client(trust.app) as client:
        said = (await client.get("/.well-known/oauth-authorization-server")).json()
    assert said["grant_types_supported"] == ["client_credentials", GRANT_TYPE]
