"""What is looked at again, in the matrix: returned plans, redacted words, members of a share."""

from __future__ import annotations

from typing import Any

from tests.assessments.assurance.support import PLANS
from tests.assessments.assurance.support import make_plan as assurance_plan
from tests.assessments.plans.support import actions_of, agreed_plan, report, url_of
from tests.confidentiality.model import Table, own
from tests.confidentiality.rules import OWNER_ONLY, V1, Call, Rule, only, plain
from tests.confidentiality.scene import CANARY, OWNER, REASON, Scene
from tests.partners.factories import make_partner

_GROUPS = "/v1/sharing-policies/groups"
_UNDO = {"decision": "undo", "reason": CANARY}


async def prepare(scene: Scene) -> None:
    """A plan that was sent back, an agreed one with hidden words, and a share with a group."""
    owner, second = await scene.owner(), await scene.api_for(f"{OWNER}_APPROVER")
    ids = scene.ids
    ids["returned_plan"] = (await assurance_plan(owner))["id"]
    url = f"{PLANS}/{ids['returned_plan']}"
    tag = {"If-Match": (await owner.post(f"{url}/submission")).headers["etag"]}
    why = {"decision": "return", "reason": f"{CANARY}: two visits are missing"}
    back = await second.post(f"{url}/approval", json=why, headers=tag)
    assert back.status_code == 200, back.text
    words = await _words(scene, ids["partner"])
    for part, name in (("actions", "action_id"), ("steps", "step_id")):
        at = f"/v1/capacity-plans/{words['plan_id']}/{part}/{words[name]}"
        await owner.made(f"{at}/redaction", REASON)
        ids[f"hidden_{part}"] = words[name]
    ids["words_plan"] = words["plan_id"]
    ids["members"] = await _group(scene)


async def _words(scene: Scene, partner: str | None = None) -> dict[str, str]:
    """An agreed plan with an action that was reported on."""
    owner = await scene.owner()
    plan = await agreed_plan(owner, partner)
    (action,) = await actions_of(owner, plan)
    assert (await report(owner, plan, action, "in_progress")).status_code == 200
    steps = (await owner.read(f"{url_of(plan)}/steps"))["items"]
    return {"plan_id": plan["id"], "action_id": action["id"], "step_id": steps[0]["id"]}


async def _group(scene: Scene) -> str:
    owner = await scene.owner()
    wish = {"shared_with_group": "HACT_AGENCIES", "level": "summary", "purpose": "RENEWAL"}
    partner = (await make_partner(owner))["id"]
    return str((await owner.made(_GROUPS, wish | {"partner_id": partner}))["group_id"])


def _hide(part: str, name: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        path = {"plan_id": scene.ids["words_plan"], name: scene.ids[f"hidden_{part}"]}
        if relation == "owner":
            found = await _words(scene)
            path = {key: found[key] for key in path}
        return Call(path, REASON)

    return make


def _decide(part: str, name: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        path = {"plan_id": scene.ids["words_plan"], name: scene.ids[f"hidden_{part}"]}
        return Call(path, _UNDO, V1)

    return make


def _member(*, taken_out: bool) -> Any:
    """On a share made for this call where the owner calls; ``taken_out``: the agency was."""

    async def make(scene: Scene, relation: str) -> Call:
        group = scene.ids["members"]
        if relation == "owner":
            group = await _group(scene)
            if taken_out:
                gone = await (await scene.owner()).delete(f"{_GROUPS}/{group}/members/WFP")
                assert gone.status_code == 204
        if taken_out:
            return Call({"group_id": group}, {"agency": "WFP"})
        return Call({"group_id": group, "agency": "WFP"})

    return make


_SAME_PERSON = frozenset({409})
"""The owner's person hid it itself; that is no 404 to it."""

RULES = {
    "listAssurancePlanReturns": Rule(plain(plan_id="returned_plan"), OWNER_ONLY, hides="plan_id"),
    "redactCapacityPlanAction": Rule(_hide("actions", "action_id"), OWNER_ONLY, hides="plan_id"),
    "redactCapacityPlanStep": Rule(_hide("steps", "step_id"), OWNER_ONLY, hides="plan_id"),
    "decideCapacityPlanActionRedaction": Rule(
        _decide("actions", "action_id"), only("owner", granted=_SAME_PERSON), hides="plan_id"
    ),
    "decideCapacityPlanStepRedaction": Rule(
        _decide("steps", "step_id"), only("owner", granted=_SAME_PERSON), hides="plan_id"
    ),
    "addGroupShareMember": Rule(_member(taken_out=True), OWNER_ONLY, hides="group_id"),
    "removeGroupShareMember": Rule(_member(taken_out=False), OWNER_ONLY, hides="group_id"),
}

_OWNER = own("owner_agency")
TABLES = {"assurance_plan_returns": Table(("id",), select=_OWNER, insert=_OWNER)}
