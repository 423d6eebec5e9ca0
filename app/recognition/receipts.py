"""Receipts: the claims are stored with the answer, the signature is made once, after commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose
from app.auth.caller import Caller
from app.auth.keys import SigningKeys
from app.core import notice
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer
from app.recognition import queries
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
_UNSIGNED = text(
    """SELECT c.id, c.agency_id, c.receipt_payload FROM clearances c WHERE c.id = ANY (:ids)
      AND NOT EXISTS (SELECT FROM clearance_receipts r WHERE r.clearance_id = c.id)"""
)


def canonical(value: dict[str, Any]) -> bytes:
    """Canonical JSON (RFC 8785) of strings and whole numbers under ASCII names: what the standard
    encoder writes of them is the same, at a tenth of the cost.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def receipt_payload(
    issuer: str,
    audience: str,
    answer: dict[str, Any],
    codes: list[str],
    request: bytes,
    body: bytes,
    facts: Facts,
    now: datetime,
    more: dict[str, Any],
) -> bytes:
    """The exact bytes that are signed: codes, versions and hashes; no person, no name, no text.

    Canonical JSON (RFC 8785).
    """
    match = answer["match"]
    valid = timedelta(days=DEFAULTS.answer_valid_days)
    return canonical(
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
            "assessments": [
                {"id": str(item["id"]), "version": item["version"]}
                for item in answer["assessments"]
            ],
            "rating_scales": SCALES.version,
            "notice": notice.VERSION,
        }
        | more
    )


async def get_receipt(session: AsyncSession, keys: SigningKeys, caller: Caller, row: Any) -> str:
    """The receipt of a clearance that the caller may see; whoever is first has it signed, all later
    ones get the same bytes.
    """
    stored = await queries.find_receipt(session, row.id)
    if stored is not None:
        return stored
    await _sign(session, keys, [(row.id, caller.agency_id, row.receipt_payload)])
    # Another reader may have been first; its signature is the one that stands.
    stored = await queries.find_receipt(session, row.id)
    assert stored is not None
    return stored


async def _sign(
    session: AsyncSession, keys: SigningKeys, payloads: Sequence[tuple[UUID, UUID, bytes]]
) -> None:
    key = await keys.signing_key("receipt")
    rows = [
        {"id": one, "agency": agency, "receipt": jose.sign(payload, key, RECEIPT_TYPE)}
        for one, agency, payload in payloads
    ]
    if rows:
        await session.execute(_INSERT, rows)


def signer(keys: SigningKeys) -> Consumer:
    """Signs, as the worker, what nobody has asked for yet: a receipt exists soon after its answer,
    whoever reads it when.
    """

    async def sign(session: AsyncSession, events: Sequence[OutboxEvent]) -> None:
        found = await session.execute(_UNSIGNED, {"ids": [event.subject_id for event in events]})
        await _sign(session, keys, [(row.id, row.agency_id, row.receipt_payload) for row in found])

    return Consumer("recognition.receipts", frozenset({EventType.CLEARANCE_GIVEN}), together=sign)
