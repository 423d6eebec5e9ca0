"""The cases: how the registry is bent, and what a client must make of it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from partner_registry_client.conformance.bends import (
    ended_key,
    other_payload,
    receipt_key,
    unknown_key,
)
from partner_registry_client.conformance.double import Answer, Registry, entry
from partner_registry_client.conformance.signing import jcs, jwk, new_key

Bend = Callable[[Registry], None]
_FAR = 4_000_000_000


@dataclass(frozen=True)
class Case:
    """One attack, or one awkward but honest answer.

    `held`: the client has pulled once before. `later_s` moves its clock on. `healed`: the answer is
    useless but not the end: the client gets to the honest set by another way. Otherwise the pull
    must fail, and what was held must still be held.
    """

    name: str
    about: str
    bend: Bend
    held: bool = False
    later_s: int = 0
    expect: Literal["refused", "healed"] = "refused"


def _claim(**claims: object) -> Bend:
    return lambda registry: registry.claims.update(claims)


def _keys(**claims: object) -> Bend:
    return lambda registry: registry.keys_claims.update(claims)


def _answer(what: str, change: Callable[[Answer], Answer]) -> Bend:
    return lambda registry: registry.tamper.update({what: change})


def _body(what: str, change: Callable[[bytes], bytes]) -> Bend:
    return _answer(what, lambda answer: replace(answer, body=change(answer.body)))


def _packed(change: Callable[[bytes], bytes]) -> Bend:
    """Alter every gzip file; the index is left alone."""
    return _body("chunks", lambda body: change(body) if body[:2] == b"\x1f\x8b" else body)


def _endless(what: str) -> Bend:
    return _answer(what, lambda answer: Answer(body=b"x" * 65536, endless=True))


def _both(*bends: Bend) -> Bend:
    def bend(registry: Registry) -> None:
        for one in bends:
            one(registry)

    return bend


def _header(**header: object) -> Bend:
    return lambda registry: registry.header.update(header)


def _own_key_in_header(registry: Registry) -> None:
    registry.list_key = new_key()
    registry.header = {"jwk": jwk(registry.list_key)}


def _lines(*lines: bytes) -> Bend:
    """Sign a set that no honest registry would: these are the lines of its only chunk."""

    def bend(registry: Registry) -> None:
        registry.bucket_bits = 0
        registry.contents = lambda: [b"".join(lines)]  # type: ignore[method-assign]  # it lies in this one place
        registry.claims["count"] = b"".join(lines).count(b"\n")

    return bend


def _other_buckets(registry: Registry) -> None:
    honest = registry.contents()
    registry.contents = lambda: honest[::-1]  # type: ignore[method-assign]  # it lies in this one place


def _old_chunks(registry: Registry) -> None:
    """Chunks of another moment, each genuine by itself."""
    first = next(iter(registry.chunks().values()))
    for entry_id in ("a1", "b2", "c3"):
        registry.put(entry(entry_id, "Another Name"))
    _body("chunks", lambda body: body if body[:1] == b"{" else first)(registry)


def _old_index(registry: Registry) -> None:
    index = list(registry.chunks().values())[-1]
    registry.put(entry("d4"))
    _body("chunks", lambda body: index if body[:1] == b"{" else body)(registry)


def _bomb(registry: Registry) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    digest = hashlib.sha256(bomb).hexdigest()
    honest = registry.chunks

    def chunks() -> dict[str, bytes]:
        index = json.loads(list(honest().values())[-1])
        for item in index["chunks"]:
            if item["sha256"]:
                item |= {"sha256": digest, "bytes": len(bomb)}
        data = jcs(index)
        return {digest: bomb, hashlib.sha256(data).hexdigest(): data}

    registry.chunks = chunks  # type: ignore[method-assign]  # it lies in this one place


def _signers(*which: int) -> Bend:
    def bend(registry: Registry) -> None:
        registry.signers = [registry.roots[at] if at >= 0 else new_key() for at in which]

    return bend


def _new_root(registry: Registry, *, old: int, fresh: int) -> None:
    keys = [new_key() for _ in range(3)]
    registry.keys_claims["root"] = {"threshold": 2, "keys": [jwk(key) for key in keys]}
    registry.signers = [*registry.roots[:old], *keys[:fresh]]


def _threshold_of_one(registry: Registry) -> None:
    keys = [jwk(key) for key in registry.roots]
    registry.keys_claims["root"] = {"threshold": 1, "keys": keys}
    registry.signers = registry.roots[:1]


def _page(change: Callable[[dict[str, Any]], None]) -> Bend:
    """Two further entries, of which the changes tell wrongly."""

    def altered(body: bytes) -> bytes:
        page = json.loads(body)
        change(page)
        return jcs(page)

    def bend(registry: Registry) -> None:
        registry.put(entry("d4", "Nyota Foundation"))
        registry.put(entry("e5", "Baraka Clinic"))
        _body("changes", altered)(registry)

    return bend


def _lose_one(page: dict[str, Any]) -> None:
    del page["changes"][0]


def _rename_one(page: dict[str, Any]) -> None:
    page["changes"][0]["entry"]["names"][0]["name"] = "Somebody Else"


def _end_early(page: dict[str, Any]) -> None:
    page["changes"].pop()
    page["more"] = False


def _frozen(registry: Registry) -> None:
    """The world goes on, the registry shows what it showed."""
    page = jcs(
        {
            "stream": registry.stream,
            "from": len(registry.log),
            "to": len(registry.log),
            "changes": [],
            "more": False,
            "manifest": registry.manifest(),
        }
    )
    manifest = registry.manifest().encode()
    _body("changes", lambda body: page)(registry)
    _body("manifest", lambda body: manifest)(registry)


def _full_only(bend: Bend) -> Bend:
    gone = _answer("changes", lambda answer: Answer(410, b'{"code":"full_sync_required"}'))
    return _both(gone, bend)


_MANIFEST: tuple[tuple[str, str, Bend], ...] = (
    ("forged", "another payload under a genuine signature", _body("manifest", other_payload)),
    ("unknown-key", "a key that the keys document does not name", unknown_key),
    ("wrong-use", "the receipt key signs a list", receipt_key),
    ("ended-key", "a key that had ended at iat", ended_key),
    ("alg-none", "a header that says no algorithm", _header(alg="none")),
    ("own-key", "a key that comes in the header", _own_key_in_header),
    ("wrong-typ", "a document of another type", _header(typ="clearance+jwt")),
    ("wrong-level", "the list of another stream", _claim(stream="public")),
    ("wrong-issuer", "another issuer", _claim(iss="https://other.test")),
    ("expired", "exp has passed", _claim(exp=1)),
    ("future", "signed in the future", _claim(iat=_FAR, exp=_FAR + 86400)),
    ("count", "another number of entries than are there", _claim(count=2)),
    ("digest", "another set digest than the set has", _claim(set_sha256="0" * 64)),
    ("too-long", "a manifest of more than 1,200 bytes", _claim(padding="x" * 1200)),
    ("cut-manifest", "the end of the manifest is missing", _body("manifest", lambda b: b[:-9])),
    ("endless-manifest", "a manifest without end", _endless("manifest")),
    ("fast-forward", "a version that its index does not have", _claim(version=2**52)),
)
_FILES: tuple[tuple[str, str, Bend], ...] = (
    ("cut-chunk", "the end of each chunk is missing", _packed(lambda body: body[:-4])),
    ("long-chunk", "a byte too many", _packed(lambda body: body + b"\0")),
    ("bent-chunk", "one bit is another", _packed(lambda b: b[:-1] + bytes([b[-1] ^ 1]))),
    ("empty-chunk", "nothing at all", _packed(lambda body: b"")),
    ("mixed-chunks", "chunks of another moment", _old_chunks),
    ("mixed-index", "the index of another version", _old_index),
    ("endless-chunk", "a file without end", _endless("chunks")),
    ("bomb", "a chunk that inflates to far more than was said", _bomb),
    (
        "duplicate-id",
        "an id twice, signed",
        _lines(jcs(entry("a")) + b"\n", jcs(entry("a", "Other")) + b"\n"),
    ),
    ("unsorted", "not in order, signed", _lines(jcs(entry("b")) + b"\n", jcs(entry("a")) + b"\n")),
    ("no-newline", "a last line without its end", _lines(jcs(entry("a")) + b"\n", jcs(entry("b")))),
    ("wrong-bucket", "entries in buckets that are not theirs", _other_buckets),
)
_ROOT: tuple[tuple[str, str, Bend], ...] = (
    ("one-of-three", "one root signature", _signers(0)),
    ("same-key-twice", "two signatures of one root key", _signers(0, 0)),
    ("strangers", "one root key and two strangers", _signers(0, -1, -1)),
    ("seized-root", "a new root without the old", lambda r: _new_root(r, old=1, fresh=3)),
    ("orphan-root", "a new root that did not sign", lambda r: _new_root(r, old=2, fresh=1)),
    ("threshold-one", "a threshold of one", _threshold_of_one),
    ("keys-issuer", "keys of another issuer", _keys(iss="https://other.test")),
    ("keys-expired", "keys that have expired", _keys(exp=1)),
    ("keys-future", "keys of the future", _keys(iat=_FAR, exp=_FAR + 86400)),
    ("keys-rolled-back", "keys older than the anchor", _keys(version=0)),
    ("endless-keys", "a keys document without end", _endless("keys")),
)
_HELD: tuple[tuple[str, str, Bend], ...] = (
    ("rolled-back", "a lower version", _claim(version=1)),
    ("rolled-back-seq", "a lower number", _claim(seq_to=1)),
    ("same-version", "the same version with another content", _claim(set_sha256="0" * 64)),
    ("held-wrong-level", "the list of another stream", _claim(stream="public")),
    ("held-unknown-key", "a key that the keys document does not name", unknown_key),
)


def _cases() -> list[Case]:
    made = [Case(name, about, bend) for name, about, bend in _MANIFEST + _FILES + _ROOT]
    made += [Case(name, about, bend, held=True) for name, about, bend in _HELD]
    made += [
        Case(f"{name}-full", f"{about}, as a full set", _full_only(bend), held=True)
        for name, about, bend in _HELD
    ]
    made += [
        Case("frozen", "the old list for more than a day", _frozen, held=True, later_s=90_000),
        Case("clock-back", "this host's clock is an hour behind", lambda r: None, True, -3_600),
        Case("endless-changes", "changes without end", _endless("changes"), held=True),
        Case(
            "unasked-304",
            '"not modified", though nothing was named',
            _answer("manifest", lambda answer: Answer(status=304)),
        ),
        Case(
            "redirect",
            "keys are elsewhere",
            _answer("keys", lambda answer: Answer(302, headers={"Location": "/other"})),
        ),
        Case("gap", "a change is missing", _page(_lose_one), held=True, expect="healed"),
        Case("altered", "an entry was altered", _page(_rename_one), held=True, expect="healed"),
        Case("ends-early", "the end is missing", _page(_end_early), held=True, expect="healed"),
    ]
    return made


CASES = _cases()
