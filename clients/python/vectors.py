"""Write `openapi/feed-vectors`: what a client of the feed in any language can be tested against.

    .venv/bin/python clients/python/vectors.py [--check]

The keys are made of small numbers and worth nothing. `checks.json` says of each file what a client
must make of it, at which time.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from partner_registry_client.conformance.double import Registry, entry
from partner_registry_client.conformance.signing import jcs, jwk
from partner_registry_client.encoding import canonical

TARGET = Path(__file__).parents[2] / "openapi" / "feed-vectors"
NOW = 1781078400  # 2026-06-10T08:00:00Z
FIRST = "5b1d6a52-4c1e-4f0a-9a3e-6f2f1d0c7b11"
SECOND = "c2be700c-43f5-5d08-ac4b-6e78d94f9dd0"
THIRD = "9a3e6f2f-1d0c-4b11-8b1d-6a524c1e4f0a"
ANSWER = b'{"clearance_id":"0195d3c0-0000-7000-8000-000000000001","outcome":"REFER"}'
JCS: tuple[Any, ...] = (
    {},
    [],
    {"b": 1, "a": [True, False, None], "A": {"z": "", "y": -0}},
    {"€": 1, "\r": 2, "ד": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7},
    {"text": '\u0000\b\t\n\f\r"\\/\u001f\u007f\u2028\u2029'},
    {"name": "Étoile du Néant", "native": "Благо ኢትዮጵያ 中文 😀", "composed": "e\u0301"},
    {"least": -9007199254740991, "most": 9007199254740991, "zero": 0},
    {"at": "2026-06-10T08:00:00Z", "empty": {"list": [], "object": {}}},
)


def key_of(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


def registry() -> Registry:
    """Two entries in two buckets, one of them without anything."""
    made = Registry(bucket_bits=2)
    made.roots = [key_of(number) for number in (11, 12, 13)]
    made.signers = made.roots[:2]
    made.list_key, made.receipt_key = key_of(21), key_of(31)
    made.listed_keys = {"list": [made.list_key], "receipt": [made.receipt_key]}
    made.now = NOW
    made.put(entry(FIRST, "Amani Relief Trust", names=_names("Amani Relief Trust", "ART")))
    made.put(entry(SECOND, "Étoile du Néant", countries=["MLI"], imposing_agency=None))
    return made


def _names(primary: str, weak: str) -> list[dict[str, str]]:
    return [{"name": primary, "type": "primary"}, {"name": weak, "type": "weak_alias"}]


def _bent(made: Registry, **other: Any) -> bytes:
    """A manifest with other claims, signed by the genuine key."""
    made.claims = other
    token = made.manifest().encode()
    made.claims = {}
    return token


def _keys(made: Registry, signers: list[ec.EllipticCurvePrivateKey], **claims: Any) -> bytes:
    kept = made.signers
    made.signers, made.keys_claims = signers, claims
    document = made.keys_document()
    made.signers, made.keys_claims = kept, {}
    return document


class Vectors:
    """The files, and what is to be made of each."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.checks: list[dict[str, Any]] = []

    def add(self, name: str, content: bytes, check: str, why: str = "", **more: Any) -> None:
        self.files[name] = content
        said = {"file": name, "check": check, "now": NOW, "accept": not why}
        self.checks.append(said | ({"why": why} if why else {}) | more)


def made() -> dict[str, bytes]:
    """Every file by its name."""
    vectors, source = Vectors(), registry()
    vectors.files["anchor.json"] = source.anchor()
    _add_keys(vectors, source)
    _add_lists(vectors, source)
    _add_receipts(vectors, source)
    vectors.files["jcs.json"] = _pretty(
        [{"value": value, "utf8": canonical(value).decode()} for value in JCS]
    )
    vectors.files["buckets.json"] = _pretty([_bucket(one) for one in (FIRST, SECOND, THIRD, "é")])
    vectors.files["checks.json"] = _pretty(vectors.checks)
    return vectors.files


def _add_keys(vectors: Vectors, source: Registry) -> None:
    roots = source.roots
    vectors.add("keys.json", source.keys_document(), "keys")
    one = _keys(source, roots[:1])
    vectors.add("bad/keys-one-signature.json", one, "keys", "one of two root signatures")
    twice = _keys(source, [roots[0], roots[0]])
    vectors.add("bad/keys-same-key-twice.json", twice, "keys", "two signatures of one key")
    expired = _keys(source, roots[:2], exp=NOW - 1)
    vectors.add("bad/keys-expired.json", expired, "keys", "expired")
    root = {"threshold": 1, "keys": [jwk(key) for key in roots]}
    lowered = _keys(source, roots[:2], root=root)
    vectors.add("bad/keys-threshold-one.json", lowered, "keys", "a threshold of one")


