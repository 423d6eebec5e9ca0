"""Merges: every agency's, where both profiles are; no partner's."""

from __future__ import annotations

from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, V1, Call, Maker, Rule, only, plain
from tests.confidentiality.scene import AGENCIES, CANARY, Scene
from tests.partners.factories import make_partner
from tests.partners.merges.support import of

_DECISION = {"decision": "reject", "reason": f"{CANARY}: two certificates"}
_WHY = {"reason": f"{CANARY}: entered twice"}
_BUSY = frozenset({200, 409, 412})


async def _proposal(scene: Scene) -> str:
    owner = await scene.owner()
    loser, survivor = await make_partner(owner), await make_partner(owner)
    body = {"into": survivor["id"], **_WHY}
    made = await owner.made(f"/v1/partners/{loser['id']}/merge", body, headers=of(1))
    return str(made["id"])


async def prepare(scene: Scene) -> None:
    """One that waits, for everybody to see."""
    scene.ids["merge"] = await _proposal(scene)


async def _propose(scene: Scene, relation: str) -> Call:
    owner = await scene.owner()
    loser, survivor = await make_partner(owner), await make_partner(owner)
    return Call({"partner_id": loser["id"]}, {"into": survivor["id"], **_WHY}, V1)


def _on_a_new_one(body: object) -> Maker:
    async def make(scene: Scene, relation: str) -> Call:
        return Call({"merge_id": await _proposal(scene)}, body, V1)

    return make


def _bound(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None


_DECIDERS = only(*AGENCIES, granted=_BUSY)
RULES: dict[str, Rule] = {
    "proposeMerge": Rule(_propose, EVERYONE),
    "listMerges": Rule(plain(), EVERYONE, shows={"merge": frozenset(AGENCIES)}),
    "getMerge": Rule(plain(merge_id="merge"), EVERYONE),
    "decideMerge": Rule(_on_a_new_one(_DECISION), _DECIDERS),
    "withdrawMerge": Rule(_on_a_new_one(_WHY), EVERYONE),
    "proposeMergeUndo": Rule(_on_a_new_one(_WHY), _DECIDERS),
    "decideMergeUndo": Rule(_on_a_new_one(_DECISION), _DECIDERS),
}
TABLES: dict[str, Table] = {
    "partner_merges": Table(
        ("id",),
        select=_bound,
        insert=_bound,
        update=_bound,
    ),
    "partner_merge_steps": Table(("id",), select=_bound, insert=own("agency_id")),
}
