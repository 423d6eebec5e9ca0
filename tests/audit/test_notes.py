"""Checkpoints are signed notes as C2SP writes them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.audit import notes
from app.audit.merkle import EMPTY_ROOT, leaf_hash
from app.audit.notes import Checkpoint, NoteInvalid

# The keys and the message of Go's golang.org/x/mod/sumdb/note, the reference of the format.
GO_NAME = "PeterNeumann"
GO_KEY = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
GO_HASH = "c74f20a3"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
# The public key of the Go checksum database, and a tree head it signed.
SUMDB_NAME = "sum.golang.org"
SUMDB_KEY = base64.b64decode("Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")[1:]
SUMDB_HASH = "033de0ae"

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
POINT = Checkpoint("registry.example/log", 4711, leaf_hash(b"x"))


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [(GO_NAME, GO_KEY, GO_HASH), (SUMDB_NAME, SUMDB_KEY, SUMDB_HASH)],
)
def test_key_hashes_are_those_of_the_reference(name: str, raw: bytes, expected: str) -> None:
    key = Ed25519PublicKey.from_public_bytes(raw)
    assert notes.key_hash(name, key).hex() == expected
    encoded = base64.b64encode(b"\x01" + raw).decode()
    assert notes.verifier_text(name, key) == f"{name}+{expected}+{encoded}"


def test_the_signature_of_the_reference_holds() -> None:
    blob = base64.b64decode(GO_SIGNATURE)
    assert blob[:4].hex() == GO_HASH
    Ed25519PublicKey.from_public_bytes(GO_KEY).verify(blob[4:], GO_TEXT.encode())


def test_a_note_says_what_was_signed() -> None:
    note = notes.sign(POINT, KEY)
    lines = note.split("\n")
    assert lines[0] == "registry.example/log"
    assert lines[1] == "4711"
    assert base64.b64decode(lines[2]) == POINT.root
    assert lines[3] == ""
    assert lines[4].startswith("— registry.example/log ")
    assert lines[5:] == [""]
    blob = base64.b64decode(lines[4].rpartition(" ")[2])
    assert len(blob) == 4 + 64
    assert notes.verify(note, [KEY.public_key()]) == POINT


def test_signatures_of_witnesses_are_passed_over() -> None:
    note = notes.sign(POINT, KEY) + "— witness.example AAAAAaaaaaaaaaaa\n"
    assert notes.verify(note, [KEY.public_key()]) == POINT


def test_the_empty_log_has_a_checkpoint_too() -> None:
    point = Checkpoint("registry.example/log", 0, EMPTY_ROOT)
    assert notes.verify(notes.sign(point, KEY), [KEY.public_key()]) == point


def _forged() -> dict[str, str]:
    good = notes.sign(POINT, KEY)
    other = notes.sign(POINT, Ed25519PrivateKey.generate())
    renamed = notes.sign(Checkpoint("other.example/log", 4711, POINT.root), KEY)
    root = base64.b64encode(POINT.root).decode()
    signature = good.rpartition("\n\n")[2]
    return {
        "another size": good.replace("\n4711\n", "\n4712\n"),
        "another root": good.replace(root, base64.b64encode(EMPTY_ROOT).decode()),
        "another key": other,
        "another name in the signature": good.replace("— registry", "— other"),
        "a name put over another's signature": renamed.replace("other.exa", "registry.exa"),
        "no signature": POINT.text + "\n",
        "no empty line": good.replace("\n\n", "\n"),
        "a signature that is none": good.replace("— registry", "- registry"),
        "no line feed at the end": good[:-1],
        "a size with a zero before it": good.replace("\n4711\n", "\n04711\n"),
        "a line more": good.replace("\n\n", "\nmore\n\n"),
        "a root in another writing": good.replace(root, root[:-2] + chr(ord(root[-2]) + 1) + "="),
        "a short root": f"registry.example/log\n1\nAAAA\n\n{signature}",
        "a root that is no base64": f"registry.example/log\n1\n????\n\n{signature}",
        "a signature of broken base64": f"{POINT.text}\n— registry.example/log AAAAA\n",
        "a control character": good.replace("4711", "4711\r"),
        "nothing": "",
    }


@pytest.mark.parametrize("what", sorted(_forged()))
def test_what_is_not_exactly_a_signed_checkpoint_is_refused(what: str) -> None:
    with pytest.raises(NoteInvalid):
        notes.verify(_forged()[what], [KEY.public_key()])


def test_the_origin_is_the_address_without_its_scheme() -> None:
    assert notes.origin_of("https://registry.example") == "registry.example/log"
    assert notes.origin_of("http://127.0.0.1:8000") == "127.0.0.1:8000/log"
