"""Every token that security.md 1.2 found to be taken by the library, and its neighbours.

Each is a function of the service's own key, so that nothing but the named fault is wrong.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.auth.forge import EcKey, b64, claims, forge, jwk, new_key

Make = Callable[[EcKey, str], str]


def _header(kid: str, /, **more: Any) -> dict[str, Any]:
    values = {"alg": "ES256", "typ": "at+jwt", "kid": kid} | more
    return {name: value for name, value in values.items() if value is not ...}


def with_claims(**more: Any) -> Make:
    """A well-signed token in which these claims differ."""
    return lambda key, kid: forge(_header(kid), claims("UNICEF", **more), key)


def with_header(**more: Any) -> Make:
    """A well-signed token in whose header these members differ."""
    return lambda key, kid: forge(_header(kid, **more), claims("UNICEF"), key)


def _raw_claim(name: str, raw: str) -> Make:
    """A claim given as JSON text that a library would not write."""

    def make(key: EcKey, kid: str) -> str:
        body = json.dumps(claims("UNICEF", **{name: "@"})).replace('"@"', raw)
        return forge(_header(kid), body.encode(), key)

    return make


def _hmac(secret: Callable[[EcKey], bytes], **header: Any) -> Make:
    return lambda key, kid: forge(
        _header(kid, alg="HS256", **header), claims("UNICEF"), secret(key)
    )


def _public(encoding: Encoding, form: PublicFormat) -> Callable[[EcKey], bytes]:
    return lambda key: key.public_key().public_bytes(encoding, form)


def _nested(depth: int) -> Make:
    def make(key: EcKey, kid: str) -> str:
        header = b'{"alg":"ES256","typ":"at+jwt","kid":' + b"[" * depth + b"]" * depth + b"}"
        return forge(header, claims("UNICEF"), key)

    return make


def _edit(change: Callable[[str], str]) -> Make:
    return lambda key, kid: change(with_claims()(key, kid))


def _swap_signature(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{signature[::-1]}"


def _other_curve(key: EcKey, kid: str) -> str:
    return forge(_header(kid), claims("UNICEF"), ec.generate_private_key(ec.SECP384R1()))


def _small_rsa(key: EcKey, kid: str) -> str:
    weak = rsa.generate_private_key(65_537, 1_024)
    return forge(_header(kid, alg="RS256"), claims("UNICEF"), weak)


_NOW = int(time.time())
_HEAD = 16_384

TOKENS: dict[str, Make] = {
    # what must be there
    "no audience": with_claims(aud=...),
    "no expiry": with_claims(exp=...),
    "no time of issue": with_claims(iat=...),
    "no issuer": with_claims(iss=...),
    "no subject": with_claims(sub=...),
    "no identifier": with_claims(jti=...),
    # what must be right
    "wrong audience": with_claims(aud="https://elsewhere.example"),
    "audience among others": with_claims(aud=["http://127.0.0.1:8000", "https://x.example"]),
    "audience as object": with_claims(aud={"http://127.0.0.1:8000": 1}),
    "wrong issuer": with_claims(iss="https://elsewhere.example"),
    "issuer with a slash": with_claims(iss="http://127.0.0.1:8000/"),
    "issuer as list": with_claims(iss=["http://127.0.0.1:8000"]),
    "empty subject": with_claims(sub=""),
    "subject as number": with_claims(sub=7),
    "subject as list": with_claims(sub=["UNICEF"]),
    "short identifier": with_claims(jti="x"),
    "long identifier": with_claims(jti="x" * 129),
    "identifier as number": with_claims(jti=12_345_678),
    "scope as list": with_claims(scope=["partners:read"]),
    "scope as object": with_claims(scope={}),
    # times
    "expired": with_claims(iat=_NOW - 900, exp=_NOW - 600),
    "expired within the leeway": with_claims(iat=_NOW - 300, exp=_NOW - 5),
    "issued in a year": with_claims(iat=_NOW + 31_536_000, exp=_NOW + 31_536_300),
    "lives a day": with_claims(exp=_NOW + 86_400),
    "lives eleven minutes": with_claims(iat=_NOW, exp=_NOW + 661),
    "not yet": with_claims(nbf=_NOW + 3_000),
    "expiry null": with_claims(exp=None),
    "expiry as list": with_claims(exp=[_NOW + 300]),
    "expiry as text": with_claims(exp=str(_NOW + 300)),
    "expiry as truth": with_claims(exp=True),
    "expiry infinite": _raw_claim("exp", "Infinity"),
    "expiry not a number": _raw_claim("exp", "NaN"),
    "expiry 1e999": _raw_claim("exp", "1e999"),
    "expiry of 5,000 digits": _raw_claim("exp", "9" * 5_000),
    "expiry negative": with_claims(exp=-1),
    "issue infinite": _raw_claim("iat", "Infinity"),
    "issue null": with_claims(iat=None),
    "issue zero": with_claims(iat=0),
    "start null": with_claims(nbf=None),
    "start infinite": _raw_claim("nbf", "-Infinity"),
    # header
    "algorithm none": lambda key, kid: forge(_header(kid, alg="none"), claims("UNICEF"), None),
    "algorithm None": lambda key, kid: forge(_header(kid, alg="None"), claims("UNICEF"), None),
    "algorithm absent": with_header(alg=...),
    "algorithm null": with_header(alg=None),
    "algorithm as list": with_header(alg=["ES256"]),
    "algorithm RS256": with_header(alg="RS256"),
    "algorithm ES384": with_header(alg="ES384"),
    "algorithm ES512": with_header(alg="ES512"),
    "algorithm as part of a word": with_header(alg="S256"),
    "type absent": with_header(typ=...),
    "type JWT": with_header(typ="JWT"),
    "type of an assertion": with_header(typ="client-authentication+jwt"),
    "type of a manifest": with_header(typ="debarred-manifest+jwt"),
    "type as list": with_header(typ=["at+jwt"]),
    "kid absent": with_header(kid=...),
    "kid unknown": with_header(kid="another"),
    "kid as list": with_header(kid=["x"]),
    "kid as path": with_header(kid="../../dev/null"),
    "kid as SQL": with_header(kid="' OR '1'='1"),
    "critical extension": with_header(crit=["exp"]),
    "unencoded payload": with_header(b64=False, crit=["b64"]),
    "compressed": with_header(zip="DEF"),
    "content type": with_header(cty="JWT"),
    "own key": lambda key, kid: _embedded(kid, "jwk"),
    "address of a key set": with_header(jku="https://evil.example/jwks"),
    "address of a certificate": with_header(x5u="https://evil.example/cert"),
    "certificate": with_header(x5c=["MIIB"]),
    "header nested 1,000 deep": _nested(1_000),
    "header nested 2,500 deep": _nested(2_500),
    "header no object": lambda key, kid: forge(b"[]", claims("UNICEF"), key),
    "header null": lambda key, kid: forge(b"null", claims("UNICEF"), key),
    "header no JSON": lambda key, kid: forge(b"\xff\xfe", claims("UNICEF"), key),
    # claims that are no claims
    "claims a list": lambda key, kid: forge(_header(kid), b"[]", key),
    "claims null": lambda key, kid: forge(_header(kid), b"null", key),
    "claims a number": lambda key, kid: forge(_header(kid), b"7", key),
    "claims no JSON": lambda key, kid: forge(_header(kid), b"{", key),
    "claims not UTF-8": lambda key, kid: forge(_header(kid), b'{"iss":"\xff"}', key),
    "claims nested 1,500 deep": lambda key, kid: forge(
        _header(kid), b'{"a":' + b"[" * 1_500 + b"]" * 1_500 + b"}", key
    ),
    # keys
    "another key": lambda key, kid: forge(_header(kid), claims("UNICEF"), new_key()),
    "another curve": _other_curve,
    "small RSA key": _small_rsa,
    "no signature": lambda key, kid: forge(_header(kid), claims("UNICEF"), None),
    "signature of zeros": lambda key, kid: (
        forge(_header(kid), claims("UNICEF"), None) + b64(bytes(64))
    ),
    "HMAC with the public key, PEM": _hmac(
        _public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ),
    "HMAC with the public key, DER": _hmac(
        _public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ),
    "HMAC with the public point": _hmac(_public(Encoding.X962, PublicFormat.UncompressedPoint)),
    "HMAC with the public key, SSH": _hmac(_public(Encoding.OpenSSH, PublicFormat.OpenSSH)),
    "HMAC with the JWK": _hmac(lambda key: json.dumps(jwk(key)).encode()),
    "HMAC with an empty key": _hmac(lambda key: b""),
    "HMAC with the letter a": _hmac(lambda key: b"a"),
    "HMAC without kid": _hmac(lambda key: b"", kid=...),
    # shape
    "junk in the signature": _edit(lambda token: token[:-10] + "!*" + token[-10:]),
    "line break in the signature": _edit(lambda token: token[:-10] + "\n" + token[-10:]),
    "line break at the end": _edit(lambda token: token + "\n"),
    "padding": _edit(lambda token: token + "=="),
    "reversed signature": _edit(_swap_signature),
    "two parts": _edit(lambda token: token.rsplit(".", 1)[0]),
    "four parts": _edit(lambda token: token + ".x"),
    "five parts": lambda key, kid: "a.b.c.d.e",
    "empty parts": lambda key, kid: "..",
    "no base64": lambda key, kid: "a.a.a",
    "8 kB": with_claims(note="x" * 8_192),
    "15 kB": with_claims(note="x" * 11_000),
    "1 MB": lambda key, kid: "a" * 1_000_000 + ".a.a",
    "wide letters": lambda key, kid: "ａ.ｂ.ｃ",
    "empty": lambda key, kid: "",
}


def refusal(token: str) -> tuple[int, str]:
    """Status and code of the answer to a request with this hostile token.

    The edge takes a head of 16 kB. With a larger one the request is refused whatever it carries
    and before anything reads the token: that is the head's fault, not the credential's.
    """
    return (431, "head_too_large") if len(token) > _HEAD else (401, "not_authenticated")


def _embedded(kid: str, member: str) -> str:
    """A token that brings the key it is signed with."""
    own = new_key()
    return forge(_header(kid, **{member: jwk(own, kid)}), claims("UNICEF"), own)
