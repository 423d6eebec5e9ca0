"""Claims for tests: a partner that has taken over its profile, and how its clients call."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import uuid4

from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, World

CLAIMANT = {"name": "Wanjiru Kamau", "title": "Director", "email": "director@amani.example"}
DECISION = {"decision": "approve", "checked": "KNOWN_CONTACT", "reason": "Called the office."}
V1 = {"If-Match": '"v1"'}
KEY = {
    "kty": "EC",
    "kid": "1",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


def claim_body() -> dict[str, Any]:
    """A claim that an agency files."""
    return {"claimant": CLAIMANT, "document_ids": [str(uuid4())]}


async def claimed(
    api_for: ApiFor, world: World, partner: str, *, filer: str = "UNICEF", checker: str = "UNHCR"
) -> tuple[Api, dict[str, Any]]:
    """The partner's own client after a claim that ``filer`` filed and ``checker`` approved."""
    made = await (await api_for(filer)).made(f"/v1/partners/{partner}/claims", claim_body())
    url = f"/v1/partners/{partner}/claims/{made['id']}/decision"
    answer = await (await api_for(checker)).post(url, json=DECISION, headers=V1)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    world.secrets[done["client_id"]] = done["client_secret"]
    return await api_for(done["client_id"]), done


async def claimed_partner(api_for: ApiFor, world: World) -> tuple[str, Api]:
    """A partner of its own, and its client."""
    partner = str((await make_partner(await api_for("UNICEF")))["id"])
    return partner, (await claimed(api_for, world, partner))[0]


def code_like() -> str:
    """A code that nobody was given."""
    return secrets.token_urlsafe(24)
