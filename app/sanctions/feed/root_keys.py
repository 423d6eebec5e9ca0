"""The offline root: three keys of which two sign which keys the registry signs with.

Clients pin the anchor and believe a keys document only with enough of its signatures, so whoever
takes over the service cannot make them believe a list. The private keys never touch the database.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.auth import jose

KEYS = 3
THRESHOLD = 2
ANCHOR = "anchor.json"


class RootKeyProblem(Exception):
    """A root key or anchor cannot be used as asked; the message is one sentence."""


def root_init(folder: Path, issuer: str) -> Path:
    """Make three private root keys (0600) and the anchor that clients pin; returns the anchor.

    Raises RootKeyProblem where keys are already: they would be lost.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = [folder / f"root-{number}.pem" for number in range(1, KEYS + 1)]
    for path in (*files, folder / ANCHOR):
        if path.exists():
            raise RootKeyProblem(f"{path} exists already.")
    public = []
    for path in files:
        pem = jose.generate_key()
        public.append(jose.public_jwk(jose.load_signing_key(pem)))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
    anchor = folder / ANCHOR
    write_anchor(anchor, issuer, public)
    return anchor


def write_anchor(path: Path, issuer: str, keys: Sequence[dict[str, str]]) -> None:
    """Write what clients pin: the issuer and its root."""
    content = {"issuer": issuer, "version": 1, "threshold": THRESHOLD, "keys": list(keys)}
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def read_anchor(path: Path) -> dict[str, Any]:
    """Read an anchor. Raises RootKeyProblem."""
    try:
        anchor = json.loads(path.read_text("utf-8"))
        anchor["issuer"], anchor["threshold"], [key["kid"] for key in anchor["keys"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise RootKeyProblem(f"{path} is no anchor that `registry keys root init` made.") from None
    result: dict[str, Any] = anchor
    return result


def read_root_keys(files: Sequence[Path], anchor: dict[str, Any]) -> list[jose.SigningKey]:
    """The private keys of these files. Raises RootKeyProblem when they are not enough to sign."""
    known = {key["kid"] for key in anchor["keys"]}
    found: dict[str, jose.SigningKey] = {}
    for path in files:
        key = read_key(path)
        if key.kid not in known:
            raise RootKeyProblem(f"{path} is no key of this anchor.")
        found[key.kid] = key
    if len(found) < anchor["threshold"]:
        raise RootKeyProblem(
            f"{anchor['threshold']} different root keys must sign; {len(found)} given."
        )
    return list(found.values())


def read_key(path: Path) -> jose.SigningKey:
    """A private root key. Raises RootKeyProblem."""
    try:
        return jose.load_signing_key(path.read_bytes())
    except (OSError, ValueError, TypeError, jose.AuthError):
        raise RootKeyProblem(f"{path} is no root key.") from None
