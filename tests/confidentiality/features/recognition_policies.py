"""Recognition policies in the matrix: what is approved is for all, a proposal is its agency's."""

from __future__ import annotations

from typing import Any

from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, Call, Rule, plain
from tests.confidentiality.scene import OWNER, Scene

URL = "/v1/recognition-policies"
_RULES: dict[str, Any] = {"requirement": "TERMS", "rules": [{"reporting": "Canary terms"}]}
_BODY = _RULES | {"effective_from": "2190-01-01", "source": "Canary"}
_OWN = own("agency_id")


async def prepare(scene: Scene) -> None:
    """A proposal of the owner's that nobody decides."""
    made = await (await scene.owner()).made(URL, _BODY)
    scene.ids["recognition_policy"] = made["id"]


async def _propose(scene: Scene) -> str:
    made = await (await scene.api_for(f"{OWNER}_REVIEWER")).made(URL, _BODY)
    return str(made["id"])


def _on_proposal(body: Any = None) -> Any:
    """A proposal of another person, made for this call where the owner calls."""

    async def make(scene: Scene, relation: str) -> Call:
        policy = await _propose(scene) if relation == "owner" else scene.ids["recognition_policy"]
        return Call({"policy_id": policy}, body, {"If-Match": '"v1"'})

    return make


def _sent(body: dict[str, Any]) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        return Call({}, body)

    return make


async def _compared(scene: Scene, relation: str) -> Call:
    return Call(params={"left": "UNICEF", "right": "WFP"})


def _seen(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None and (row["state"] == "approved" or row["agency_id"] == who.agency)


RULES: dict[str, Rule] = {
    "listRecognitionPolicies": Rule(
        plain(), EVERYONE, shows={"recognition_policy": frozenset({"owner"})}
    ),
    "listRecognitionRequirements": Rule(plain(), EVERYONE),
    "compareRecognitionPolicies": Rule(_compared, EVERYONE),
    "checkRecognitionPolicy": Rule(_sent(_RULES), EVERYONE, logged=False),
    "tryRecognitionPolicy": Rule(_sent(_RULES), EVERYONE),
    "proposeRecognitionPolicy": Rule(_sent(_BODY), EVERYONE),
    "getRecognitionPolicy": Rule(
        plain(policy_id="recognition_policy"), OWNER_ONLY, hides="policy_id"
    ),
    "decideRecognitionPolicy": Rule(
        _on_proposal({"decision": "approve"}), OWNER_ONLY, hides="policy_id"
    ),
    "withdrawRecognitionPolicy": Rule(_on_proposal(), OWNER_ONLY, hides="policy_id"),
}
TABLES: dict[str, Table] = {
    "recognition_policies": Table(
        ("id",),
        select=_seen,
        insert=lambda row, who, facts: _OWN(row, who, facts) and row["proposed_by"] is not None,
        update=lambda row, who, facts: _OWN(row, who, facts) and row["state"] == "proposed",
        change="state = 'withdrawn'",
    ),
    "clearance_inquiries": Table(
        ("agency_id", "partner_id", "on_day", "digest"), select=_OWN, insert=_OWN
    ),
}
