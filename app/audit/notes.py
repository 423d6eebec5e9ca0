"""Checkpoints as signed notes: C2SP signed-note and tlog-checkpoint, Ed25519.

::

    registry.example/log
    4711
    <base64 of the root>

    — registry.example/log <base64 of key hash and signature>
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.audit.merkle import HASH_BYTES

_ED25519 = b"\x01"
_MARK = "— "
_MAX_BYTES = 1_000_000
_SIGNATURE = re.compile(r"\A— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\Z")
_SIZE = re.compile(r"\A(?:0|[1-9][0-9]{0,18})\Z")


class NoteInvalid(Exception):
    """The text is no checkpoint, or no known key has signed it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: this many leaves give this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The signed part of the note."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(issuer: str) -> str:
    """Name of the log of a registry: its address without the scheme, and ``/log``."""
    return issuer.partition("://")[2] + "/log"


def key_hash(name: str, key: Ed25519PublicKey) -> bytes:
    """First four bytes of SHA-256 over name, line feed, algorithm, public key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:4]


def verifier_text(name: str, key: Ed25519PublicKey) -> str:
    """The key as tools of transparency logs take it: ``name+hash+base64``."""
    encoded = base64.b64encode(_ED25519 + key.public_bytes_raw()).decode()
    return f"{name}+{key_hash(name, key).hex()}+{encoded}"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note; the key's name is the origin."""
    name = checkpoint.origin
    blob = key_hash(name, key.public_key()) + key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n{_MARK}{name} {base64.b64encode(blob).decode()}\n"


def parse(note: str) -> tuple[Checkpoint, list[tuple[str, bytes]]]:
    """The checkpoint and its signatures (name, key hash and signature), none of them checked.

    Raises NoteInvalid.
    """
    if len(note) > _MAX_BYTES or any(c < " " and c != "\n" for c in note):
        raise NoteInvalid("characters that a note cannot hold")
    text, gap, rest = note.rpartition("\n\n")
    if not gap or not rest.endswith("\n"):
        raise NoteInvalid("no signatures")
    signatures = []
    for line in rest[:-1].split("\n"):
        found = _SIGNATURE.match(line)
        if found is None:
            raise NoteInvalid("a signature line cannot be read")
        signatures.append((found[1], _bytes(found[2])))
    lines = text.split("\n")
    if len(lines) != 3 or not lines[0] or not _SIZE.match(lines[1]):
        raise NoteInvalid("it has not the three lines of a checkpoint")
    checkpoint = Checkpoint(lines[0], int(lines[1]), _bytes(lines[2]))
    # One checkpoint, one text: what was signed is what is read.
    if len(checkpoint.root) != HASH_BYTES or checkpoint.text != text + "\n":
        raise NoteInvalid("the root is no SHA-256 in base64")
    return checkpoint, signatures


def verify(note: str, keys: Iterable[Ed25519PublicKey]) -> Checkpoint:
    """The checkpoint of a note that one of ``keys`` signed under its origin. Raises NoteInvalid.

    Signatures of others, such as witnesses, are passed over, as the format asks.
    """
    checkpoint, signatures = parse(note)
    known = {key_hash(checkpoint.origin, key): key for key in keys}
    good = False
    for name, blob in signatures:
        key = known.get(blob[:4]) if name == checkpoint.origin else None
        if key is not None:
            try:
                key.verify(blob[4:], checkpoint.text.encode())
            except InvalidSignature:
                raise NoteInvalid("a signature is wrong") from None
            good = True
    if not good:
        raise NoteInvalid("no known key has signed it")
    return checkpoint


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise NoteInvalid("not base64") from None
