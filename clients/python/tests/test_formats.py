"""What is signed has one reading: everything with two is refused."""

import pytest

from partner_registry_client.conformance.signing import Key, b64, compact, jwk, kid, new_key
from partner_registry_client.encoding import b64url_decode, canonical, read_json
from partner_registry_client.errors import ClientError, Forged, Malformed, TooLarge
from partner_registry_client.jws import PublicKey, verify_compact

TYP = "test+jwt"


@pytest.fixture(scope="module")
def key() -> Key:
    return new_key()


def _verify(key: Key, token: str) -> bytes:
    keys = {kid(key): PublicKey.from_jwk(jwk(key))}
    return verify_compact(token.encode(), typ=TYP, keys=keys, limit=1000).payload


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', '{"a":NaN}', '{"a":Infinity}', "[" * 100_000, "", "\ufeff{}", "{}{}"],
)
def test_ambiguous_json_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_json(text.encode(), "test")
    with pytest.raises(Malformed):
        read_json(b'{"a":"\xff"}', "test")


@pytest.mark.parametrize("text", [b"QQ==", b"QR", b"Q", b"Q+", b"Q Q", b"", b"QQ\n"])
def test_a_value_has_one_spelling_in_base64url(text: bytes) -> None:
    with pytest.raises(Malformed):
        b64url_decode(text)


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        canonical({"value": value})


def test_a_good_signature_is_accepted_and_a_long_one_is_not(key: Key) -> None:
    assert _verify(key, compact(key, TYP, {"a": 1})) == b'{"a":1}'
    with pytest.raises(TooLarge):
        _verify(key, compact(key, TYP, {"a": "x" * 1000}))


def test_every_altered_character_is_noticed(key: Key) -> None:
    token = compact(key, TYP, {"a": 1})
    for at, old in enumerate(token):
        for new in {"A", "B", "_", ".", "=", "\n"} - {old}:
            with pytest.raises(ClientError):
                _verify(key, token[:at] + new + token[at + 1 :])


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64])
def test_numbers_outside_the_group_are_no_signature(key: Key, signature: bytes) -> None:
    signed = compact(key, TYP, {}).rpartition(".")[0]
    with pytest.raises(Forged):
        _verify(key, f"{signed}.{b64(signature)}")


@pytest.mark.parametrize(
    "bend",
    [
        {"d": "AAAA"},
        {"kty": "RSA"},
        {"crv": "P-384"},
        {"x": "AAAA"},
        {"y": b64(bytes(32))},
        {"kid": "mine"},
    ],
)
def test_what_is_not_a_public_p256_key_is_refused(key: Key, bend: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        PublicKey.from_jwk(jwk(key) | bend)
