"""The keys document: drafted beside the database, signed where the offline keys are, published.

What is carried between the two is the document itself with the signatures it has so far: a file
that holds no secret. Nothing is believed of it until it is published, and then only by signatures.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
from sqlalchemy import insert, select

from app.auth import jose
from app.auth.keys import published_keys
from app.core.db import Database
from app.sanctions.feed.models import KeysDocument
from app.sanctions.feed.root_keys import RootKeyProblem

DOCUMENT_TYPE = "registry-keys+jwt"
DOCUMENT_LIFE_S = 365 * 86_400
_MEMBERS = {"iss", "version", "iat", "exp", "root", "keys"}
Document = dict[str, Any]
"""JWS general JSON (RFC 7515 7.2.1): one payload, a signature of each key."""


async def draft(
    database: Database, anchor: Mapping[str, Any] | None, issuer: str, now: datetime
) -> Document:
    """The next version, not signed yet: the present keys, and the root of this anchor.

    Without an anchor the root stays what it was. Works as the operator. Raises RootKeyProblem when
    the anchor is another registry's, or there is nothing to publish yet.
    """
    if anchor is not None and anchor["issuer"] != issuer:
        raise RootKeyProblem(f"The anchor is for {anchor['issuer']}, this registry is {issuer}.")
    published = await published_keys(database)
    if not {"list", "receipt"} <= {key["use"] for key in published}:
        raise RootKeyProblem("There is no signing key yet: start the service or worker once.")
    last = await latest_document(database)
    if anchor is not None:
        root = {"threshold": anchor["threshold"], "keys": anchor["keys"]}
    elif last is not None:
        root = last["root"]
    else:
        raise RootKeyProblem("The first keys document needs the anchor: name it with --anchor.")
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "version": (last["version"] if last else 0) + 1,
        "iat": issued,
        "exp": issued + DOCUMENT_LIFE_S,
        "root": root,
        "keys": published,
    }
    return {"payload": jose.b64url(rfc8785.dumps(claims)), "signatures": []}


def sign_with(document: Document, keys: Iterable[jose.SigningKey]) -> Document:
    """The document with a signature of each of these keys; one that signed before signs anew."""
    payload = _decode(document["payload"])
    signatures = {_kid(item): item for item in document["signatures"]}
    for key in keys:
        protected, _, signature = jose.sign(payload, key, DOCUMENT_TYPE).split(".")
        signatures[key.kid] = {"protected": protected, "signature": signature}
    return {"payload": document["payload"], "signatures": list(signatures.values())}


async def publish(database: Database, document: Document, issuer: str, now: datetime) -> int:
    """Check a signed document as clients will, and publish it; returns its version.

    Enough keys of the root that clients trust now must have signed it, and of the root that it
    names. Works as the operator. Raises RootKeyProblem.
    """
    new = claims_of(document)
    last = await latest_document(database)
    version = (last["version"] if last else 0) + 1
    if new["iss"] != issuer or new["version"] != version or new["exp"] <= now.timestamp():
        raise RootKeyProblem(f"This is not version {version} of the keys of {issuer}: draft anew.")
    if new["keys"] != await published_keys(database):
        raise RootKeyProblem("The keys of the registry have changed since the draft: draft anew.")
    trusted = last["root"] if last and last["iss"] == issuer else new["root"]
    for root in (trusted, new["root"]):
        signed = len(signed_by(document, root))
        if signed < root["threshold"]:
            raise RootKeyProblem(
                f"{root['threshold']} different root keys must sign; {signed} of "
                f"{len(root['keys'])} did."
            )
    async with database.session() as session:
        # Two at once: the key of the table lets one of them through.
        await session.execute(insert(KeysDocument).values(version=version, document=document))
    return version


def signed_by(document: Document, root: Mapping[str, Any]) -> set[str]:
    """Which keys of this root have signed the document."""
    found = set()
    for item in document["signatures"]:
        for key in root["keys"]:
            if key["kid"] == _kid(item):
                token = f"{item['protected']}.{document['payload']}.{item['signature']}"
                try:
                    jose.verify_bytes(token, key, DOCUMENT_TYPE)
                except jose.AuthError:
                    continue
                found.add(key["kid"])
    return found


async def root_sign(
    database: Database,
    anchor: dict[str, Any],
    keys: Sequence[jose.SigningKey],
    issuer: str,
    now: datetime,
) -> int:
    """Draft, sign and publish where keys and database are in one place; returns the version.

    Raises RootKeyProblem.
    """
    document = sign_with(await draft(database, anchor, issuer, now), keys)
    return await publish(database, document, issuer, now)


def read_document(path: Path) -> Document:
    """A document that is carried. Raises RootKeyProblem."""
    try:
        document: Document = json.loads(path.read_text("utf-8"))
        claims_of(document)
        [_kid(item) for item in document["signatures"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RootKeyProblem(f"{path} is no draft of a keys document.") from None
    return document


def write_document(path: Path, document: Document) -> None:
    """Write a document to be carried."""
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def claims_of(document: Document) -> dict[str, Any]:
    """What the document says; nobody's signature is checked."""
    claims: dict[str, Any] = json.loads(_decode(document["payload"]))
    if not claims.keys() >= _MEMBERS:
        raise KeyError("payload")
    return claims


def _kid(signature: Mapping[str, str]) -> str:
    kid: str = json.loads(_decode(signature["protected"]))["kid"]
    return kid


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


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
        if kid not in {key["kid"] for key in claims_of(document)["keys"]}:
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
    return claims_of(document)
