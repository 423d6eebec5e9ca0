"""A pull ends at exactly the signed set, by the shortest way that gets there."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partner_registry_client import (
    Api,
    Bundle,
    Config,
    PullResult,
    SecretCredential,
    Store,
    errors,
    initialise,
    pull,
)
from partner_registry_client.conformance.content import STREAM
from partner_registry_client.conformance.double import ISSUER, Answer, Registry, entry
from partner_registry_client.conformance.serving import serving
from partner_registry_client.conformance.signing import jcs
from partner_registry_client.errors import StoreBusy

Pull = Callable[..., PullResult]


def held(store: Store) -> set[bytes]:
    return set(store.entries())


def published(registry: Registry) -> set[bytes]:
    return {jcs(item) for item in registry.entries.values()}


def test_first_pull_takes_the_full_set(store: Store, registry: Registry, run_pull: Pull) -> None:
    result = run_pull()
    assert (result.mode, result.count, result.seq) == ("full", 3, 3)
    assert held(store) == published(registry)
    assert not list(store.folder.glob("spool/*"))


def test_nothing_new_is_one_request_without_a_body(registry: Registry, run_pull: Pull) -> None:
    run_pull()
    registry.requests.clear()
    assert run_pull().mode == "unchanged"
    assert registry.requests == ["changes"]


def test_a_newer_signature_of_the_same_list_is_kept(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    registry.now += 3600
    assert run_pull().mode == "unchanged"
    held_now = store.state().held
    assert held_now is not None
    assert held_now.manifest.iat == registry.now


def test_a_copy_growing_old_asks_for_a_new_signature_not_for_a_304(
    registry: Registry, run_pull: Pull
) -> None:
    registry.claims = {"max_staleness_s": 100}
    run_pull()
    registry.requests.clear()
    seen: list[int] = []
    registry.tamper["changes"] = lambda answer: (seen.append(answer.status), answer)[1]
    run_pull(now=registry.now + 50)
    assert seen == [200]


def test_one_change_is_one_request(store: Store, registry: Registry, run_pull: Pull) -> None:
    run_pull()
    registry.put(entry("d4", "Nyota Foundation"))
    registry.requests.clear()
    result = run_pull()
    assert (result.mode, result.put, result.removed) == ("delta", 1, 0)
    assert registry.requests == ["changes"]
    assert held(store) == published(registry)


def test_many_changes_come_in_pages(store: Store, registry: Registry, run_pull: Pull) -> None:
    run_pull()
    registry.page = 2
    for number in range(5):
        registry.put(entry(f"n{number}"))
    registry.remove("a1")
    assert run_pull().mode == "delta"
    assert held(store) == published(registry)


def test_entries_annulled_or_listed_in_error_are_named_for_purging(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    registry.remove("a1", "annulled")
    registry.remove("b2", "delisted")
    result = run_pull()
    assert (result.removed, result.purged) == (2, ["a1"])
    for file in store.folder.iterdir():  # nothing of it is left on the disk either
        assert b"Amani Relief" not in file.read_bytes()


def test_behind_the_window_takes_the_full_set_and_only_chunks_that_differ(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    registry.put(entry("a1", "Amani Relief Trust (Kenya)"))
    registry.window = len(registry.log)
    registry.requests.clear()
    result = run_pull()
    assert (result.mode, result.full_because) == ("full", "full_sync_required")
    assert registry.requests == ["changes", "manifest", "chunks", "chunks"]  # index, one chunk
    assert held(store) == published(registry)


def _drop_a_change(body: dict) -> None:
    del body["changes"][0]


def _alter_an_entry(body: dict) -> None:
    body["changes"][0]["entry"]["names"][0]["name"] = "Somebody Else"


def _say_it_ends(body: dict) -> None:
    body["changes"].pop()
    body["more"] = False


def _unknown_operation(body: dict) -> None:
    body["changes"][0]["op"] = "merge"


def _other_entry_id(body: dict) -> None:
    body["changes"][0]["entry_id"] = "zz"


def _more_of_nothing(body: dict) -> None:
    body["changes"] = []
    body["more"] = True


@pytest.mark.parametrize(
    "bend",
    [
        _drop_a_change,
        _alter_an_entry,
        _say_it_ends,
        _unknown_operation,
        _other_entry_id,
        _more_of_nothing,
    ],
)
def test_a_wrong_delta_falls_back_to_the_full_set(
    store: Store, registry: Registry, run_pull: Pull, bend: Callable[[dict], None]
) -> None:
    run_pull()
    registry.put(entry("d4", "Nyota Foundation"))
    registry.put(entry("e5", "Baraka Clinic"))

    def tamper(answer: Answer) -> Answer:
        body = json.loads(answer.body)
        bend(body)
        return replace(answer, body=json.dumps(body).encode())

    registry.tamper["changes"] = tamper
    assert run_pull().mode == "full"
    assert held(store) == published(registry)


def test_a_copy_that_was_altered_on_disk_heals(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    run_pull()
    with closing(sqlite3.connect(store.folder / "store.sqlite3")) as vandal, vandal:
        vandal.execute("DELETE FROM entries WHERE entry_id = 'a1'")
    registry.now += 1
    assert run_pull().mode == "full"
    assert held(store) == published(registry)


def test_an_interrupted_download_goes_on_where_it_stopped(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    served = 0

    def third_fails(answer: Answer) -> Answer:
        nonlocal served
        served += 1
        return answer if served < 3 else Answer(status=500)

    registry.tamper["chunks"] = third_fails
    with pytest.raises(Exception, match="500"):
        run_pull()
    assert store.state().held is None
    assert held(store) == set()
    files = len(registry.chunks())
    del registry.tamper["chunks"]
    registry.requests.clear()
    assert run_pull().mode == "full"
    assert registry.requests.count("chunks") == files - 1
    assert held(store) == published(registry)


_KILLED = """
import os, signal, sys
from pathlib import Path
from partner_registry_client import Store, open_api, pull
from partner_registry_client import store as module

