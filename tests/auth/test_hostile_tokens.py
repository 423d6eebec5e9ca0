"""Every hostile token is a 401, through HTTP and in the wrapper; never a 500, never accepted.

Only one that is larger than a whole head may be is a 431: nothing comes to read it.
"""

from __future__ import annotations

import base64
import random
import string
import time

import pytest
from fastapi import FastAPI

from app.auth import jose
from tests.auth.forge import EcKey, claims, forge, jwk
from tests.auth.hostile_tokens import TOKENS, refusal, with_claims, with_header
from tests.support import BASE, plain_client

TokenKey = tuple[EcKey, str]


def test_the_corpus_is_as_large_as_it_must_be() -> None:
    assert len(TOKENS) >= 41


async def test_a_good_token_of_the_same_make_works(app: FastAPI, token_key: TokenKey) -> None:
    """Proves that the corpus fails for the named fault and not for another one."""
    good = [with_claims(), with_claims(aud=[BASE]), with_header(typ="application/at+jwt")]
    async with plain_client(app) as client:
        for make in good:
            headers = {"Authorization": f"Bearer {make(*token_key)}"}
            answer = await client.get("/v1/partners?limit=1", headers=headers)
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", TOKENS)
async def test_a_hostile_token_is_a_401(name: str, app: FastAPI, token_key: TokenKey) -> None:
    token = TOKENS[name](*token_key)
    status, code = refusal(token)
    header = b"Bearer " + token.encode()
    async with plain_client(app) as client:
        for _ in range(2):  # the second time from whatever was remembered of the first
            answer = await client.get("/v1/partners", headers={b"Authorization": header})
            assert answer.status_code == status, answer.text
            assert answer.json()["code"] == code
            assert answer.headers.get("www-authenticate", "").startswith("Bearer") is (
                status == 401
            )
            assert token[:40] not in answer.text or not token


@pytest.mark.parametrize("name", TOKENS)
def test_a_hostile_token_is_an_auth_error_of_the_wrapper(name: str, token_key: TokenKey) -> None:
    key, kid = token_key
    keys = jose.load_jwks({"keys": [jwk(key, kid)]}, jose.INBOUND_ALGORITHMS)
    if name in ("scope as list", "scope as object", "expired within the leeway"):
        return  # the verifier's own checks, not the wrapper's
    with pytest.raises(jose.AuthError):
        jose.verify(TOKENS[name](key, kid), {BASE: jose.Issuer(keys)}, BASE, max_life=600)


@pytest.mark.parametrize("token", [None, 7, b"a.b.c", ["a.b.c"], {}])
def test_what_is_no_text_is_no_token(token: object) -> None:
    with pytest.raises(jose.AuthError):
        jose.verify(token, {}, BASE)


def _accepted(key: EcKey, kid: str, count: int) -> int:
    """How many mutations of a good token pass; each must decode to the very same bytes."""
    keys = jose.load_jwks({"keys": [jwk(key, kid)]}, ("ES256",))
    issuers = {BASE: jose.Issuer(keys)}
    good = forge({"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims("UNICEF"), key)
    expected = [base64.urlsafe_b64decode(part + "==") for part in good.split(".")]
    chance = random.Random(time.time_ns())
    alphabet = string.ascii_letters + string.digits + "-_.=+/ \x00é"
    passed = 0
    for _ in range(count):
        mutant = _mutate(good, chance, alphabet)
        if mutant == good:
            continue
        try:
            jose.verify(mutant, issuers, BASE, max_life=600)
        except jose.AuthError:
            continue
        assert [base64.urlsafe_b64decode(part + "==") for part in mutant.split(".")] == expected
        passed += 1
    return passed


def _mutate(token: str, chance: random.Random, alphabet: str) -> str:
    characters = list(token)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = chance.randrange(len(characters))
        act = chance.randrange(4)
        if act == 0:
            characters[place] = chance.choice(alphabet)
        elif act == 1:
            characters.insert(place, chance.choice(alphabet))
        elif act == 2 and len(characters) > 1:
            del characters[place]
        else:
            other = chance.randrange(len(characters))
            characters[place], characters[other] = characters[other], characters[place]
    return "".join(characters)


def test_two_thousand_mutations_say_nothing_else(token_key: TokenKey) -> None:
    assert _accepted(*token_key, 2_000) < 20


@pytest.mark.drill
def test_twenty_thousand_mutations_say_nothing_else(token_key: TokenKey) -> None:
    assert _accepted(*token_key, 20_000) < 100