def _add_lists(vectors: Vectors, source: Registry) -> None:
    first = source.manifest().encode()
    vectors.add("manifest.jws", first, "manifest")
    *chunks, index = source.chunks().items()
    vectors.add("index.json", index[1], "index", manifest="manifest.jws")
    for digest, data in chunks:
        vectors.add(f"chunks/{digest}", data, "chunk", index="index.json")
    header, payload, signature = first.decode().split(".")
    forged = f"{header}.{payload[:-1]}{'A' if payload[-1] != 'A' else 'Q'}.{signature}".encode()
    vectors.add("bad/manifest-forged.jws", forged, "manifest", "another payload")
    for name, why, claims in (
        ("expired", "expired", {"exp": NOW - 1}),
        ("future", "signed in the future", {"iat": NOW + 3600}),
        ("issuer", "another issuer", {"iss": "https://other.test"}),
        ("stream", "another stream", {"stream": "public"}),
        ("long", "more than 1,200 bytes", {"padding": "x" * 600}),
    ):
        bent = _bent(source, **claims)
        vectors.add(f"bad/manifest-{name}.jws", bent, "manifest", why)
    source.header = {"alg": "none"}
    vectors.add("bad/manifest-alg-none.jws", source.manifest().encode(), "manifest", "alg none")
    source.header = {}
    source.remove(FIRST, "annulled")
    source.put(entry(THIRD, "Umoja Health Network"))
    page = source._changes({"after": "2", "limit": "200"}, None).body
    vectors.add("changes.json", page, "changes", after=2, from_manifest="manifest.jws")
    lost = json.loads(page)
    del lost["changes"][0]
    vectors.add("bad/changes-gap.json", jcs(lost), "changes", "a number is missing", after=2)
    vectors.add("later-manifest.jws", source.manifest().encode(), "manifest", held="manifest.jws")
    vectors.add(
        "manifest.jws", first, "manifest", "older than what is held", held="later-manifest.jws"
    )
    source.blocks = [(0, 4)]
    vectors.files["files.json"] = source.files()
    for item, data in source.deltas():
        vectors.add(f"chunks/{item['sha256']}", data, "delta", files="files.json")


def _add_receipts(vectors: Vectors, source: Registry) -> None:
    vectors.files["answer.json"] = ANSWER
    vectors.add("receipt.jws", source.receipt(ANSWER).encode(), "receipt", answer="answer.json")
    other = source.receipt(ANSWER + b"\n").encode()
    vectors.add(
        "bad/receipt-other-answer.jws", other, "receipt", "of another answer", answer="answer.json"
    )
    source.receipt_key = source.list_key
    wrong = source.receipt(ANSWER).encode()
    vectors.add(
        "bad/receipt-list-key.jws", wrong, "receipt", "signed by a list key", answer="answer.json"
    )


def _bucket(entry_id: str) -> dict[str, Any]:
    digest = hashlib.sha256(entry_id.encode()).digest()
    first = int.from_bytes(digest[:4], "big")
    buckets = {str(bits): first >> (32 - bits) for bits in (0, 1, 2, 3, 8)}
    return {"entry_id": entry_id, "sha256": digest.hex(), "buckets": buckets}


def _pretty(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _same(path: Path, content: bytes) -> bool:
    """The same bytes, or a gzip file of the same content: compressors differ."""
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        return False
    if held == content or content[:2] != b"\x1f\x8b":
        return held == content
    return gzip.decompress(held) == gzip.decompress(content)


def main(arguments: list[str]) -> int:
    files = made()
    here = {path.relative_to(TARGET).as_posix() for path in TARGET.rglob("*") if path.is_file()}
    other = [name for name, content in files.items() if not _same(TARGET / name, content)]
    stray = sorted(here - files.keys())
    if "--check" in arguments:
        for name in (*other, *stray):
            sys.stderr.write(f"feed-vectors/{name} is not what vectors.py writes\n")
        return 1 if other or stray else 0
    for name in stray:
        (TARGET / name).unlink()
    for name in other:
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        (TARGET / name).write_bytes(files[name])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
