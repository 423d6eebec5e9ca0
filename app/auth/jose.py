"""The one module that touches JOSE. Everything here fails as AuthError, never otherwise.

python-jose accepts unsafe tokens by default (see docs/decisions); this wrapper pins one
algorithm per key, allows three header fields, checks times and types itself, and never lets the
token choose a key or an algorithm. Replacing the library touches this file alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jose import jwk as jose_jwk
from jose import jws, jwt

MAX_TOKEN = 8_192
INBOUND_ALGORITHMS = ("ES256", "ES384", "RS256")
_TOKEN = re.compile(r"\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_CURVES = {"ES256": "P-256", "ES384": "P-384"}
_SECRET_MEMBERS = frozenset({"d", "p", "q", "k"})
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")
_HEADERS = frozenset({"alg", "typ", "kid"})
IGNORABLE_HEADERS = frozenset({"x5t", "x5t#S256"})
"""Names of a certificate; an issuer's terms may say that they are passed over."""
_LAST_INSTANT = 253_402_300_800


class AuthError(Exception):
    """A token or key is not acceptable; the argument names the check, for the log only."""


class UnknownKey(AuthError):
    """The token names a key of a known issuer that is not among its keys: it may be new."""


Keys = Mapping[tuple[str, str], Any]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may sign what: the exact issuer text, its keys by (kid, algorithm)."""

    keys: Keys
    algorithms: tuple[str, ...] = ("ES256",)


def load_jwks(document: Mapping[str, Any], allowed: tuple[str, ...]) -> dict[tuple[str, str], Any]:
    """Usable verification keys of a JWKS by (kid, alg); foreign and weak keys are passed over.

    Raises AuthError when two keys share a kid and algorithm.
    """
    found: dict[tuple[str, str], Any] = {}
    keys = document.get("keys")
    for item in (keys if isinstance(keys, list) else [])[:20]:
        try:
            loaded = _load_key(item, allowed)
        except Exception:  # noqa: S112 - a key we cannot read is a key we do not use
            continue
        if loaded is None:
            continue
        name, key = loaded
        if name in found:
            raise AuthError("duplicate kid")
        found[name] = key
    return found


def _load_key(item: Any, allowed: tuple[str, ...]) -> tuple[tuple[str, str], Any] | None:
    by_curve = {"P-256": "ES256", "P-384": "ES384"}
    alg = item.get("alg") or by_curve.get(item.get("crv"))
    alg = alg or ("RS256" if item.get("kty") == "RSA" else None)
    if alg not in allowed or item.get("use", "sig") != "sig" or _SECRET_MEMBERS & item.keys():
        return None
    if alg in _CURVES and (item.get("kty"), item.get("crv")) != ("EC", _CURVES[alg]):
        return None
    kid = item.get("kid")
    if not isinstance(kid, str) or not kid:
        return None
    key: Any = jose_jwk.construct(item, alg)
    if alg.startswith("RS") and key.prepared_key.key_size < 2048:
        return None
    return (kid, alg), key


def public_keys(document: Mapping[str, Any], allowed: tuple[str, ...]) -> list[dict[str, Any]]:
    """Those keys of a JWKS that `load_jwks` would use, reduced to what it reads.

    Raises AuthError when two keys share a kid and algorithm.
    """
    names = load_jwks(document, allowed)
    keys = document.get("keys")
    kept: list[dict[str, Any]] = []
    for item in (keys if isinstance(keys, list) else [])[:20]:
        try:
            usable = _load_key(item, allowed)
        except Exception:  # noqa: S112 - as in load_jwks
            continue
        if usable is not None and usable[0] in names:
            kept.append({name: item[name] for name in _PUBLIC_MEMBERS if name in item})
    return kept


def key_digests(keys: Keys) -> frozenset[str]:
    """What tells one key from another, however its JWK is written: SHA-256 of its public half."""
    return frozenset(
        hashlib.sha256(
            key.prepared_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ).hexdigest()
        for key in keys.values()
    )


@dataclass(frozen=True, slots=True)
class _Rules:
    typ: frozenset[str]
    leeway: int
    max_life: int
    max_age: int | None
    ignored_headers: frozenset[str]
    token_id: str | None


def verify(
    token: object,
    issuers: Mapping[str, Issuer],
    audience: str,
    *,
    typ: frozenset[str] = frozenset({"at+jwt"}),
    leeway: int = 30,
    max_life: int = 3_600,
    max_age: int | None = None,
    ignored_headers: frozenset[str] = frozenset(),
    token_id: str | None = "jti",  # noqa: S107 - the name of a claim
) -> dict[str, Any]:
    """Claims of a token that passes every check. Raises AuthError for every other input.

    ``typ`` holds the accepted header types in lower case, ``""`` for an absent one;
    ``ignored_headers`` those of IGNORABLE_HEADERS that may be there; ``token_id`` the claim that
    must identify the token, None where an issuer gives none.
    """
    ignored = ignored_headers & IGNORABLE_HEADERS
    try:
        return _verify(
            token,
            issuers,
            audience,
            _Rules(typ, leeway, max_life, max_age, ignored, token_id),
        )
    except AuthError:
        raise
    except Exception as error:  # RecursionError, TypeError, KeyError of the library included
        raise AuthError(type(error).__name__) from None


def _shaped(token: object) -> str:
    if not isinstance(token, str) or len(token) > MAX_TOKEN or not _TOKEN.match(token):
        raise AuthError("shape")
    return token


def _verify(
    given: object, issuers: Mapping[str, Issuer], audience: str, rules: _Rules
) -> dict[str, Any]:
    token = _shaped(given)
    header = jwt.get_unverified_header(token)
    if set(header) - _HEADERS - rules.ignored_headers:
        raise AuthError("header")
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in rules.typ:
        raise AuthError("typ")
    name = jwt.get_unverified_claims(token).get("iss")
    issuer = issuers.get(name) if isinstance(name, str) else None
    if issuer is None:
        raise AuthError("issuer")
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in issuer.algorithms or not isinstance(kid, str):
        raise AuthError("alg")
    key = issuer.keys.get((kid, alg))
    if key is None:
        raise UnknownKey("kid")
    required = {f"require_{claim}": True for claim in ("aud", "iat", "exp", "iss", "sub")}
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[alg],
        audience=audience,
        issuer=name,
        # at_hash speaks of another token, which is not here.
        options={**required, "leeway": rules.leeway, "verify_at_hash": False},
    )
    _check_times(claims, rules.leeway, rules.max_life, rules.max_age)
    if claims["aud"] not in (audience, [audience]):
        raise AuthError("aud")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise AuthError("sub")
    if rules.token_id is not None:
        identifier = claims.get(rules.token_id)
        if not isinstance(identifier, str) or not 8 <= len(identifier) <= 128:
            raise AuthError("jti")
    return claims


def _check_times(
    claims: Mapping[str, Any], leeway: int, max_life: int, max_age: int | None
) -> None:
    now = time.time()
    for name in ("iat", "exp", *(["nbf"] if "nbf" in claims else [])):
        if type(claims[name]) not in (int, float) or not 0 < claims[name] < _LAST_INSTANT:
            raise AuthError(name)
    issued, expires = claims["iat"], claims["exp"]
    if issued > now + leeway or expires <= now - leeway or expires - issued > max_life:
        raise AuthError("time")
    if max_age is not None and issued < now - max_age - leeway:
        raise AuthError("age")


# -------------------------------------------------------------------- our own keys (ES256 only)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ES256 key pair; ``kid`` is the RFC 7638 thumbprint of its public half."""

    kid: str
    pem: bytes
    public: dict[str, str]
    prepared: Any


