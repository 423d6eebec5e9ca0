"""Every attack on the feed is refused, and the copy stays as it was."""

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from partner_registry_client import Api, NotConfigured, PullResult, SecretCredential, Store, errors
from partner_registry_client.conformance.bends import (
    ended_key,
    other_payload,
    receipt_key,
    unknown_key,
)
from partner_registry_client.conformance.double import ISSUER, Answer, Registry, entry
from partner_registry_client.conformance.signing import jcs, jwk, kid, new_key

Pull = Callable[..., PullResult]
Bend = Callable[[Registry], None]


@pytest.fixture
def refused(store: Store, registry: Registry, run_pull: Pull) -> Callable[..., None]:
    """The attack, on a client that holds nothing yet: it must go on holding nothing."""

    def check(bend: Bend, error: type[Exception], now: float | None = None) -> None:
        bend(registry)
        with pytest.raises(error):
            run_pull(now)
        assert store.state().held is None
        assert store.count() == 0

    return check


def _claim(**claims: object) -> Bend:
    return lambda registry: registry.claims.update(claims)


def _forged(registry: Registry) -> None:
    registry.tamper["manifest"] = lambda answer: replace(answer, body=other_payload(answer.body))


def _no_signature(registry: Registry) -> None:
    registry.header = {"alg": "none"}


def _extra_header(registry: Registry) -> None:
    registry.header = {"jwk": jwk(registry.list_key)}


def _replayed_type(registry: Registry) -> None:
    registry.header = {"typ": "clearance+jwt"}


@pytest.mark.parametrize(
    ("bend", "error"),
    [
        (_forged, errors.Forged),
        (unknown_key, errors.UnknownKey),
        (receipt_key, errors.UnknownKey),
        (ended_key, errors.UnknownKey),
        (_no_signature, errors.Malformed),
        (_extra_header, errors.Malformed),
        (_replayed_type, errors.Malformed),
        (_claim(stream="public"), errors.WrongStream),
        (_claim(iss="https://other.test"), errors.WrongIssuer),
        (_claim(exp=1), errors.Expired),
        (_claim(iat=4_000_000_000, exp=4_000_086_400), errors.FromTheFuture),
        (_claim(count=2), errors.Mismatch),
        (_claim(count=True), errors.Malformed),
        (_claim(version=-1), errors.Malformed),
        (_claim(bucket_bits=40), errors.Malformed),
        (_claim(set_sha256="0" * 64), errors.Mismatch),
        (_claim(version=99), errors.Mismatch),
        (_claim(padding="x" * 1200), errors.TooLarge),
    ],
)
def test_a_bad_manifest_is_refused(
    refused: Callable[..., None], bend: Bend, error: type[Exception]
) -> None:
    refused(bend, error)


# ---------------------------------------------------------------- against an honest copy


@pytest.mark.parametrize("by", ["delta", "full"])
@pytest.mark.parametrize(
    ("bend", "error"),
    [
        (_claim(version=2), errors.RolledBack),
        (_claim(seq_to=1), errors.RolledBack),
        (_claim(iat=1_700_000_000), errors.RolledBack),
        (_claim(set_sha256="0" * 64), errors.RolledBack),
        (_claim(exp=1_700_000_000), errors.Expired),
        (unknown_key, errors.UnknownKey),
        (_claim(stream="public"), errors.WrongStream),
    ],
)
def test_a_copy_is_never_replaced_by_a_bad_list(
    store: Store, registry: Registry, run_pull: Pull, bend: Bend, error: type[Exception], by: str
) -> None:
    # The key must be old enough for the old signature, or that would be the reason to refuse it.
    first = {"use": "list", "not_before": 0, "not_after": None}
    key = registry.list_key
    registry.keys_claims["keys"] = [first | {"kid": kid(key), "jwk": jwk(key)}]
    run_pull()
    before, state = set(store.entries()), store.state().held
    registry.now += 1
    if by == "full":
        registry.tamper["changes"] = lambda answer: Answer(410, b'{"code":"full_sync_required"}')
    bend(registry)
    with pytest.raises(error):
        run_pull()
    assert set(store.entries()) == before
    assert store.state().held == state


