"""Clearance receipts: signed by the registry, checked years later without it.

A receipt proves what was answered, to whom and when. That it has expired by now is stated,
not refused: an auditor asks about the day of signing, not about today.
"""

from __future__ import annotations

from typing import Any

from partner_registry_client.encoding import Fields, sha256_hex
from partner_registry_client.errors import (
    FromTheFuture,
    Malformed,
    Mismatch,
    NeverPulled,
    WrongIssuer,
)
from partner_registry_client.jws import verify_compact
from partner_registry_client.state import State
from partner_registry_client.trust import SKEW_S

RECEIPT_TYP = "clearance+jwt"
MAX_RECEIPT_BYTES = 64 * 1024
_OUTCOMES = {"CLEAR", "CLEAR_WITH_CONDITIONS", "REFER", "BLOCKED"}


def verify_receipt(
    state: State, receipt: bytes, *, answer: bytes | None = None, now: float
) -> dict[str, Any]:
    """What a genuine receipt says. Raises VerificationFailed for any other.

    `answer`: the exact bytes of the clearance as it was served; their digest is compared.
    """
    keys = state.keys
    if keys is None:
        raise NeverPulled("no keys of the registry are stored yet; run 'registry-sync pull' first")
    signed = verify_compact(
        receipt.strip(), typ=RECEIPT_TYP, keys=keys.of_use("receipt"), limit=MAX_RECEIPT_BYTES
    )
    claims = signed.claims("receipt")
    if claims.text("iss") != keys.issuer:
        raise WrongIssuer("receipt: of another issuer than the trust anchor's")
    issued = claims.integer("iat")
    expires = claims.integer("exp")
    # The answer is of ``iat``; its first reader had it signed, perhaps by a key of later.
    keys.require_not_ended("receipt", signed.kid, issued)
    if issued > now + SKEW_S:
        raise FromTheFuture("receipt: issued in the future; is the clock of this host right?")
    digest = _read_claims(claims)
    outcome = claims.text("outcome", 64)
    if answer is not None and sha256_hex(answer) != digest:
        raise Mismatch("receipt: this is not the answer that was signed")
    return {
        "verified": True,
        "kid": signed.kid,
        "expired": expires <= now,
        "answer": "not_checked" if answer is None else "matches",
        # Codes are only ever added; one that this client does not know means: consult.
        "outcome": outcome if outcome in _OUTCOMES else "REFER",
        "claims": dict(claims.raw),
    }


def _read_claims(claims: Fields) -> str:
    """Check the shape of what a reader relies on; the digest of the answer."""
    claims.text("aud", 64)
    claims.text("jti", 128)
    claims.optional_text("sub", 64)
    claims.fields("list")
    claims.text("outcome", 64)
    if not all(isinstance(code, str) for code in claims.items("reasons", 1000)):
        raise Malformed("receipt: a reason that is not a code")
    claims.optional_digest("request_sha256")
    return claims.digest("answer_sha256")
