"""What stands beside clearances, in the matrix: the asking agency's alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from tests.confidentiality.model import Table, own
from tests.confidentiality.rules import OWNER_ONLY, Call, Rule, only, plain
from tests.confidentiality.scene import Scene, clearance_body
from tests.partners.factories import make_partner

_CHANGED = text(
    """INSERT INTO clearance_changes (id, clearance_id, agency_id, version, status, outcome, causes,
      notes, at) SELECT uuidv7(), id, agency_id, 2, 'worsened', outcome, '[]', '[]', now()
    FROM clearances WHERE id = CAST(:id AS uuid)"""
)
_ID = plain(clearance_id="clearance")


async def _erase(scene: Scene, relation: str) -> Call:
    one = scene.ids["clearance"]
    if relation == "owner":
        owner = await scene.owner()
        made = await owner.made("/v1/clearances", clearance_body(scene.ids["lone"]))
        one = made["clearance_id"]
    return Call({"clearance_id": one}, {"basis": "person_request"})


async def prepare(scene: Scene) -> None:
    """A partner that nobody holds, for what is erased; a change of a clearance's status."""
    owner = await scene.owner()
    scene.ids["lone"] = (await make_partner(owner))["id"]
    async with scene.operator.session() as session:
        # As the worker would have it after a change for the worse.
        await session.execute(_CHANGED, {"id": scene.ids["clearance"]})


RULES: dict[str, Rule] = {
    "getClearanceStatus": Rule(_ID, OWNER_ONLY, hides="clearance_id"),
    # Its leaf has a number soon, not at once.
    "getClearanceProof": Rule(
        _ID, only("owner", granted=frozenset({200, 404})), hides="clearance_id"
    ),
    "recomputeClearance": Rule(_ID, OWNER_ONLY, hides="clearance_id"),
    "eraseClearanceContents": Rule(_erase, OWNER_ONLY, hides="clearance_id", oversight=True),
}
_OWN: Any = own("agency_id")
TABLES: dict[str, Table] = {
    "clearance_dependencies": Table(("clearance_id", "kind", "ref"), select=_OWN, insert=_OWN),
    "clearance_changes": Table(("id",), select=_OWN),
}