def test_a_frozen_registry_is_noticed(registry: Registry, run_pull: Pull) -> None:
    run_pull()
    with pytest.raises(errors.Expired):
        run_pull(now=registry.now + 86400)
    registry.tamper["changes"] = lambda answer: Answer(status=304)
    registry.claims = {"max_staleness_s": 90 * 86400}
    with pytest.raises(errors.VerificationFailed):
        run_pull(now=registry.now + 86400)


def test_a_304_that_nobody_asked_for_is_refused(registry: Registry, run_pull: Pull) -> None:
    registry.tamper["manifest"] = lambda answer: replace(answer, headers={})
    run_pull()
    registry.tamper["changes"] = lambda answer: Answer(status=304)
    with pytest.raises(errors.Malformed):
        run_pull()


def test_a_clock_set_back_stops_the_pull_until_it_is_accepted(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull(now=registry.now + 5000)
    with pytest.raises(errors.ClockSetBack):
        run_pull(now=registry.now + 1000)
    assert store.state().stale_reason(registry.now + 1000) == "clock_set_back"
    assert run_pull(now=registry.now + 1000, accept_clock=True).mode == "unchanged"


# ---------------------------------------------------------------- files


def _chunks(change: Callable[[bytes], bytes]) -> Bend:
    """Alter every gzip file; the index is left alone."""

    def tamper(answer: Answer) -> Answer:
        packed = answer.body.startswith(b"\x1f\x8b")
        return replace(answer, body=change(answer.body)) if packed else answer

    return lambda registry: registry.tamper.update(chunks=tamper)


def _mixed(registry: Registry) -> None:
    """Chunks of another moment, each genuine by itself."""
    old = registry.chunks()
    registry.put(entry("a1", "Another Name"))
    registry.put(entry("b2", "Another Name"))
    registry.put(entry("c3", "Another Name"))
    first = next(iter(old.values()))
    registry.tamper["chunks"] = lambda a: replace(a, body=first) if a.body[:1] != b"{" else a


@pytest.mark.parametrize(
    ("bend", "error"),
    [
        (_chunks(lambda body: body[:-4]), errors.Mismatch),
        (_chunks(lambda body: body + b"\0"), errors.TooLarge),
        (_chunks(lambda body: body[:-1] + bytes([body[-1] ^ 1])), errors.Mismatch),
        (_chunks(lambda body: b""), errors.Mismatch),
        (_mixed, errors.VerificationFailed),
    ],
)
def test_a_bad_file_is_refused(
    refused: Callable[..., None], bend: Bend, error: type[Exception]
) -> None:
    refused(bend, error)


@pytest.mark.parametrize("what", ["keys", "manifest", "chunks", "token"])
def test_endless_data_is_cut_off(refused: Callable[..., None], what: str) -> None:
    def pour(registry: Registry) -> None:
        registry.tamper[what] = lambda answer: Answer(body=b"x" * 65536, endless=True)

    refused(pour, errors.TooLarge)


def test_endless_changes_are_cut_off(
    registry: Registry, run_pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_pull()
    monkeypatch.setattr("partner_registry_client.api.MAX_CHANGES_BYTES", 100_000)
    registry.tamper["changes"] = lambda answer: Answer(body=b"x" * 65536, endless=True)
    with pytest.raises(errors.TooLarge):
        run_pull()


class _Dishonest(Registry):
    """Signs sets that no honest registry would: `lines` is the content of its only chunk."""

    def contents(self) -> list[bytes]:
        return [self.lines]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (jcs(entry("a")) + b"\n" + jcs(entry("a", "Other")) + b"\n", errors.Malformed),
        (jcs(entry("b")) + b"\n" + jcs(entry("a")) + b"\n", errors.Malformed),
        (jcs(entry("a")) + b"\n" + jcs(entry("b")), errors.Malformed),
        (b"\n\n", errors.Malformed),
        (b"[" * 100_000 + b"\n\n", errors.Malformed),
        (b'{"entry_id": 7}\n{}\n', errors.Malformed),
    ],
    ids=["doubled", "unsorted", "cut", "blank", "deep", "without id"],
)
def test_a_signed_but_senseless_set_is_refused(
    store: Store, run_pull: Pull, registry: Registry, lines: bytes, error: type[Exception]
) -> None:
    registry.__class__ = _Dishonest
    registry.lines = lines
    registry.bucket_bits = 0
    registry.claims = {"count": lines.count(b"\n")}
    with pytest.raises(error):
        run_pull()
    assert store.count() == 0


