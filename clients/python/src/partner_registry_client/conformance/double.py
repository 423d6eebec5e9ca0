"""A small registry to test against, written from the protocol and sharing no code with the client.

Its answers are honest until somebody says otherwise: `claims`, `header`, `keys_claims` and
`signers` bend what is signed, `tamper` bends the bytes on their way out.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from partner_registry_client.conformance.content import Content
from partner_registry_client.conformance.signing import (
    b64,
    compact,
    jcs,
    jwk,
    kid,
    new_key,
    raw_signature,
)

ISSUER = "https://registry.test"
EMPTY = hashlib.sha256(b"").hexdigest()
POURED = 64 * 1024 * 1024
"""How much of an endless answer there is: who takes it all has no bound."""


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


class Registry(Content):
    def __init__(self, bucket_bits: int = 2) -> None:
        super().__init__(bucket_bits)
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
        self.former_keys: dict[int, bytes] = {}
        self.poured = 0
        self.page = 200
        self.url = ""

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

    def file(self, sha256: str) -> Answer:
        if sha256 in self.withdrawn:
            return self._problem(410, "file_withdrawn")
        every = self.chunks() | {item["sha256"]: data for item, data in self.deltas()}
        data = every.get(sha256)
        return Answer(body=data) if data else self._problem(404, "file_not_found")

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
