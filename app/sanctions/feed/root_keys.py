"""The offline root: three keys of which two sign which keys the registry signs with.

Clients pin the anchor and believe a keys document only with enough of its signatures, so whoever
takes over the service cannot make them believe a list. The private keys never touch the database.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
from sqlalchemy import func, insert, select

from app.auth import jose
from app.auth.keys import published_keys
from app.core.db import Database
from app.sanctions.feed.models import KeysDocument

DOCUMENT_TYPE = "registry-keys+jwt"
DOCUMENT_LIFE_S = 365 * 86_400
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
        try:
            key = jose.load_signing_key(path.read_bytes())
        except (OSError, ValueError, TypeError, jose.AuthError):
            raise RootKeyProblem(f"{path} is no root key.") from None
        if key.kid not in known:
            raise RootKeyProblem(f"{path} is no key of this anchor.")
        found[key.kid] = key
    if len(found) < anchor["threshold"]:
        raise RootKeyProblem(
            f"{anchor['threshold']} different root keys must sign; {len(found)} given."
        )
    return list(found.values())


async def root_sign(
    database: Database,
    anchor: dict[str, Any],
    keys: Sequence[jose.SigningKey],
    issuer: str,
    now: datetime,
) -> int:
    """Sign and publish the next version of the keys document; returns its number.

    Works as the operator. Raises RootKeyProblem when the anchor is another registry's or there
    is nothing to publish yet.
    """
    if anchor["issuer"] != issuer:
        raise RootKeyProblem(f"The anchor is for {anchor['issuer']}, this registry is {issuer}.")
    published = await published_keys(database)
    if not {"list", "receipt"} <= {key["use"] for key in published}:
        raise RootKeyProblem("There is no signing key yet: start the service or worker once.")
    issued = int(now.timestamp())
    async with database.session() as session:
        last = await session.scalar(select(func.max(KeysDocument.version)))
        version = (last or 0) + 1
        payload = {
            "iss": issuer,
            "version": version,
            "iat": issued,
            "exp": issued + DOCUMENT_LIFE_S,
            "root": {"threshold": anchor["threshold"], "keys": anchor["keys"]},
            "keys": published,
        }
        # Two at once: the key of the table lets one of them through.
        await session.execute(
            insert(KeysDocument).values(version=version, document=_document(payload, keys))
        )
    return version


def _document(payload: dict[str, Any], keys: Sequence[jose.SigningKey]) -> dict[str, Any]:
    """JWS general JSON (RFC 7515 7.2.1): one payload, a signature of each key."""
    signed = [jose.sign(rfc8785.dumps(payload), key, DOCUMENT_TYPE).split(".") for key in keys]
    return {
        "payload": signed[0][1],
        "signatures": [
            {"protected": protected, "signature": signature} for protected, _, signature in signed
        ],
    }


async def published_since(database: Database, kid: str) -> datetime | None:
    """Since when a keys document names this key; None when the newest one does not."""
    async with database.session() as session:
        rows = (
            await session.execute(
                select(KeysDocument.created_at, KeysDocument.document).order_by(
                    KeysDocument.version.desc()
                )
            )
        ).all()
    since: datetime | None = None
    for created_at, document in rows:
        if kid not in {key["kid"] for key in _claims(document)["keys"]}:
            break
        since = created_at
    return since


async def latest_document(database: Database) -> dict[str, Any] | None:
    """Claims of the newest keys document, unverified: to see whether it is still right."""
    async with database.session() as session:
        document = await session.scalar(
            select(KeysDocument.document).order_by(KeysDocument.version.desc()).limit(1)
        )
    if document is None:
        return None
    return _claims(document)


def _claims(document: dict[str, Any]) -> dict[str, Any]:
    payload = document["payload"]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
