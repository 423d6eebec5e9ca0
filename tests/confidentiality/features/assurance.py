"""Assurance in the matrix: drafts are the agency's own, what is approved is every agency's."""

from __future__ import annotations

from typing import Any

from tests.assessments.assurance.support import (
    PLANS,
    YEAR,
    approve,
    fresh_country,
    make_plan,
    partner_in,
    plan_row,
)
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, Call, Maker, Rule, plain
from tests.confidentiality.scene import AGENCIES, OWNER, Scene

_FOLLOWED = {"status": "cancelled", "reason": "funding"}


async def _plan(scene: Scene, *, approved: bool, by: str = OWNER) -> dict[str, str]:
    """A plan with one activity, in a country of its own."""
    owner, country = await scene.api_for(by), fresh_country()
    partner = await partner_in(owner, country)
    plan = (await make_plan(owner, country))["id"]
    row = (await plan_row(owner, plan, partner, joint_with=["FAO"]))["id"]
    if approved:
        await approve(owner, await scene.api_for(f"{by}_APPROVER"), plan)
    return {"plan_id": plan, "activity_id": row, "partner_id": partner}


async def prepare(scene: Scene) -> None:
    """A draft, a plan in force, one that is being amended, and another agency's draft."""
    for name, approved in (("draft", False), ("approved", True), ("amended", True)):
        made = await _plan(scene, approved=approved)
        scene.ids[f"assurance_{name}"] = made["plan_id"]
        scene.ids[f"activity_{name}"] = made["activity_id"]
    owner = await scene.owner()
    await owner.made(f"{PLANS}/{scene.ids['assurance_amended']}/amendment", {})
    other = await _plan(scene, approved=True, by=AGENCIES["stranger"])
    again = await scene.api_for(AGENCIES["stranger"])
    await again.made(f"{PLANS}/{other['plan_id']}/amendment", {})
    second = await scene.api_for(f"{AGENCIES['stranger']}_APPROVER")
    await approve(again, second, other["plan_id"])


def _fresh(body: Any = None, *, approved: bool = False, submitted: bool = False) -> Maker:
    """On a plan made for this call where the owner calls, else on what is not the caller's."""

    async def make(scene: Scene, relation: str) -> Call:
        headers = {"If-Match": '"v1"'}
        if relation != "owner":
            which = "approved" if approved else "draft"
            ids = {
                "plan_id": scene.ids[f"assurance_{which}"],
                "activity_id": scene.ids[f"activity_{which}"],
            }
            return Call(ids, body, headers)
        ids = await _plan(scene, approved=approved)
        if submitted:
            other = await scene.api_for(f"{OWNER}_APPROVER")
            answer = await other.post(f"{PLANS}/{ids['plan_id']}/submission")
            headers = {"If-Match": answer.headers["etag"]}
        return Call(ids, body, headers)

    return make


async def _new_plan(scene: Scene, relation: str) -> Call:
    return Call(json={"country": fresh_country(), "year": YEAR})


async def _new_activity(scene: Scene, relation: str) -> Call:
    call = await _fresh()(scene, relation)
    partner = call.path.get("partner_id", scene.ids["partner"])
    return Call(call.path, {"partner_id": partner, "type": "audit", "quarter": 1})


_PARTNER = plain(partner_id="partner")
_DRAFT, _APPROVED = plain(plan_id="assurance_draft"), plain(plan_id="assurance_approved")
_OURS = frozenset({"owner"})
_ALL = frozenset(AGENCIES)


def _own(maker: Maker) -> Rule:
    return Rule(maker, OWNER_ONLY, hides="plan_id")


RULES: dict[str, Rule] = {
    "getAssuranceRequirements": Rule(_PARTNER, EVERYONE),
    "getAssuranceCoverage": Rule(_PARTNER, EVERYONE),
    "createAssurancePlan": Rule(_new_plan, EVERYONE),
    "listAssurancePlans": Rule(
        plain(),
        EVERYONE,
        shows={"assurance_draft": _OURS, "assurance_approved": _ALL, "assurance_amended": _ALL},
    ),
    "getAssuranceCalendar": Rule(
        plain(), EVERYONE, shows={"activity_draft": frozenset(), "activity_approved": _ALL}
    ),
    "getAssurancePlan": _own(_DRAFT),
    "listAssurancePlanRevisions": _own(_DRAFT),
    "listPlannedActivities": Rule(_APPROVED, EVERYONE, shows={"activity_approved": _ALL}),
    "getAssurancePlanCoverage": _own(_DRAFT),
    "discardAssurancePlanDraft": _own(_fresh()),
    "submitAssurancePlan": _own(_fresh()),
    "approveAssurancePlan": _own(_fresh({"decision": "approve"}, submitted=True)),
    "amendAssurancePlan": _own(_fresh(approved=True)),
    "planActivity": _own(_new_activity),
    "changePlannedActivity": _own(_fresh({"quarter": 3})),
    "removePlannedActivity": _own(_fresh()),
    "followPlannedActivity": _own(_fresh(_FOLLOWED, approved=True)),
}

_OWNER = own("owner_agency")


def _sees(state: str) -> Any:
    def sees(row: Row, who: Who, facts: Facts) -> bool:
        return _OWNER(row, who, facts) or (who.agency is not None and row[state] == "approved")

    return sees


def _drafts(state: str) -> Any:
    return lambda row, who, facts: row[state] == "draft" and _OWNER(row, who, facts)


TABLES: dict[str, Table] = {
    "assurance_plans": Table(
        ("id", "revision"),
        select=_sees("status"),
        insert=_OWNER,
        update=_OWNER,
        delete=_drafts("status"),
    ),
    "assurance_rows": Table(
        ("id",), select=_sees("state"), insert=_OWNER, update=_OWNER, delete=_drafts("state")
    ),
}
