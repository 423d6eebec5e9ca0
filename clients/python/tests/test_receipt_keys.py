"""A receipt is signed when it is first read: perhaps by a key that is younger than the answer."""

from __future__ import annotations

import pytest

from partner_registry_client import errors
from partner_registry_client.conformance.signing import jwk, kid, new_key
from partner_registry_client.trust import KeysDocument, PublicKey, RegistryKey, Root

OLD, NEW, OTHER = new_key(), new_key(), new_key()


def _held(use: str, key: object, begun: int, ended: int | None) -> RegistryKey:
    return RegistryKey(use, PublicKey.from_jwk(jwk(key)), begun, ended)


KEYS = KeysDocument(
    "https://registry.test",
    1,
    0,
    10_000,
    Root.read({"threshold": 2, "keys": [jwk(OLD), jwk(NEW), jwk(OTHER)]}, "root"),
    (
        _held("receipt", OLD, 1_000, 2_000),
        _held("receipt", NEW, 1_900, None),
        _held("list", OTHER, 0, None),
    ),
)


@pytest.mark.parametrize(
    ("key", "iat", "good"),
    [
        (OLD, 1_000, True),
        (OLD, 2_000, True),
        (OLD, 2_001, False),
        (NEW, 1_500, True),
        (NEW, 5_000, True),
        (NEW, 999, False),
        (OTHER, 1_500, False),
    ],
)
def test_which_key_may_have_signed_a_receipt_of_which_time(
    key: object, iat: int, good: bool
) -> None:
    if good:
        KEYS.require_not_ended("receipt", kid(key), iat)
    else:
        with pytest.raises(errors.UnknownKey):
            KEYS.require_not_ended("receipt", kid(key), iat)
