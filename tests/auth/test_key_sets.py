"""Key sets: fetched rarely; a good one outlives a bad provider, whose neighbours feel nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest

from app.auth import jose
from app.auth.issuers import TrustedIssuers
from app.auth.key_sets import COOL_S, HARD_S, SOFT_S, IssuerTerms, KeySetRefused, KeySets
from app.core.db import Database
from app.core.outbound import Outbound
from app.core.settings import Settings
from tests.auth.forge import jwk, new_key
from tests.auth.trust import OpenIdp, Trust
from tests.idp import Idp

_ES256 = ("ES256",)


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def key_sets(database: Database, settings: Settings, clock: Clock) -> AsyncIterator[KeySets]:
    outbound = Outbound(settings.outbound_networks)
    sets = KeySets(database, outbound, clock)
    yield sets
    await sets.close()
    await outbound.close()


@pytest.fixture
def terms_of(database: Database, trust: Trust) -> Callable[..., Any]:
    """``terms = await terms_of(idp)``: trusted now, as read from the table."""

    async def make(idp: Idp, **more: Any) -> IssuerTerms:
        if "again" not in more:
            await trust.trust(idp, **more)
        found = await TrustedIssuers(database).find(idp.issuer)
        assert found is not None
        return found

    return make


async def _settled(sets: KeySets, terms: IssuerTerms) -> None:
    """Wait for the renewal in the background."""
    renewal = sets._known[terms.id].renewal
    if renewal is not None:
        await renewal


async def test_a_restart_needs_no_network(key_sets: KeySets, terms_of: Any, idp: Idp) -> None:
    terms = await terms_of(idp)
    await idp.close()
    assert ("k1", "ES256") in await key_sets.keys(terms, ("k1", "ES256"))
    assert idp.fetches == 1


async def test_a_set_that_ages_is_renewed_in_the_background_and_kept(
    key_sets: KeySets, terms_of: Any, idp: Idp, clock: Clock, trust: Trust
) -> None:
    terms = await terms_of(idp)
    name = ("k1", "ES256")
    await key_sets.keys(terms, name)
    assert idp.fetches == 1
    idp.document = {"keys": [jwk(idp.key, "k1"), jwk(new_key(), "k2")]}
    clock.now += SOFT_S + 120  # the set was fetched after this clock was read
    assert await key_sets.keys(terms, name) is not None
    await _settled(key_sets, terms)
    assert idp.fetches == 2
    assert ("k2", "ES256") in await key_sets.keys(terms, name)
    # The row has it, too, and another process takes it from there.
    other = KeySets(trust.app.state.database, trust.app.state.outbound, clock)
    again = await terms_of(idp, again=True)
    assert again.key_set_at == pytest.approx(clock.now, abs=1)
    assert ("k2", "ES256") in await other.keys(again, ("k2", "ES256"))
    assert idp.fetches == 2


async def test_what_another_process_fetched_is_taken_over(
    key_sets: KeySets, terms_of: Any, idp: Idp, clock: Clock, trust: Trust
) -> None:
    terms = await terms_of(idp)
    await key_sets.keys(terms, ("k1", "ES256"))
    clock.now += SOFT_S + 120  # the set was fetched after this clock was read
    idp.rotate("k2")
    other = KeySets(trust.app.state.database, trust.app.state.outbound, clock)
    await other.keys(terms, ("k2", "ES256"))
    again = await terms_of(idp, again=True)
    assert ("k2", "ES256") in await key_sets.keys(again, ("k2", "ES256"))
    assert idp.fetches == 2


async def test_an_unknown_key_is_asked_for_once_in_a_minute(
    key_sets: KeySets, terms_of: Any, idp: Idp, clock: Clock
) -> None:
    terms = await terms_of(idp)
    for number in range(50):
        await key_sets.keys(terms, (f"unknown {number}", "ES256"))
    assert idp.fetches == 2
    clock.now += COOL_S + 1
    await key_sets.keys(terms, ("unknown", "ES256"))
    assert idp.fetches == 3


async def test_many_requests_share_one_fetch(key_sets: KeySets, terms_of: Any, idp: Idp) -> None:
    terms = await terms_of(idp)
    idp.rotate("k2")
    found = await asyncio.gather(*(key_sets.keys(terms, ("k2", "ES256")) for _ in range(40)))
    assert all(("k2", "ES256") in keys for keys in found)
    assert idp.fetches == 2


async def test_a_request_that_gives_up_leaves_the_fetch_to_the_others(
    key_sets: KeySets, terms_of: Any, idp: Idp
) -> None:
    terms = await terms_of(idp)
    idp.rotate("k2")
    first = asyncio.create_task(key_sets.keys(terms, ("k2", "ES256")))
    await asyncio.sleep(0)
    second = asyncio.create_task(key_sets.keys(terms, ("k2", "ES256")))
    await asyncio.sleep(0)
    first.cancel()
    assert ("k2", "ES256") in await second
    assert idp.fetches == 2


async def test_a_rotated_key_works_on_the_next_request(trust: Trust, idp: Idp) -> None:
    issuer = await trust.trust(idp)
    subject = await trust.machine(issuer)
    assert (await trust.get(idp.token(subject))).status_code == 200
    old = idp.key
    idp.rotate("k2")
    assert (await trust.get(idp.token(subject))).status_code == 200
    assert idp.fetches == 2
    # The old key is gone from the set, and with it what it signs.
    await trust.refused(idp.token(subject, key=old, header={"kid": "k1"}))
    # The next rotation within the minute has to wait: nobody makes us hammer a provider.
    idp.rotate("k3")
    await trust.refused(idp.token(subject))
    assert idp.fetches == 2


@pytest.mark.parametrize(
    "mode", ["huge", "claims_huge", "redirect", "garbage", "silence", "gzip", "error", "down"]
)
async def test_a_bad_provider_leaves_the_last_good_set(
    mode: str, key_sets: KeySets, terms_of: Any, open_idp: OpenIdp, clock: Clock
) -> None:
    idp, healthy = await open_idp(), await open_idp()
    terms, others = await terms_of(idp), await terms_of(healthy)
    idp.mode, idp.elsewhere = mode, healthy.jwks_uri
    if mode == "down":
        await idp.close()
    clock.now += SOFT_S + 120  # the set was fetched after this clock was read
    name = ("k1", "ES256")
    for sets_terms in (terms, others):
        assert name in await key_sets.keys(sets_terms, name)
        await _settled(key_sets, sets_terms)
    assert healthy.fetches == 2  # at approval and now; the redirect led nobody to it
    assert name in await key_sets.keys(terms, name)
    # A day later this issuer fails closed, and only this one.
    clock.now += HARD_S
    with pytest.raises(jose.AuthError, match="too old"):
        await key_sets.keys(terms, name)
    assert name in await key_sets.keys(others, name)
    # It comes back, and so does trust in its keys.
    idp.mode = "good"
    if mode == "down":
        await idp.open()
    clock.now += COOL_S + 1
    assert name in await key_sets.keys(terms, name)


@pytest.mark.parametrize(
    "document",
    [
        b"{",
        b"[]",
        b"null",
        b'{"keys": 7}',
        b'{"keys": []}',
        b'{"keys": [], "keys": []}',
        b'{"keys": [{"kty": "oct", "k": "YQ", "kid": "k1", "alg": "HS256"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "k1"}]}',
        b'{"keys": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"\xff\xfe",
        b"",
    ],
)
async def test_a_document_that_is_no_key_set(document: bytes, key_sets: KeySets, idp: Idp) -> None:
    idp.document = document
    with pytest.raises(KeySetRefused):
        await key_sets.fetch(idp.jwks_uri, _ES256)


async def test_two_keys_of_one_name_are_no_key_set(key_sets: KeySets, idp: Idp) -> None:
    idp.document = {"keys": [jwk(new_key()), jwk(new_key())]}
    with pytest.raises(KeySetRefused, match="content"):
        await key_sets.fetch(idp.jwks_uri, _ES256)


async def test_only_public_parts_of_usable_keys_are_kept(key_sets: KeySets, idp: Idp) -> None:
    secret = jwk(new_key(), "leaked") | {"d": "AAAA"}
    idp.document = {"keys": [jwk(idp.key, note="x" * 100, x5c=["a"]), secret, 7], "more": 1}
    found = await key_sets.fetch(idp.jwks_uri, _ES256)
    assert found.document == {"keys": [jwk(idp.key)]}


async def test_a_slow_provider_holds_up_its_own_tokens_only(
    trust: Trust, open_idp: OpenIdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = await open_idp(), await open_idp()
    theirs = await trust.machine(await trust.trust(slow))
    ours = await trust.machine(await trust.trust(quick))
    slow.mode = "slow"
    slow.rotate("k2")
    started = time.monotonic()
    waiting = asyncio.create_task(trust.get(slow.token(theirs)))
    await asyncio.sleep(0.05)
    for _ in range(5):
        assert (await trust.get(quick.token(ours))).status_code == 200
    assert not waiting.done()
    # Five seconds, and then a refusal, not a failure.
    assert (await waiting).status_code == 401
    assert time.monotonic() - started > 4.5


async def test_a_renewal_never_takes_a_key_of_another_issuer_or_of_ours(
    key_sets: KeySets, terms_of: Any, open_idp: OpenIdp, clock: Clock, token_key: Any
) -> None:
    idp, other = await open_idp(), await open_idp()
    terms, _ = await terms_of(idp), await terms_of(other)
    for stolen in (other.key, token_key[0]):
        idp.document = {"keys": [jwk(stolen, "k2")]}
        clock.now += COOL_S + 1
        assert ("k2", "ES256") not in await key_sets.keys(terms, ("k2", "ES256"))


async def test_a_database_in_trouble_leaves_the_last_good_set(
    terms_of: Any, idp: Idp, clock: Clock, settings: Settings
) -> None:
    terms = await terms_of(idp)
    away = settings.model_copy(update={"pool_timeout_s": 0.5})
    nowhere = Database("postgresql://reg_app:x@127.0.0.1:1/none", away)
    outbound = Outbound(settings.outbound_networks)
    sets = KeySets(nowhere, outbound, clock)
    idp.rotate("k2")
    assert ("k1", "ES256") in await sets.keys(terms, ("k2", "ES256"))
    assert idp.fetches == 2
    await sets.close()
    await outbound.close()
    await nowhere.close()


async def test_the_end_of_the_process_ends_its_fetches(
    database: Database, settings: Settings, terms_of: Any, idp: Idp
) -> None:
    terms = await terms_of(idp)
    outbound = Outbound(settings.outbound_networks)
    sets = KeySets(database, outbound)
    idp.mode = "slow"
    waiting = asyncio.create_task(sets.keys(terms, ("k2", "ES256")))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    await sets.close()
    await outbound.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert time.monotonic() - started < 4, "it did not wait for the five seconds of the fetch"


async def test_the_list_of_issuers_is_read_every_half_minute(
    database: Database, trust: Trust, idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuers = TrustedIssuers(database)
    assert await issuers.find(idp.issuer) is None
    issuer = await trust.trust(idp)
    assert await issuers.find(idp.issuer) is None
    issuers._read_at -= 31
    found = await asyncio.gather(*(issuers.find(idp.issuer) for _ in range(5)))
    assert {item.id for item in found if item} == {UUID(issuer)}
