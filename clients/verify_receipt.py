"""Check a clearance receipt without this service and without its packages.

    python verify_receipt.py --anchor anchor.json --keys keys.json receipt.jws
        [--answer answer.json] [--proof proof.txt]

Needs Python 3.11 and `cryptography`. `anchor.json` is what your agency pinned, `keys.json` the
answer of `GET /v1/feeds/sanctions/keys`, and the others those of `/v1/clearances/{id}`, `/receipt`
and `/proof`, byte for byte. Prints what the receipt says; ends with 1 and one line when anything
does not fit. An expired receipt is genuine: it is asked about the day it was given.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256


class Refused(Exception):
    """Why a file is not believed."""


def need(good: object, why: str) -> None:
    if not good:
        raise Refused(why)


def unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638 of a P-256 key."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def es256(jwk: dict[str, str], signed: bytes, signature: bytes) -> bool:
    x, y = (int.from_bytes(unb64url(jwk[name]), "big") for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    try:
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return len(signature) == 64


def header_of(protected: str, typ: str) -> str:
    """The key's name in a header that is exactly as it has to be."""
    header = json.loads(unb64url(protected))
    need(set(header) == {"alg", "kid", "typ"}, f"{typ}: a header with other members")
    need(header["alg"] == "ES256" and header["typ"] == typ, f"{typ}: another algorithm or type")
    return str(header["kid"])


def read_keys(anchor: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The keys document, once as many pinned root keys as the anchor asks for signed it."""
    roots = {thumbprint(jwk): jwk for jwk in anchor["keys"]}
    need(anchor["threshold"] >= 2, "anchor: one key must never be enough")
    agreed = set()
    for item in document["signatures"]:
        kid = header_of(item["protected"], "registry-keys+jwt")
        signed = f"{item['protected']}.{document['payload']}".encode()
        if kid in roots and es256(roots[kid], signed, unb64url(item["signature"])):
            agreed.add(kid)
    need(len(agreed) >= anchor["threshold"], "keys: not signed by enough pinned root keys")
    keys: dict[str, Any] = json.loads(unb64url(document["payload"]))
    need(keys["iss"] == anchor["issuer"], "keys: of another issuer")
    return keys


def read_receipt(keys: dict[str, Any], receipt: str) -> dict[str, Any]:
    """What a receipt says that a receipt key of this registry signed."""
    parts = receipt.strip().split(".")
    need(len(parts) == 3, "receipt: no compact signature")
    kid = header_of(parts[0], "clearance+jwt")
    known = [key for key in keys["keys"] if key["use"] == "receipt" and key["kid"] == kid]
    need(known, "receipt: signed by a key that the keys document does not name")
    jwk = known[0]["jwk"]
    need(thumbprint(jwk) == kid, "keys: a key under another's name")
    signed = f"{parts[0]}.{parts[1]}".encode()
    need(es256(jwk, signed, unb64url(parts[2])), "receipt: the signature is wrong")
    claims: dict[str, Any] = json.loads(unb64url(parts[1]))
    need(claims["iss"] == keys["iss"], "receipt: of another issuer")
    ended = known[0]["not_after"]
    need(ended is None or claims["iat"] <= ended, "receipt: its key had ended by then")
    return claims


def root_from(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Root of a tree of ``size`` leaves by RFC 9162, 2.1.3.2."""
    first, last, value = index, size - 1, leaf
    need(index < size, "proof: the leaf lies outside of the tree")
    for step in path:
        need(last > 0, "proof: too long")
        if first % 2 or first == last:
            value = hashlib.sha256(b"\x01" + step + value).digest()
            while not first % 2 and first:
                first, last = first >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\x01" + value + step).digest()
        first, last = first >> 1, last >> 1
    need(last == 0, "proof: too short")
    return value


def check_note(keys: dict[str, Any], note: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that a checkpoint key of this registry signed."""
    text, _, signatures = note.partition("\n\n")
    origin, size, root = (f"{text}\n").split("\n")[:3]
    for line in signatures.strip().split("\n"):
        _, name, blob = line.split(" ")
        signature = base64.b64decode(blob)[4:]
        for key in keys["keys"]:
            if key["use"] != "checkpoint" or name != origin:
                continue
            public = ed25519.Ed25519PublicKey.from_public_bytes(unb64url(key["jwk"]["x"]))
            try:
                public.verify(signature, f"{text}\n".encode())
            except InvalidSignature:
                continue
            return origin, int(size), base64.b64decode(root)
    raise Refused("proof: no checkpoint key of this registry signed it")


def check_proof(keys: dict[str, Any], claims: dict[str, Any], proof: str) -> str:
    """Whether the log holds the event of the receipt; what of it could be checked."""
    head, _, note = proof.partition("\n\n")
    lines = head.split("\n")
    need(lines[0] == "c2sp.org/tlog-proof@v1", "proof: of another form")
    extra = json.loads(base64.b64decode(lines[1].removeprefix("extra ")))
    index = int(lines[2].removeprefix("index "))
    leaf = bytes.fromhex(extra["leaf_hash"])
    origin, size, root = check_note(keys, note)
    path = [base64.b64decode(line) for line in lines[3:]]
    need(root_from(leaf, index, size, path) == root, "proof: the leaf is not in this tree")
    need(origin == claims["log"]["origin"], "proof: of another log")
    if extra["leaf"] is None:
        return "in the log (its contents are for the agency's oversight)"
    body = base64.b64decode(extra["leaf"])
    salted = b"\x00" + base64.b64decode(extra["salt"]) + body
    need(hashlib.sha256(salted).digest() == leaf, "proof: of another leaf")
    event = json.loads(body)
    need(event["id"] == claims["log"]["event"], "proof: of another event")
    same = event["detail"]["answer_sha256"] == claims["answer_sha256"]
    need(same, "proof: the log says another answer")
    return "in the log, with this answer"


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a clearance receipt offline.")
    for name in ("--anchor", "--keys"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--answer", "--proof"):
        parser.add_argument(name, type=Path)
    parser.add_argument("receipt", type=Path)
    given = parser.parse_args()
    try:
        anchor, document = (json.loads(path.read_bytes()) for path in (given.anchor, given.keys))
        keys = read_keys(anchor, document)
        claims = read_receipt(keys, given.receipt.read_text())
        said = {"outcome": claims["outcome"], "reasons": claims["reasons"], "to": claims["aud"]}
        if given.answer is not None:
            digest = hashlib.sha256(given.answer.read_bytes()).hexdigest()
            need(digest == claims["answer_sha256"], "answer: not the one that was signed")
            said["answer"] = "is the one that was signed"
        if given.proof is not None:
            said["proof"] = check_proof(keys, claims, given.proof.read_text())
    except Refused as why:
        print(f"REFUSED: {why}")
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"REFUSED: a file cannot be read as what it should be ({type(error).__name__})")
        return 1
    print(json.dumps({"genuine": True, "clearance": claims["jti"], **said}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