moment = sys.argv[2]
seal = module.Swap.seal

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

def seal_and_die(self, *args):
    seal(self, *args)
    die()

if moment == "before the swap":
    module.Store.swap = die
else:
    module.Swap.seal = seal_and_die
home = Path(sys.argv[1])
with open_api(home) as api, Store.open(home) as store:
    pull(store, api)
"""


@pytest.mark.parametrize("moment", ["before the swap", "inside the swap"])
@pytest.mark.parametrize("way", ["delta", "full"])
def test_a_pull_that_is_killed_leaves_the_old_set(
    store: Store, registry: Registry, run_pull: Pull, moment: str, way: str
) -> None:
    run_pull()
    before = held(store)
    registry.put(entry("d4", "Nyota Foundation"))
    registry.window = len(registry.log) if way == "full" else 0
    arguments = [sys.executable, "-c", _KILLED, str(store.folder), moment]
    died = subprocess.run(arguments, env=os.environ, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    with Store.open(store.folder, read_only=True) as reader:
        assert held(reader) == before
        assert reader.state().held == store.state().held
    assert run_pull().mode == way
    assert held(store) == published(registry)


def test_two_pulls_at_once_do_not_mix(
    store: Store, registry: Registry, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partner_registry_client.sqlite_file.LOCK_WAIT_S", 0.05)
    with store.exclusive(), pytest.raises(StoreBusy), Store.open(store.folder) as second:
        pull(second, api, now=registry.now)


_ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _ids, st.text(st.characters(exclude_categories=["Cs"]))),
        st.tuples(st.just("remove"), st.integers(0, 50), st.just("")),
        st.tuples(st.just("pull"), st.just(0), st.just("")),
        st.tuples(st.just("forget"), st.just(0), st.just("")),
        st.tuples(st.just("bits"), st.integers(0, 4), st.just("")),
        st.tuples(st.just("lose"), st.integers(0, 6), st.just("")),
        st.tuples(st.just("annul"), st.integers(0, 50), st.just("")),
        st.tuples(st.just("block"), st.just(0), st.just("")),
        st.tuples(st.just("carry"), st.just(0), st.just("")),
    ),
    max_size=25,
)


class _Lossy(Registry):
    """Loses its connection after so many answers."""

    left = -1

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        honest = super().answer(method, target, headers, body)
        if self.left > 0:
            self.left -= 1
        return honest if self.left else Answer(status=500)


class _History:
    """A registry, a copy, and what happens to them."""

    def __init__(self, registry: _Lossy, store: Store, api: Api, folder: Path) -> None:
        self.registry, self.store, self.api, self.folder = registry, store, api, folder

    def take(self, step: str, argument: object, name: str) -> None:
        registry = self.registry
        ids = sorted(registry.entries)
        if step == "put":
            registry.put(entry(str(argument), name))
        elif step in ("remove", "annul") and ids:
            reason = "annulled" if step == "annul" else "lifted"
            registry.remove(ids[int(str(argument)) % len(ids)], reason)
        elif step == "forget":
            registry.window = len(registry.log)
        elif step == "block":
            start = registry.blocks[-1][1] if registry.blocks else 0
            registry.blocks.append((start, len(registry.log)))
        elif step == "bits":
            registry.bucket_bits = int(str(argument))
            registry.version += 1  # another digest is another version
        elif step == "lose":
            before = held(self.store)
            registry.left = int(str(argument))
            try:
                pull(self.store, self.api, now=registry.now)
            except errors.Unavailable:
                assert held(self.store) == before
            registry.left = -1
        elif step in ("pull", "carry"):
            self._pull(step)

    def _pull(self, step: str) -> None:
        registry = self.registry
        if step == "carry":
            with Bundle(registry.bundle(self.folder)) as bundle:
                pull(self.store, bundle, now=registry.now)
        else:
            pull(self.store, self.api, now=registry.now)
        assert held(self.store) == published(registry)
        state = self.store.state().held
        assert state is not None
        assert self.store.count() == len(registry.entries)
        assert state.manifest.set_sha256 == registry.set_sha256()


@settings(max_examples=25, deadline=None)
@given(steps=_steps)
def test_after_any_history_the_store_holds_exactly_the_servers_set(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object, str]]
) -> None:
    registry = _Lossy(bucket_bits=1)
    folder: Path = tmp_path_factory.mktemp("history")
    credential = SecretCredential("client-1", "s3cret")
    with pytest.MonkeyPatch.context() as patch, serving(registry):
        patch.setattr("partner_registry_client.sync.FAR_BEHIND", 3)
        config = Config(registry.url, STREAM, "client-1", "client_secret_basic")
        initialise(folder / "home", config, registry.anchor(), b"s3cret")
        api = Api(registry.url, credential, issuer=ISSUER)
        with api, Store.open(folder / "home") as store:
            history = _History(registry, store, api, folder)
            for step in [*steps, ("pull", 0, "")]:
                history.take(*step)


_PULLING = """
import sys
from pathlib import Path
from partner_registry_client import Store, open_api, pull

home = Path(sys.argv[1])
with open_api(home) as api, Store.open(home) as store:
    print("ready", flush=True)
    while True:
        pull(store, api)
"""


@pytest.mark.drill
def test_pulls_that_are_killed_at_any_moment_leave_a_signed_set(
    store: Store, registry: Registry, run_pull: Pull
) -> None:
    chance = random.Random(9)
    sets = [held(store), published(registry)]
    for _ in range(25):
        arguments = [sys.executable, "-c", _PULLING, str(store.folder)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            for _ in range(chance.randrange(1, 20)):
                registry.put(entry(f"n{chance.randrange(200)}", f"Name {chance.random()}"))
                sets.append(published(registry))
                if chance.random() < 0.1:
                    registry.window = len(registry.log)
                time.sleep(chance.random() / 50)
            process.kill()
        assert held(store) in sets
    run_pull(now=time.time())
    assert held(store) == published(registry)
