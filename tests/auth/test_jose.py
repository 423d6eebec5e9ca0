"""The wrapper around the JOSE library: which keys it takes, what it signs, known weaknesses."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.auth import ed25519, jose
from tests.auth.forge import Key, b64, claims, forge, jwk, new_key, rsa_jwk
from tests.support import BASE

_EC, _OTHER = new_key(), ec.generate_private_key(ec.SECP384R1())
_RSA = rsa.generate_private_key(65_537, 2_048)
_WEAK = rsa.generate_private_key(65_537, 1_024)


def _load(*keys: Any) -> dict[tuple[str, str], Any]:
    return jose.load_jwks({"keys": list(keys)}, jose.INBOUND_ALGORITHMS)


@pytest.mark.parametrize(
    ("public", "key", "alg"),
    [
        (jwk(_EC), _EC, "ES256"),
        (jwk(_OTHER), _OTHER, "ES384"),
        (rsa_jwk(_RSA), _RSA, "RS256"),
        ({**rsa_jwk(_RSA), "alg": ...}, _RSA, "RS256"),
    ],
)
def test_a_key_of_each_kind_verifies_its_own_algorithm(
    public: dict[str, Any], key: Key, alg: str
) -> None:
    public = {name: value for name, value in public.items() if value is not ...}
    issuer = jose.Issuer(_load(public), jose.INBOUND_ALGORITHMS)
    header = {"alg": alg, "typ": "at+jwt", "kid": public["kid"]}
    token = forge(header, claims("someone"), key)
    assert jose.verify(token, {BASE: issuer}, BASE)["sub"] == "someone"
    with pytest.raises(jose.AuthError):
        jose.verify(token, {BASE: jose.Issuer(issuer.keys, ("PS256",))}, BASE)


@pytest.mark.parametrize(
    "foreign",
    [
        rsa_jwk(_WEAK), jwk(_EC, crv="P-521"), jwk(_EC, crv="secp256k1"), jwk(_EC, alg="ES384"),
        jwk(_OTHER, alg="ES256"), jwk(_EC, use="enc"), jwk(_EC, d="AA"), jwk(_EC, kid=""),
        {**jwk(_EC), "kid": 7}, {"kty": "oct", "k": "", "kid": "o", "alg": "HS256"},
        None, 7, "x", [],
        {"kty": "oct", "k": "", "kid": "o"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "e"},
        jwk(_EC, x="AA"), jwk(_EC, x=7), {**jwk(_EC), "y": b64(bytes(32))}, {"kty": "EC"}, {},
        rsa_jwk(_RSA, alg="ES256"), jwk(_EC, alg="RS256"), jwk(_EC, alg="HS256"),
        jwk(_EC, alg=["ES256"]),
    ],
)  # fmt: skip
def test_a_foreign_or_weak_key_is_passed_over_and_hides_no_good_one(foreign: Any) -> None:
    assert set(_load(foreign, jwk(_EC, "good"))) == {("good", "ES256")}


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(jose.AuthError, match="duplicate"):
        _load(jwk(_EC, "same"), jwk(new_key(), "same"))


def test_only_so_many_keys_are_read() -> None:
    assert len(_load(*(jwk(_EC, f"k{number}") for number in range(30)))) == 20
    for document in ({}, {"keys": None}, {"keys": {"a": 1}}, {"keys": "x"}):
        assert jose.load_jwks(document, ("ES256",)) == {}


def test_cve_2026_85394_a_public_key_in_der_is_never_an_hmac_secret() -> None:
    """The library takes it as one when algorithms are open; the wrapper never leaves them open."""
    secret = _EC.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for alg in ("HS256", "HS384", "HS512"):
        token = forge({"alg": alg, "typ": "at+jwt", "kid": "k1"}, claims("x"), secret)
        for algorithms in (("ES256",), jose.INBOUND_ALGORITHMS):
            with pytest.raises(jose.AuthError, match="alg"):
                jose.verify(token, {BASE: jose.Issuer(_load(jwk(_EC)), algorithms)}, BASE)
        with pytest.raises(jose.AuthError):
            jose.verify_bytes(token, jwk(_EC), "at+jwt")


def test_cve_2026_120459_an_empty_hmac_key_is_no_key() -> None:
    """The library takes a key of length zero; the wrapper loads no symmetric key at all."""
    empty = {"kty": "oct", "k": "", "kid": "k1", "alg": "HS256"}
    assert jose.load_jwks({"keys": [empty]}, (*jose.INBOUND_ALGORITHMS, "HS256")) == {}
    token = forge({"alg": "HS256", "typ": "at+jwt", "kid": "k1"}, claims("x"), b"")
    with pytest.raises(jose.AuthError):
        jose.verify(token, {BASE: jose.Issuer(_load(empty))}, BASE)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"iat": time.time() - 200, "exp": time.time() + 3_000}, "age"),
        ({"exp": time.time() + 5_000}, "time"),
        ({"nbf": []}, "TypeError"),
        ({"iat": True}, "iat"),
        ({"sub": ""}, "sub"),
        ({"jti": "short"}, "jti"),
        ({"aud": [BASE, "x"]}, "aud"),
    ],
)
def test_a_refusal_names_the_check_that_failed(more: dict[str, Any], code: str) -> None:
    token = forge({"alg": "ES256", "typ": "at+jwt", "kid": "k1"}, claims("x", **more), _EC)
    with pytest.raises(jose.AuthError) as refused:
        jose.verify(token, {BASE: jose.Issuer(_load(jwk(_EC)))}, BASE, max_age=60)
    assert str(refused.value) in (code, "JWTClaimsError")


def test_our_own_signature_verifies_over_exactly_its_bytes() -> None:
    key = jose.load_signing_key(jose.generate_key())
    payload = b'{"b": 1,  "a": "\xc3\xa9"}'
    token = jose.sign(payload, key, "receipt+jwt")
    assert jose.verify_bytes(token, key.public, "receipt+jwt") == payload
    assert jose.public_jwk(key)["kid"] == key.kid == jose.thumbprint(key.public)
    assert json.loads(_part(token, 0)) == {"alg": "ES256", "kid": key.kid, "typ": "receipt+jwt"}


def _part(token: str, number: int) -> bytes:
    return base64.urlsafe_b64decode(token.split(".")[number] + "==")


def test_bytes_of_another_key_type_or_shape_are_refused() -> None:
    key, other = (jose.load_signing_key(jose.generate_key()) for _ in range(2))
    token = jose.sign(b"{}", key, "receipt+jwt")
    head, body, signature = token.split(".")
    named = forge({"alg": "ES256", "kid": key.kid, "typ": "receipt+jwt"}, b"{}", new_key())
    extra = forge({"alg": "ES256", "kid": key.kid, "typ": "receipt+jwt", "x": 1}, b"{}", new_key())
    for wrong in (
        f"{head}.{b64(b'[]')}.{signature}", f"{head}.{body}.", f"{head}.{body}", "",
        "x" * 1_000_001,
        f"a.{body}.{signature}", named, extra, f"{head}.{body}.{signature}=", token + "\n",
    ):  # fmt: skip
        with pytest.raises(jose.AuthError):
            jose.verify_bytes(wrong, key.public, "receipt+jwt")
    for public, typ in ((other.public, "receipt+jwt"), (key.public, "other+jwt")):
        with pytest.raises(jose.AuthError):
            jose.verify_bytes(token, public, typ)


def test_only_a_p256_key_signs() -> None:
    for private in (_RSA, _OTHER, ec.generate_private_key(ec.SECP256K1())):
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(jose.AuthError):
            jose.load_signing_key(pem)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "x" * 9_000, "..", f"{b64(b'{}')}.a.a"])
def test_unverified_claims_of_no_token_are_an_auth_error(token: str) -> None:
    with pytest.raises(jose.AuthError):
        jose.unverified_claims(token)


def test_unverified_claims_are_read_without_a_key() -> None:
    token = forge({"alg": "ES256"}, {"iss": "me"}, new_key())
    assert jose.unverified_claims(token) == {"iss": "me"}


@pytest.mark.parametrize(
    "header", [b"{", b"[]", b"\xff", b'{"alg":"ES256"}', b'{"alg":"HS256","kid":"k"}']
)
def test_the_key_of_a_token_that_names_none_is_an_auth_error(header: bytes) -> None:
    with pytest.raises(jose.AuthError):
        jose.key_name(forge(header, claims("X"), _EC))


@pytest.mark.parametrize(("alg", "key"), [("ES256", _EC), ("ES384", _OTHER), ("RS256", _RSA)])
def test_a_signature_is_checked_with_nobody_s_key_and_never_holds(alg: str, key: Any) -> None:
    token = forge({"alg": alg, "typ": "JWT", "kid": "k"}, claims("X"), key)
    public = rsa_jwk(key, "k") if isinstance(key, rsa.RSAPrivateKey) else jwk(key, "k")
    own, nobody = _load(public), {("k", alg): jose.throwaway_key(alg)}
    assert own.keys() == nobody.keys()

    def verify(keys: jose.Keys) -> dict[str, Any]:
        issuers = {BASE: jose.Issuer(keys, jose.INBOUND_ALGORITHMS)}
        return jose.verify(token, issuers, BASE, typ=frozenset({"jwt"}))

    assert verify(own)["sub"] == "X"
    with pytest.raises(jose.AuthError):
        verify(nobody)


def test_a_note_is_verified_with_an_ed25519_key_only() -> None:
    _, public, secret = ed25519.generate()
    assert ed25519.load_public(public) == ed25519.load_private(secret).public_key()
    for other in (
        jwk(_EC),
        public | {"kty": "EC"},
        public | {"crv": "X25519"},
        public | {"x": "AA"},
    ):
        with pytest.raises(ValueError):
            ed25519.load_public(other)
