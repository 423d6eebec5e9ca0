"""Receipts: the claims are stored with the answer, the signature is made once, after commit."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import rfc8785
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose
from app.auth.caller import Caller
from app.auth.keys import SigningKeys
from app.core import notice
from app.recognition import queries, service
from app.recognition.decide import Facts
from app.recognition.rules import DEFAULTS, SCALES

RECEIPT_TYPE = "clearance+jwt"
NOTICE = (
    f"{notice.TEXT} CLEAR means that no adverse information was found, REFER that the agency "
    "should consult before signing; the agency decides."
)

_INSERT = text(
    "INSERT INTO clearance_receipts (clearance_id, agency_id, receipt) "
    "VALUES (:id, :agency, :receipt) ON CONFLICT (clearance_id) DO NOTHING"
)


def receipt_payload(
    issuer: str,
    audience: str,
    answer: dict[str, Any],
    codes: list[str],
    request: bytes,
    body: bytes,
    facts: Facts,
    now: datetime,
) -> bytes:
    """The exact bytes that are signed: codes, versions and hashes; no person, no name, no text."""
    match = answer["match"]
    valid = timedelta(days=DEFAULTS.answer_valid_days)
    return rfc8785.dumps(
        {
            "iss": issuer,
            "sub": str(match["partner_id"]) if match else None,
            "aud": audience,
            "iat": int(now.timestamp()),
            "exp": int((now + valid).timestamp()),
            "jti": str(answer["clearance_id"]),
            "outcome": answer["outcome"],
            "reasons": codes,
            "answer_sha256": hashlib.sha256(body).hexdigest(),
            "request_sha256": hashlib.sha256(request).hexdigest(),
            "list": {
                "version": answer["list"]["version"],
                "checked_at": answer["list"]["checked_at"],
            },
            "partner_version": match["partner_version"] if match else None,
            "policies": [
                {"requirement": policy.requirement, "id": policy.id, "version": policy.version}
                for policy in facts.policies.values()
            ],
            "rating_scales": SCALES.version,
            "notice": notice.VERSION,
        }
    )


async def get_receipt(
    session: AsyncSession, keys: SigningKeys, caller: Caller, clearance_id: UUID
) -> str:
    """The receipt; the first reader signs it, all later ones get the same bytes.

    Raises ClearanceNotFound for another agency's.
    """
    row = await service.find_clearance(session, caller, clearance_id)
    stored = await queries.find_receipt(session, clearance_id)
    if stored is not None:
        return stored
    receipt = jose.sign(row.receipt_payload, await keys.signing_key("receipt"), RECEIPT_TYPE)
    values = {"id": clearance_id, "agency": caller.agency_id, "receipt": receipt}
    await session.execute(_INSERT, values)
    # Another reader may have been first; its signature is the one that stands.
    stored = await queries.find_receipt(session, clearance_id)
    assert stored is not None
    return stored
