"""Skip deltas, withdrawn files, bundles, new roots, own streams: ways that few pulls take."""

import gzip
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from partner_registry_client import (
    Api,
    Bundle,
    Config,
    PullResult,
    Store,
    errors,
    initialise,
    pull,
)
from partner_registry_client.conformance.double import Answer, Registry, entry
from partner_registry_client.conformance.signing import jcs, jwk, kid, new_key

Pull = Callable[..., PullResult]


def held(store: Store) -> set[bytes]:
    return set(store.entries())


def published(registry: Registry) -> set[bytes]:
    return {jcs(item) for item in registry.entries.values()}


def far_ahead(registry: Registry) -> None:
    """1,500 changes, most of them in blocks."""
    registry.page = 1000
    for number in range(1200):
        registry.put(entry(f"n{number % 400}", f"Name {number}"))
    for number in range(300):
        registry.remove(f"n{number}")
    registry.blocks = [(0, 1000), (0, 1400), (1000, 1400)]


# ---------------------------------------------------------------- skip deltas


def test_a_copy_far_behind_takes_a_skip_delta_and_the_rest_in_pages(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    far_ahead(registry)
    registry.requests.clear()
    result = run_pull()
    assert (result.mode, result.seq) == ("delta", 1503)
    assert registry.requests == ["changes", "files", "chunks", "changes"]
    assert held(store) == published(registry)
    assert not list(store.folder.glob("spool/*"))


def test_a_skip_delta_that_takes_an_entry_back_names_it_for_purging(
    registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    registry.remove("a1", "annulled")
    far_ahead(registry)
    assert run_pull().purged == ["a1"]


def test_a_full_set_names_what_it_erased_without_a_reason(
    registry: Registry, run_pull: Pull
) -> None:
    assert run_pull().unexplained == []
    registry.remove("a1", "annulled")
    registry.remove("b2", "expired")
    registry.window = len(registry.log)
    result = run_pull()
    assert (result.mode, result.purged, result.unexplained) == ("full", ["a1"], ["b2"])


def test_a_full_set_beside_which_nothing_is_told_names_all(
    registry: Registry, run_pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_pull()
    registry.remove("a1", "annulled")
    registry.window = len(registry.log)
    monkeypatch.setattr(Registry, "files", lambda self: b"{}")
    result = run_pull()
    assert (result.mode, result.purged, result.unexplained) == ("full", [], ["a1"])


def _other_bytes(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[:-9] + bytes(9))


def _no_files(answer: Answer) -> Answer:
    return replace(answer, body=b'{"stream":"public","deltas":[],"withdrawn":[]}')


def _gone(answer: Answer) -> Answer:
    return Answer(404)


@pytest.mark.parametrize("bend", ["other list", "gone", "wrong numbers", "wrong count"])
def test_a_wrong_skip_delta_falls_back_to_the_full_set(
    store: Store, registry: Registry, run_pull: Pull, bend: str
) -> None:
    run_pull()
    far_ahead(registry)
    honest = registry.deltas

    def wrong() -> list[tuple[dict[str, object], bytes]]:
        change = {"count": 7} if bend == "wrong count" else {"to": 1300}
        return [(item | change, data) for item, data in honest()]

    if bend == "other list":
        registry.tamper["files"] = _no_files
    elif bend == "gone":
        taken = iter([True])
        registry.tamper["chunks"] = lambda answer: _gone(answer) if next(taken, None) else answer
    else:
        registry.deltas = wrong  # type: ignore[method-assign]  # the registry lies in this one place
    result = run_pull()
    # Without a list of files the pages alone lead there.
    assert result.mode == "full"
    assert held(store) == published(registry)


def test_a_skip_delta_of_other_bytes_is_refused(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    before = held(store)
    far_ahead(registry)
    registry.tamper["chunks"] = _other_bytes
    with pytest.raises(errors.Mismatch):
        run_pull()
    assert held(store) == before


def test_without_skip_deltas_many_thousands_of_changes_are_no_pages(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    for number in range(5300):
        registry.put(entry("a1", f"Name {number}"))
    result = run_pull()
    assert (result.mode, result.full_because) == ("full", "too many changes for pages")
    assert held(store) == published(registry)


# ---------------------------------------------------------------- withdrawn files


def test_what_an_interrupted_pull_left_is_deleted_when_a_file_is_withdrawn(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    spool = store.folder / "spool"
    first, *rest = [digest for digest, data in registry.chunks().items() if data[:1] != b"{"]
    registry.withdrawn[rest[-1]] = "2026-03-01T00:00:00Z"
    seen: list[int] = []
    registry.tamper["chunks"] = lambda answer: (
        seen.append(len(list(spool.glob("*")))) or answer  # type: ignore[func-returns-value]  # append says None
    )
    with pytest.raises(errors.Refused, match="file_withdrawn"):
        run_pull()
    assert max(seen) > 0
    assert not list(spool.glob("*"))
    registry.withdrawn.clear()
    assert run_pull().mode == "full"
    assert first not in [file.name for file in spool.glob("*")]


def test_the_list_of_files_names_what_to_delete_and_a_purge_clears_all(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    left = store.folder / "spool" / ("ab" * 32)
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"x")
    far_ahead(registry)
    registry.withdrawn["ab" * 32] = "2026-03-01T00:00:00Z"
    registry.tamper["chunks"] = lambda answer: Answer(503, headers={"Retry-After": "9999"})
    with pytest.raises(errors.Unavailable):
        run_pull()
    assert not left.exists()
    left.write_bytes(b"x")
    registry.tamper.clear()
    registry.blocks = []
    registry.remove("b2", "error")
    assert run_pull().purged == ["b2"]
    assert not left.exists()


# ---------------------------------------------------------------- roots and keys


def _new_root(registry: Registry, version: int) -> None:
    """Replace the root; the document that says so is signed by both."""
    old, fresh = registry.roots, [new_key() for _ in range(3)]
    root = {"threshold": 2, "keys": [jwk(key) for key in fresh]}
    registry.keys_claims |= {"version": version, "root": root}
    registry.roots, registry.signers = fresh, [*old[:2], *fresh[:2]]
    registry.former_keys[version] = registry.keys_document()
    registry.signers = fresh[:2]


def test_roots_replaced_while_away_are_followed_document_by_document(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    registry.keys_claims["exp"] = registry.now + 1000  # those between have expired by then
    _new_root(registry, 2)
    _new_root(registry, 3)
    registry.keys_claims |= {"version": 4, "exp": registry.now + 365 * 86400}
    registry.former_keys[4] = registry.keys_document()
    run_pull(now=registry.now + 7 * 3600)
    state = store.state()
    assert state.keys is not None
    assert state.keys.version == 4
    del registry.former_keys[3]
    registry.keys_claims |= {"version": 5}
    registry.roots = registry.signers = [new_key(), new_key()]
    with pytest.raises(errors.Forged):
        run_pull(now=registry.now + 14 * 3600)


def test_a_withdrawn_key_takes_its_list_with_it(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    """Fast-forward: a stolen key signs a version that no honest list would ever reach."""
    stolen = registry.list_key
    honest = registry.version
    registry.version = 2**40
    registry.log += [
        {"seq": n + 1, "op": "remove", "entry_id": "x", "entry": None, "reason": None, "at": None}
        for n in range(3, 9)
    ]
    run_pull()
    registry.version, registry.log = honest + 1, registry.log[:3]
    registry.list_key = new_key()
    old = {"use": "list", "not_before": 0}
    registry.keys_claims["version"] = 2
    registry.keys_claims["keys"] = [
        old | {"kid": kid(stolen), "jwk": jwk(stolen), "not_after": registry.now - 5},
        old | {"kid": kid(registry.list_key), "jwk": jwk(registry.list_key), "not_after": None},
    ]
    registry.tamper["manifest"] = lambda answer: Answer(503, headers={"Retry-After": "9999"})
    later = registry.now + 7 * 3600
    with pytest.raises(errors.Refused):
        run_pull(now=later)
    assert store.state().stale_reason(later) == "key_withdrawn"
    registry.tamper.clear()
    result = run_pull(now=later)
    assert (result.mode, result.version) == ("full", honest + 1)
    assert store.state().stale_reason(later) is None


# ---------------------------------------------------------------- streams


def test_an_agencys_own_stream_is_pinned_to_the_agency(
    tmp_path: Path, registry: Registry, api: Api
) -> None:
    registry.stream = "agency"
    registry.claims = {"agency": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90"}
    config = Config(registry.url, "agency", "client-1", "client_secret_basic")
    initialise(tmp_path / "own", config, registry.anchor(), b"s3cret")
    with Store.open(tmp_path / "own") as store:
        assert pull(store, api, now=registry.now).count == 3
        registry.claims = {"agency": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b91"}
        registry.put(entry("d4"))
        for claims in (registry.claims, {}):
            registry.claims = claims
            with pytest.raises(errors.WrongStream):
                pull(store, api, now=registry.now)
        assert store.count() == 3


# ---------------------------------------------------------------- bundles


def test_a_bundle_is_verified_like_the_registry_itself(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    with Bundle(registry.bundle(tmp_path)) as bundle:
        assert pull(store, bundle, now=registry.now).mode == "full"
    assert held(store) == published(registry)
    registry.remove("a1")
    registry.put(entry("b2", "Another Name"))
    path = registry.bundle(tmp_path)
    with Bundle(path) as bundle:
        result = pull(store, bundle, now=registry.now)
        assert (result.mode, result.put, result.removed) == ("full", 1, 1)
        assert held(store) == published(registry)
        assert pull(store, bundle, now=registry.now).mode == "unchanged"
        with pytest.raises(errors.Expired):
            pull(store, bundle, now=registry.now + 86400)
    assert registry.requests == []


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _pack(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("../evil", b"", errors.Malformed),
        ("bundle.json", b"{}", errors.Malformed),
        ("bundle.json", b'{"format":"other/1","stream":"x"}', errors.Malformed),
        ("manifest.jws", b"x" * 1201, errors.TooLarge),
        ("manifest.jws", b"e30.e30.e30", errors.Malformed),
        ("index.json", b"{}", errors.Refused),
        ("keys/1.json", b"{}", errors.Malformed),
        ("chunks", b"!", errors.Mismatch),
        ("chunks", b"!" * 9999, errors.TooLarge),
    ],
)
def test_a_bad_bundle_is_refused(
    store: Store, registry: Registry, tmp_path: Path, name: str, data: bytes, error: type[Exception]
) -> None:
    members = _members(registry.bundle(tmp_path))
    if name == "chunks":
        name = next(one for one in members if one.startswith("chunks/"))
    members[name] = data
    with pytest.raises(error), Bundle(_pack(tmp_path / "bad.zip", members)) as bundle:
        pull(store, bundle, now=registry.now)
    assert store.count() == 0


def test_a_bundle_has_each_file_once_and_plain(registry: Registry, tmp_path: Path) -> None:
    path = registry.bundle(tmp_path)
    with pytest.raises(errors.Malformed, match="compressed"):
        Bundle(_pack(tmp_path / "packed.zip", _members(path), zipfile.ZIP_DEFLATED))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo("manifest.jws"), b"")
    with pytest.raises(errors.Malformed, match="twice"):
        Bundle(path)
    (tmp_path / "no.zip").write_bytes(b"PK")
    with pytest.raises(errors.NotConfigured):
        Bundle(tmp_path / "no.zip")


# ---------------------------------------------------------------- the wire


def test_a_page_may_come_packed_and_is_bounded_by_what_it_inflates_to(
    store: Store, registry: Registry, run_pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_pull()
    registry.put(entry("d4"))
    packed = {"Content-Encoding": "gzip"}
    registry.tamper["changes"] = lambda answer: Answer(
        body=gzip.compress(answer.body), headers=packed | answer.headers
    )
    assert run_pull().mode == "delta"
    assert held(store) == published(registry)
    registry.put(entry("e5"))
    for damage in (lambda body: body[:-9], lambda body: b"no gzip"):
        registry.tamper["changes"] = lambda answer, damage=damage: Answer(
            body=damage(gzip.compress(answer.body)), headers=packed
        )
        with pytest.raises(errors.Malformed):
            run_pull()
    monkeypatch.setattr("partner_registry_client.api.MAX_CHANGES_BYTES", 50_000)
    registry.tamper["changes"] = lambda answer: Answer(
        body=gzip.compress(b" " * 10_000_000), headers=packed
    )
    with pytest.raises(errors.TooLarge):
        run_pull()


def test_what_happened_to_entries_is_noted_without_names(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    assert list(store.journal(0)) == []
    registry.put(entry("d4"))
    registry.put(entry("a1", "Another Name"))
    registry.remove("b2", "lifted")
    run_pull(now=registry.now + 10)
    registry.remove("c3", "annulled")
    registry.window = len(registry.log)
    run_pull(now=registry.now + 20)
    said = [(noted.entry_id, noted.op, noted.reason) for noted in store.journal(0)]
    assert said == [
        ("d4", "new", None),
        ("a1", "changed", None),
        ("b2", "removed", "lifted"),
        ("c3", "removed", "annulled"),
    ]
    assert [noted.entry_id for noted in store.journal(registry.now + 15)] == ["c3"]


def test_a_wait_is_asked_for_only_at_the_end(registry: Registry, run_pull: Pull) -> None:
    run_pull()
    asked: list[str] = []
    honest = registry.answer

    def answer(method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        asked.append(target)
        return honest(method, target, headers, body)

    registry.answer = answer  # type: ignore[method-assign]  # the registry lies in this one place
    assert run_pull(wait=30).mode == "unchanged"
    assert "wait=30" in asked[-1]
