"""The store's folder: configuration and credential beside the copy, readable by the owner alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from partner_registry_client.api import Api, Published
from partner_registry_client.client import RegistryClient
from partner_registry_client.credentials import Credential, KeyCredential, SecretCredential
from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import Malformed, NotConfigured
from partner_registry_client.store import DATABASE, Store
from partner_registry_client.transport import check_url
from partner_registry_client.trust import Anchor

CONFIG = "config.json"
CREDENTIAL = "credential"
PUBLIC = "public"
SECRET, KEY, NONE = "client_secret_basic", "private_key_jwt", "none"
_STREAM = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@dataclass(frozen=True)
class Config:
    """Which registry, which of its streams, and who is asking."""

    url: str
    stream: str
    client_id: str
    method: str
    also: tuple[str, ...] = ()
    """Streams beside the first, such as the agency's own."""

    @property
    def streams(self) -> tuple[str, ...]:
        return (self.stream, *self.also)


def default_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("REGISTRY_SYNC_HOME") or Path.home() / ".registry-sync")


def initialise(folder: Path, config: Config, anchor: bytes, credential: bytes) -> None:
    """Make a store, or give an existing one a new credential, address or further streams.

    What an existing store trusts is never replaced: that would forget how new its list was.
    """
    check_url(config.url)
    if len(set(config.streams)) != len(config.streams):
        raise NotConfigured("a stream is named twice")
    if not all(_STREAM.fullmatch(stream) for stream in config.streams):
        raise NotConfigured("a stream is inter_agency, public, agency or source.CODE")
    if config.method != NONE:
        read_credential(config, credential)
    elif config.streams != (PUBLIC,):
        raise NotConfigured("only the stream public is published without a token")
    pinned = Anchor.read(anchor)
    if not (folder / DATABASE).exists():
        _make_private(folder)
    for stream in config.streams:
        at = stream_folder(folder, config, stream)
        at.mkdir(mode=0o700, parents=True, exist_ok=True)
        Store.create(at, anchor, stream)  # leaves an existing store as it is
        with Store.open(at, read_only=True) as store:
            state = store.state()
        same = pinned.issuer == state.anchor.issuer and pinned.root.same_as(state.anchor.root)
        if not same or state.stream != stream:
            raise NotConfigured(
                f"{folder} is the store of another registry or stream; name another with --store"
            )
    write_private(folder / CREDENTIAL, credential)
    write_private(folder / CONFIG, json.dumps(asdict(config), indent=2).encode() + b"\n")


def read_config(folder: Path) -> Config:
    try:
        data = (folder / CONFIG).read_bytes()
    except OSError as error:
        raise NotConfigured(f"no store in {folder}; run 'registry-sync init' first") from error
    fields = Fields(read_json(data, CONFIG), CONFIG)
    also = fields.items("also", 200) if "also" in fields.raw else []
    if not all(isinstance(stream, str) and _STREAM.fullmatch(stream) for stream in also):
        raise NotConfigured(f"{folder / CONFIG} names something that is no stream")
    return Config(
        url=fields.text("url"),
        stream=fields.text("stream"),
        client_id=fields.text("client_id"),
        method=fields.text("method"),
        also=tuple(also),
    )


def stream_folder(folder: Path, config: Config, stream: str) -> Path:
    """Where the copy of a stream lies: the first in the folder itself, the others below it."""
    return folder if stream == config.stream else folder / "streams" / stream


@contextmanager
def open_stores(folder: Path) -> Iterator[list[Store]]:
    """The copies of all streams that are followed, to be read."""
    config = read_config(folder)
    with ExitStack() as stack:
        yield [
            stack.enter_context(Store.open(stream_folder(folder, config, stream), read_only=True))
            for stream in config.streams
        ]


def open_api(folder: Path) -> Api | Published:
    """The registry that this store follows, or the place where its public list is published."""
    config = read_config(folder)
    if config.method == NONE:
        return Published(config.url)
    url, credential, issuer = _who(folder)
    return Api(url, credential, issuer=issuer)


def open_client(folder: Path) -> RegistryClient:
    """The same registry with its whole API."""
    url, credential, issuer = _who(folder)
    return RegistryClient(url, credential, issuer=issuer)


def _who(folder: Path) -> tuple[str, Credential, str]:
    config = read_config(folder)
    if config.method == NONE:
        raise NotConfigured("this store follows published files; the registry is not known to it")
    with Store.open(folder, read_only=True) as store:
        issuer = store.state().anchor.issuer
    return config.url, read_credential(config, (folder / CREDENTIAL).read_bytes()), issuer


def read_credential(config: Config, data: bytes) -> Credential:
    if config.method == SECRET:
        try:
            secret = data.decode("ascii").strip()
        except UnicodeDecodeError as error:
            raise NotConfigured("the client secret is not plain ASCII text") from error
        if not secret:
            raise NotConfigured("the client secret is empty")
        return SecretCredential(config.client_id, secret)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NotConfigured("the private key is not an unencrypted PEM file") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NotConfigured("the private key is not of the P-256 curve")
    return KeyCredential(config.client_id, key)


def pick_client(data: bytes, name: str) -> tuple[str, bytes]:
    """Client id and secret of one client of a credentials file."""
    try:
        clients = Fields(read_json(data, "credentials file"), "credentials file").fields("clients")
        if name not in clients.raw:
            raise NotConfigured(f"the credentials file has no client {name!r}")
        client = clients.fields(name)
        return client.text("client_id"), client.text("client_secret").encode()
    except Malformed as error:
        raise NotConfigured(str(error)) from error


def _make_private(folder: Path) -> None:
    if folder.exists():
        if not folder.is_dir() or any(folder.iterdir()):
            raise NotConfigured(f"{folder} exists and is not empty; name another with --store")
        folder.chmod(0o700)
    else:
        folder.mkdir(mode=0o700, parents=True)


def write_private(path: Path, data: bytes) -> None:
    """Replace a file whole, so that a crash leaves the old one or the new one."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
