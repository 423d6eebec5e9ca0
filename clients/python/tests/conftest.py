"""Fixtures: a registry that serves on this host, and a client folder that trusts it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partner_registry_client import (
    Api,
    Config,
    PullResult,
    SecretCredential,
    Store,
    initialise,
    pull,
)
from partner_registry_client.cli import main
from partner_registry_client.conformance.content import STREAM
from partner_registry_client.conformance.double import ISSUER, Registry, entry
from partner_registry_client.conformance.serving import serving

Pull = Callable[..., PullResult]
Run = Callable[..., int]


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Three entries over four buckets."""
    made = Registry()
    for entry_id, name in (
        ("a1", "Amani Relief Trust"),
        ("b2", "Umoja Health Network"),
        ("c3", "Sahel Water Works"),
    ):
        made.put(entry(entry_id, name))
    with serving(made):
        yield made


@pytest.fixture
def home(tmp_path: Path, registry: Registry) -> Path:
    folder = tmp_path / "home"
    config = Config(registry.url, STREAM, "client-1", "client_secret_basic")
    initialise(folder, config, registry.anchor(), b"s3cret")
    return folder


@pytest.fixture
def run(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in a folder with the anchor, a secret and a credentials file at hand."""
    monkeypatch.setenv("REGISTRY_SYNC_HOME", str(tmp_path / "copy"))
    monkeypatch.chdir(tmp_path)
    Path("anchor.json").write_bytes(registry.anchor())
    Path("secret").write_text("s3/cr:et\n")
    clients = {"UNICEF": {"client_id": "unicef", "client_secret": "s3/cr:et"}}
    Path("credentials.json").write_text(json.dumps({"token_url": "x", "clients": clients}))
    return lambda *arguments: main([str(argument) for argument in arguments])


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home) as opened:
        yield opened


@pytest.fixture
def api(registry: Registry) -> Iterator[Api]:
    credential = SecretCredential("client-1", "s3cret")
    with Api(registry.url, credential, issuer=ISSUER, sleep=lambda seconds: None) as opened:
        yield opened


@pytest.fixture
def run_pull(store: Store, api: Api, registry: Registry) -> Pull:
    """Pull at the registry's time unless told otherwise."""

    def run(now: float | None = None, **options: bool) -> PullResult:
        return pull(store, api, now=registry.now if now is None else now, **options)

    return run