def generate_key() -> bytes:
    """A new P-256 private key as PKCS #8 PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def load_signing_key(pem: bytes) -> SigningKey:
    """Read a private key. Raises AuthError unless it is a P-256 key."""
    private = load_pem_private_key(pem, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
        raise AuthError("not a P-256 key")
    numbers = private.public_key().public_numbers()
    public = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(numbers.x.to_bytes(32, "big")),
        "y": b64url(numbers.y.to_bytes(32, "big")),
    }
    return SigningKey(thumbprint(public), pem, public, jose_jwk.construct(pem.decode(), "ES256"))


def thumbprint(public: Mapping[str, str]) -> str:
    """RFC 7638 thumbprint (SHA-256) of an EC public key."""
    members = {name: public[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return b64url(hashlib.sha256(text.encode()).digest())


def public_jwk(key: SigningKey) -> dict[str, str]:
    """The JWK that clients are given."""
    return {**key.public, "kid": key.kid, "alg": "ES256", "use": "sig"}


def sign(payload: bytes, key: SigningKey, typ: str) -> str:
    """Compact JWS (ES256) over exactly these payload bytes; header ``{alg, kid, typ}``."""
    token: str = jws.sign(
        payload, key.prepared, headers={"kid": key.kid, "typ": typ}, algorithm="ES256"
    )
    return token


def verify_bytes(token: str, key: Mapping[str, str], typ: str) -> bytes:
    """Payload bytes of a compact JWS signed by exactly this public key. Raises AuthError."""
    try:
        if len(token) > 1_000_000 or not _TOKEN.match(token):
            raise AuthError("shape")
        header = jws.get_unverified_header(token)
        if set(header) != {"alg", "kid", "typ"} or header["alg"] != "ES256" or header["typ"] != typ:
            raise AuthError("header")
        if header["kid"] != thumbprint(key):
            raise AuthError("kid")
        payload: bytes = jws.verify(token, jose_jwk.construct(dict(key), "ES256"), ["ES256"])
    except AuthError:
        raise
    except Exception as error:  # whatever the library makes of a hostile token
        raise AuthError(type(error).__name__) from None
    return payload


def b64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_name(token: str) -> tuple[str, str]:
    """The (kid, alg) a token names, before any check, to know whose key to look for.

    Raises AuthError.
    """
    try:
        header = jwt.get_unverified_header(_shaped(token))
        kid, alg = header.get("kid"), header.get("alg")
        if not isinstance(kid, str) or alg not in INBOUND_ALGORITHMS:
            raise AuthError("alg")
    except AuthError:
        raise
    except Exception as error:  # whatever the library makes of a hostile token
        raise AuthError(type(error).__name__) from None
    return kid, str(alg)


def throwaway_key(algorithm: str) -> Any:
    """A verification key of this algorithm that nothing was or will be signed with."""
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm == "RS256":
        private = rsa.generate_private_key(65_537, 2_048)
    else:
        private = ec.generate_private_key(
            ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1()
        )
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return jose_jwk.construct(pem.decode(), algorithm)


def unverified_claims(token: str) -> dict[str, Any]:
    """Claims before any check, only to learn whose key to try. Raises AuthError."""
    try:
        claims: dict[str, Any] = jwt.get_unverified_claims(_shaped(token))
    except AuthError:
        raise
    except Exception as error:  # whatever the library makes of a hostile token
        raise AuthError(type(error).__name__) from None
    return claims