def test_an_entry_in_a_bucket_that_is_not_its_own_is_refused(
    store: Store, run_pull: Pull, registry: Registry
) -> None:
    honest = registry.contents()
    registry.contents = lambda: honest[::-1]  # type: ignore[method-assign]  # the registry lies in this one place
    with pytest.raises(errors.Mismatch):
        run_pull()
    assert store.count() == 0


def test_a_chunk_that_inflates_without_end_is_cut_off(
    store: Store, run_pull: Pull, registry: Registry
) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    honest = registry.chunks

    def chunks() -> dict[str, bytes]:
        files = honest()
        index = json.loads(list(files.values())[-1])
        for item in index["chunks"]:
            if item["sha256"]:
                item |= {"sha256": hashlib.sha256(bomb).hexdigest(), "bytes": len(bomb)}
        data = jcs(index)
        return {hashlib.sha256(bomb).hexdigest(): bomb, hashlib.sha256(data).hexdigest(): data}

    registry.chunks = chunks  # type: ignore[method-assign]  # the registry lies in this one place
    tracemalloc.start()
    try:
        with pytest.raises(errors.TooLarge):
            run_pull()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    assert store.count() == 0


# ---------------------------------------------------------------- root keys


def _one_of_three(registry: Registry) -> None:
    registry.signers = registry.roots[:1]


def _the_same_key_twice(registry: Registry) -> None:
    registry.signers = [registry.roots[0], registry.roots[0]]


def _strangers(registry: Registry) -> None:
    registry.signers = [registry.roots[0], new_key(), new_key()]


def _new_root_without_its_own_threshold(registry: Registry) -> None:
    fresh = [new_key() for _ in range(3)]
    registry.keys_claims["root"] = {"threshold": 2, "keys": [jwk(key) for key in fresh]}
    registry.signers = [*registry.roots[:2], fresh[0]]


def _new_root_without_the_old_one(registry: Registry) -> None:
    fresh = [new_key() for _ in range(3)]
    registry.keys_claims["root"] = {"threshold": 2, "keys": [jwk(key) for key in fresh]}
    registry.signers = [registry.roots[0], *fresh]


def _threshold_of_one(registry: Registry) -> None:
    keys = [jwk(key) for key in registry.roots]
    registry.keys_claims["root"] = {"threshold": 1, "keys": keys}


def _root_key_listed_twice(registry: Registry) -> None:
    keys = [jwk(registry.roots[0]), jwk(registry.roots[0])]
    registry.keys_claims["root"] = {"threshold": 2, "keys": keys}


def _keys(**claims: object) -> Bend:
    return lambda registry: registry.keys_claims.update(claims)


@pytest.mark.parametrize(
    ("bend", "error"),
    [
        (_one_of_three, errors.Forged),
        (_the_same_key_twice, errors.Forged),
        (_strangers, errors.Forged),
        (_new_root_without_its_own_threshold, errors.Forged),
        (_new_root_without_the_old_one, errors.Forged),
        (_threshold_of_one, errors.Malformed),
        (_root_key_listed_twice, errors.Malformed),
        (_keys(iss="https://other.test"), errors.WrongIssuer),
        (_keys(exp=1), errors.Expired),
        (_keys(iat=4_000_000_000, exp=5_000_000_000), errors.FromTheFuture),
        (_keys(version=0), errors.RolledBack),
        (_keys(keys=[]), errors.UnknownKey),
    ],
)
def test_a_bad_keys_document_is_refused(
    refused: Callable[..., None], bend: Bend, error: type[Exception]
) -> None:
    refused(bend, error)


