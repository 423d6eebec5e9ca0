"""That a clearance is in the log: a proof file as C2SP tlog-proof describes it.

::

    c2sp.org/tlog-proof@v1
    extra <base64 of JSON: leaf_hash, and salt and leaf where the reader may see who acted>
    index 4711
    <base64 of a hash>
    ...

    <checkpoint, a signed note>

The leaf's hash is SHA-256 over 0x00, salt and leaf; the leaf names the event that the receipt
names, and the hash of the answer.
"""

from __future__ import annotations

import base64
import json
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import reading
from app.audit.errors import AuditEventNotFound, LeafNotFound
from app.auth.caller import Caller
from app.recognition import service

_LEAF = text("SELECT leaf_hash FROM log_leaves WHERE event_id = :event")


async def get_proof(session: AsyncSession, caller: Caller, clearance_id: UUID) -> str:
    """The proof of an own clearance. Raises ClearanceNotFound, and LeafNotFound until it is
    numbered.
    """
    row = await service.find_clearance(session, caller, clearance_id)
    leaf: bytes | None = await session.scalar(_LEAF, {"event": row.audit_event_id})
    if leaf is None:
        raise LeafNotFound(headers={"Retry-After": "1"})
    proof = await reading.prove_inclusion(session, leaf, None)
    extra = {"leaf_hash": leaf.hex(), "salt": None, "leaf": None}
    try:
        shown = await reading.get_event(session, caller, row.audit_event_id)
        extra |= {"salt": shown["salt"], "leaf": shown["leaf"]}
    except AuditEventNotFound:
        pass  # an act of an oversight role: others get the proof without what it was
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"extra {_b64(json.dumps(extra, separators=(',', ':')).encode())}",
        f"index {proof['index']}",
        *(_b64(bytes.fromhex(value)) for value in proof["hashes"]),
        "",
        proof["checkpoint"],
    ]
    return "\n".join(lines)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
