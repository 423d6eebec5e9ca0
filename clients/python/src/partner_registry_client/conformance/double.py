"""A small registry to test against, written from the protocol and sharing no code with the client.

Its answers are honest until somebody says otherwise: `claims`, `header`, `keys_claims` and
`signers` bend what is signed, `tamper` bends the bytes on their way out.
"""

import base64
import gzip
import hashlib
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://registry.test"
STREAM = "inter_agency"
EMPTY = hashlib.sha256(b"").hexdigest()
POURED = 64 * 1024 * 1024
"""How much of an endless answer there is: who takes it all has no bound."""

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jcs(value: Any) -> bytes:
    """RFC 8785 for what the tests use: ASCII member names, whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def jwk(key: Key) -> dict[str, str]:
    point = key.public_key().public_numbers()
    x, y = b64(point.x.to_bytes(32, "big")), b64(point.y.to_bytes(32, "big"))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def kid(key: Key) -> str:
    return b64(hashlib.sha256(jcs(jwk(key))).digest())


def raw_signature(key: Key, data: bytes) -> bytes:
    # Deterministic (RFC 6979), so that the test vectors can be written again.
    how = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(key.sign(data, how))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def compact(key: Key, typ: str, claims: dict[str, Any], /, **header: Any) -> str:
    head = {"alg": "ES256", "kid": kid(key), "typ": typ} | header
    signed = f"{b64(jcs(head))}.{b64(jcs(claims))}"
    return f"{signed}.{b64(raw_signature(key, signed.encode()))}"


def entry(entry_id: str, name: str = "Amani Relief Trust", **more: Any) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "kind": "organisation",
        "names": [{"name": name, "type": "primary"}],
        "countries": ["KEN"],
        "birth_dates": [],
        "identifiers": [],
        "source": "agency",
        "reference": f"REF-{entry_id}",
        "imposing_agency": "UNDP",
        "measure": "DEBARMENT_FIXED",
        "blocking": True,
        "effective_from": "2026-01-01",
        "effective_to": None,
        "status": "ACTIVE",
    } | more


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    endless: bool = False


class Registry:
    def __init__(self, bucket_bits: int = 2) -> None:
        self.roots = [new_key() for _ in range(3)]
        self.signers = self.roots[:2]
        self.list_key, self.receipt_key = new_key(), new_key()
        self.listed_keys = {"list": [self.list_key], "receipt": [self.receipt_key]}
        self.keys_claims: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.tamper: dict[str, Callable[[Answer], Answer]] = {}
        self.requests: list[str] = []
        self.tokens: list[tuple[dict[str, str], str]] = []
        self.bucket_bits = bucket_bits
        self.entries: dict[str, dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []
        self.attachments: dict[str, bytes] = {}
        self.window = 0  # changes up to this number are gone
        self.blocks: list[tuple[int, int]] = []  # of the skip deltas
        self.withdrawn: dict[str, str] = {}  # digest and when
        self.former_keys: dict[int, bytes] = {}
        self.stream = STREAM
        self.poured = 0
        self.page = 200
        self.version = 1
        self.now = int(time.time())
        self.url = ""

    # ------------------------------------------------------------ content

    def put(self, item: dict[str, Any]) -> None:
        self.entries[item["entry_id"]] = item
        self._log("put", item["entry_id"], item, None)

    def remove(self, entry_id: str, reason: str = "lifted") -> None:
        del self.entries[entry_id]
        self._log("remove", entry_id, None, reason)

    def _log(self, op: str, entry_id: str, item: dict[str, Any] | None, reason: Any) -> None:
        self.version += 1
        self.log.append(
            {
                "seq": len(self.log) + 1,
                "op": op,
                "entry_id": entry_id,
                "entry": item,
                "reason": reason,
                "at": "2026-03-01T00:00:00Z",
            }
        )

    def contents(self) -> list[bytes]:
        """The raw content of every bucket."""
        buckets: list[list[bytes]] = [[] for _ in range(2**self.bucket_bits)]
        for entry_id in sorted(self.entries, key=str.encode):
            digest = hashlib.sha256(entry_id.encode()).digest()
            at = int.from_bytes(digest, "big") >> (256 - self.bucket_bits)
            buckets[at].append(jcs(self.entries[entry_id]) + b"\n")
        return [b"".join(lines) for lines in buckets]

    def set_sha256(self) -> str:
        return hashlib.sha256(
            b"".join(hashlib.sha256(raw).digest() for raw in self.contents())
        ).hexdigest()

    # ------------------------------------------------------------ documents

    def anchor(self) -> bytes:
        root = {"threshold": 2, "keys": [jwk(key) for key in self.roots]}
        return json.dumps({"issuer": ISSUER, "version": 1, **root}).encode()

    def keys_document(self) -> bytes:
        claims = {
            "iss": ISSUER,
            "version": 1,
            "iat": self.now - 100,
            "exp": self.now + 365 * 86400,
            "root": {"threshold": 2, "keys": [jwk(key) for key in self.roots]},
            "keys": [
                {
                    "use": use,
                    "kid": kid(key),
                    "jwk": jwk(key),
                    "not_before": self.now - 90 * 86400,
                    "not_after": None,
                }
                for use, keys in self.listed_keys.items()
                for key in keys
            ],
        } | self.keys_claims
        payload = b64(jcs(claims))
        signatures = []
        for key in self.signers:
            head = b64(jcs({"alg": "ES256", "kid": kid(key), "typ": "registry-keys+jwt"}))
            signature = b64(raw_signature(key, f"{head}.{payload}".encode()))
            signatures.append({"protected": head, "signature": signature})
        return json.dumps({"payload": payload, "signatures": signatures}).encode()

    def chunks(self) -> dict[str, bytes]:
        """Every content-addressed file of the current set; the index is the last one."""
        items, files = [], {}
        for bucket, raw in enumerate(self.contents()):
            item: dict[str, Any] = {"bucket": bucket, "sha256": None, "bytes": 0}
            item |= {"raw_sha256": hashlib.sha256(raw).hexdigest(), "raw_bytes": len(raw)}
            item["count"] = raw.count(b"\n")
            if raw:
                about, packed = _packed(raw)
                item |= about
                files[item["sha256"]] = packed
            items.append(item)
        document: dict[str, Any] = {"stream": self.stream, "version": self.version}
        document["chunks"] = items
        for name, raw in sorted(self.attachments.items()):
            item, packed = _packed(raw)
            files[item["sha256"]] = packed
            document.setdefault("attachments", []).append({"name": name} | item)
        index = jcs(document)
        files[hashlib.sha256(index).hexdigest()] = index
        return files

    def deltas(self) -> list[tuple[dict[str, Any], bytes]]:
        """What the list of files says of each skip delta, and its bytes."""
        found = []
        for start, end in self.blocks:
            last = {change["entry_id"]: change for change in self.log[start:end]}
            lines = sorted(last.values(), key=lambda change: int(change["seq"]))
            item, packed = _packed(b"".join(jcs(line) + b"\n" for line in lines))
            found.append(({"from": start, "to": end, "count": len(lines)} | item, packed))
        return found

    def file(self, sha256: str) -> Answer:
        if sha256 in self.withdrawn:
            return self._problem(410, "file_withdrawn")
        every = self.chunks() | {item["sha256"]: data for item, data in self.deltas()}
        data = every.get(sha256)
        return Answer(body=data) if data else self._problem(404, "file_not_found")

    def files(self) -> bytes:
        return jcs(
            {
                "stream": self.stream,
                "version": self.version,
                "seq_to": len(self.log),
                "changes_from": self.window,
                "deltas": [item for item, _ in self.deltas()],
                "withdrawn": [{"sha256": one, "at": self.now} for one in self.withdrawn],
            }
        )

    def bundle(self, folder: Path) -> Path:
        """The stream in one file, as `registry feed bundle` writes it."""
        path = folder / "feed.zip"
        *chunks, index = self.chunks().items()
        about: dict[str, Any] = {"format": "partner-registry-feed-bundle/1", "issuer": ISSUER}
        about |= {"stream": self.stream, "version": self.version}
        about |= {"seq_to": len(self.log), "count": len(self.entries)}
        members = {"bundle.json": jcs(about)}
        former = {**self.former_keys, max(self.former_keys, default=0) + 1: self.keys_document()}
        members |= {f"keys/{version}.json": document for version, document in former.items()}
        members |= {"manifest.jws": self.manifest().encode(), "index.json": index[1]}
        members |= {f"chunks/{digest}": data for digest, data in chunks}
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name), data)
        return path

    def manifest(self) -> str:
        index_sha256, index = list(self.chunks().items())[-1]
        claims = {
            "iss": ISSUER,
            "stream": self.stream,
            "version": self.version,
            "seq_to": len(self.log),
            "count": len(self.entries),
            "bucket_bits": self.bucket_bits,
            "set_sha256": self.set_sha256(),
            "prev_set_sha256": None,
            "index": {"sha256": index_sha256, "bytes": len(index)},
            "iat": self.now,
            "exp": self.now + 86400,
            "next_transition_at": None,
            "max_staleness_s": 7 * 86400,
            "min_wait_s": 5,
            "log": None,
        } | self.claims
        return compact(self.list_key, "debarred-manifest+jwt", claims, **self.header)

    def receipt(self, answer: bytes, **more: Any) -> str:
        claims = {
            "iss": ISSUER,
            "sub": None,
            "aud": "WFP",
            "iat": self.now,
            "exp": self.now + 86400,
            "jti": "0195d3c0-0000-7000-8000-000000000001",
            "outcome": "REFER",
            "reasons": ["IDENTITY_UNKNOWN"],
            "answer_sha256": hashlib.sha256(answer).hexdigest(),
            "list": {"version": 3},
            "policies": [],
            "request_sha256": EMPTY,
        } | more
        return compact(self.receipt_key, "clearance+jwt", claims)

    # ------------------------------------------------------------ HTTP

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        name = parts.path.removeprefix("/v1/feeds/sanctions/").split("/")[0].strip("/")
        if parts.path == "/oauth/token":
            name = "token"
            self.tokens.append((headers, body))
            grant = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300}
            honest = Answer(body=json.dumps(grant).encode())
        elif parts.path in ("/keys.json", "/public/manifest.jws"):  # published: no token
            keys = parts.path == "/keys.json"
            honest = Answer(body=self.keys_document() if keys else self.manifest().encode())
        elif parts.path.startswith("/chunks/"):
            honest = self.file(parts.path.rsplit("/", 1)[1])
        elif headers.get("authorization") != "Bearer t0ken":
            honest = self._problem(401, "invalid_token")
        elif name == "chunks":
            honest = self.file(parts.path.rsplit("/", 1)[1])
        else:
            answers: dict[str, Callable[[], Answer]] = {
                "keys": lambda: self._keys(query.get("version")),
                "files": lambda: Answer(body=self.files()),
                "manifest": self._manifest_answer,
                "changes": lambda: self._changes(query, headers.get("if-none-match")),
            }
            honest = answers[name]()
        self.requests.append(name)
        return self.tamper[name](honest) if name in self.tamper else honest

    def _keys(self, version: str | None) -> Answer:
        if version is None:
            return Answer(body=self.keys_document())
        document = self.former_keys.get(int(version))
        return Answer(body=document) if document else self._problem(404, "keys_version_unknown")

    def _etag(self) -> str:
        return f'"{self.version}-{self.now}"'

    def _manifest_answer(self) -> Answer:
        return Answer(body=self.manifest().encode(), headers={"ETag": self._etag()})

    def _changes(self, query: dict[str, str], known: str | None) -> Answer:
        after = int(query["after"])
        if after < self.window:
            return self._problem(410, "full_sync_required")
        if after > len(self.log):
            return self._problem(409, "cursor_ahead")
        if after == len(self.log) and known == self._etag():
            return Answer(status=304)
        page = self.log[after : after + min(self.page, int(query["limit"]))]
        body = {
            "stream": self.stream,
            "from": after,
            "to": after + len(page),
            "changes": page,
            "more": after + len(page) < len(self.log),
            "manifest": self.manifest(),
        }
        return Answer(body=jcs(body), headers={"ETag": self._etag()})

    @staticmethod
    def _problem(status: int, code: str) -> Answer:
        body = {"type": "urn:x", "title": "No", "status": status, "code": code, "errors": []}
        return Answer(status, json.dumps(body).encode())


def _packed(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """What is said of a gzip file, and the file."""
    packed = gzip.compress(raw, mtime=0)
    item = {"sha256": hashlib.sha256(packed).hexdigest(), "bytes": len(packed)}
    item |= {"raw_sha256": hashlib.sha256(raw).hexdigest(), "raw_bytes": len(raw)}
    return item, packed


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """The registry on a real port of this host."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body go out in two writes

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = registry.answer(self.command, self.path, headers, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.endless:
                self.send_header("Connection", "close")
                self.end_headers()
                self._pour(answer.body)
                return
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names that http.server looks for

        def _pour(self, piece: bytes) -> None:
            self.close_connection = True
            try:
                while registry.poured < POURED:
                    self.wfile.write(piece)
                    registry.poured += len(piece)
            except OSError:
                pass  # the client has hung up, as it should

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who hangs up in the middle is right to, here

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    registry.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