def test_a_root_is_handed_over_by_both_thresholds_and_then_alone_counts(
    registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    old, fresh = registry.roots, [new_key() for _ in range(3)]
    root = {"threshold": 2, "keys": [jwk(key) for key in fresh]}
    registry.keys_claims = {"version": 2, "root": root}
    registry.signers = [*old[:2], *fresh[1:]]
    later = registry.now + 7 * 3600
    run_pull(now=later)

    registry.keys_claims["version"] = 3
    registry.signers = old
    with pytest.raises(errors.Forged):
        run_pull(now=later + 7 * 3600)
    registry.signers = fresh[:2]
    run_pull(now=later + 7 * 3600)
    registry.keys_claims["version"] = 2
    with pytest.raises(errors.RolledBack):
        run_pull(now=later + 14 * 3600)


def test_a_new_list_key_is_looked_for_once(registry: Registry, run_pull: Pull) -> None:
    run_pull()
    registry.list_key = new_key()
    registry.listed_keys["list"].append(registry.list_key)
    registry.keys_claims["version"] = 2
    registry.put(entry("d4"))
    registry.requests.clear()
    assert run_pull().mode == "delta"
    assert registry.requests == ["changes", "keys"]


# ---------------------------------------------------------------- the wire


def test_compression_on_the_way_is_refused(refused: Callable[..., None]) -> None:
    def bend(registry: Registry) -> None:
        registry.tamper["keys"] = lambda answer: replace(
            answer, headers={"Content-Encoding": "gzip"}
        )

    refused(bend, errors.Malformed)


def test_redirects_are_not_followed(refused: Callable[..., None]) -> None:
    def bend(registry: Registry) -> None:
        registry.tamper["keys"] = lambda answer: Answer(
            302, headers={"Location": f"{registry.url}/v1/feeds/sanctions/manifest"}
        )

    refused(bend, errors.Refused)


def test_a_login_page_in_between_is_called_one(refused: Callable[..., None]) -> None:
    def bend(registry: Registry) -> None:
        registry.tamper["keys"] = lambda answer: Answer(
            body=b"<html>", headers={"Content-Type": "text/html; charset=utf-8"}
        )

    refused(bend, errors.Refused)


def test_a_busy_registry_is_left_alone_for_as_long_as_it_asks(registry: Registry) -> None:
    pauses: list[float] = []
    answers = iter([503, 429, 200])

    def busy(answer: Answer) -> Answer:
        status = next(answers)
        return answer if status == 200 else Answer(status, headers={"Retry-After": "7"})

    registry.tamper["keys"] = busy
    credential = SecretCredential("client-1", "s3cret")
    with Api(registry.url, credential, issuer=ISSUER, sleep=pauses.append) as api:
        assert b"signatures" in api.keys_document()
    assert pauses == [7, 7]


def test_a_pause_of_hours_is_reported_not_slept(registry: Registry) -> None:
    pauses: list[float] = []
    registry.tamper["keys"] = lambda answer: Answer(503, headers={"Retry-After": "7200"})
    credential = SecretCredential("client-1", "s3cret")
    with (
        Api(registry.url, credential, issuer=ISSUER, sleep=pauses.append) as api,
        pytest.raises(errors.Refused),
    ):
        api.keys_document()
    assert pauses == []


def test_a_token_that_has_ended_is_renewed_once(registry: Registry, api: Api) -> None:
    api.keys_document()
    statuses = iter([Answer(401)])
    registry.tamper["keys"] = lambda answer: next(statuses, answer)
    api.keys_document()
    assert len(registry.tokens) == 2
    registry.tamper["keys"] = lambda answer: Answer(401)
    with pytest.raises(errors.Refused):
        api.keys_document()


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.test",
        "ftp://127.0.0.1",
        "https://user:secret@registry.test",
        "https://registry.test/?x=1",
        "registry.test",
        "http://127.0.0.1.evil.test",
        "http://localhost.evil.test",
    ],
)
def test_credentials_never_travel_in_the_clear(url: str) -> None:
    with pytest.raises(NotConfigured):
        Api(url, SecretCredential("client-1", "s3cret"), issuer=ISSUER)


def test_an_unreachable_registry_is_called_unreachable() -> None:
    credential = SecretCredential("client-1", "s3cret")
    with (
        Api("http://127.0.0.1:9", credential, issuer=ISSUER, sleep=lambda s: None) as api,
        pytest.raises(errors.Unreachable),
    ):
        api.keys_document()
