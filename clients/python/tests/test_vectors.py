"""The published vectors are what the script writes, and this client makes of them what they say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partner_registry_client.changes import DeltaUnusable, delta_changes, read_files, read_page
from partner_registry_client.chunks import bucket_of, prefix_of, read_chunk, read_index
from partner_registry_client.encoding import canonical
from partner_registry_client.errors import VerificationFailed
from partner_registry_client.manifest import Manifest, accept_manifest
from partner_registry_client.receipts import verify_receipt
from partner_registry_client.state import State
from partner_registry_client.trust import Anchor, KeysDocument, accept_keys

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "openapi" / "feed-vectors"
CHECKS: list[dict[str, Any]] = json.loads((VECTORS / "checks.json").read_bytes())
ANCHOR = Anchor.read((VECTORS / "anchor.json").read_bytes())


def _keys(now: int) -> KeysDocument:
    document = (VECTORS / "keys.json").read_bytes()
    return accept_keys(document, anchor=ANCHOR, trusted=None, now=now)[0]


def _manifest(name: str, now: int, held: str | None = None) -> Manifest:
    trusted = _manifest(held, now) if held else None
    return accept_manifest(
        (VECTORS / name).read_bytes(),
        keys=_keys(now),
        stream="inter_agency",
        agency=None,
        trusted=trusted,
        now=now,
    ).manifest


def _judge(check: dict[str, Any]) -> None:
    now, data = check["now"], (VECTORS / check["file"]).read_bytes()
    manifest = _manifest("manifest.jws", now)
    index = read_index((VECTORS / "index.json").read_bytes(), manifest)
    match check["check"]:
        case "keys":
            accept_keys(data, anchor=ANCHOR, trusted=None, now=now)
        case "manifest":
            _manifest(check["file"], now, check.get("held"))
        case "index":
            read_index(data, manifest)
        case "chunk":
            (item,) = [one for one in index if one.sha256 == Path(check["file"]).name]
            assert len(read_chunk(data, item, manifest.bucket_bits)) == item.count
        case "changes":
            page = read_page(data, check["after"])
            assert [change.reason for change in page.changes] == ["annulled", None]
        case "delta":
            (delta,) = read_files((VECTORS / "files.json").read_bytes(), "inter_agency").deltas
            assert len(list(delta_changes(data, delta))) == delta.count == 3
        case "receipt":
            state = State(ANCHOR, "inter_agency", _keys(now), now, None, 0)
            answer = (VECTORS / check["answer"]).read_bytes()
            verify_receipt(state, data, answer=answer, now=now)
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check['file'][:40]}")
def test_a_vector_is_taken_or_refused_as_it_says(check: dict[str, Any]) -> None:
    if check["accept"]:
        _judge(check)
    else:
        with pytest.raises((VerificationFailed, DeltaUnusable)):
            _judge(check)


def test_canonical_forms_and_buckets() -> None:
    for one in json.loads((VECTORS / "jcs.json").read_bytes()):
        assert canonical(one["value"]) == one["utf8"].encode()
    for one in json.loads((VECTORS / "buckets.json").read_bytes()):
        for bits, bucket in one["buckets"].items():
            assert bucket_of(prefix_of(one["entry_id"]), int(bits)) == bucket


def test_the_vectors_are_what_the_script_writes() -> None:
    script = ROOT / "clients" / "python" / "vectors.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
