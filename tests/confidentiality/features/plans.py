"""Capacity-strengthening plans and SEA restriction markers in the matrix."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.assessments.plans.support import (
    NOTE,
    action_body,
    actions_of,
    agree,
    agreed_plan,
    day,
    low_assessment,
    make_plan,
    plan_body,
    report,
)
from tests.assessments.sea_restrictions.support import URL, restriction_body, set_on
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import (
    EVERYONE,
    OK,
    OWNER_ONLY,
    PURPOSE,
    V1,
    Call,
    Rule,
    only,
    plain,
    posted,
)
from tests.confidentiality.scene import AGENCIES, Scene, until
from tests.partners.factories import make_partner

_PARTNER_ONLY = {"partner": OK}
_ALL = frozenset(AGENCIES)
_OWN = frozenset({"owner"})


async def prepare(scene: Scene) -> None:
    """Plans that all, the partner alone, and the owner alone may know of; a marker and a lifted
    one."""
    owner, ids = await scene.owner(), scene.ids
    partner = ids["partner"]
    restricted = await low_assessment(owner, partner)
    hidden = await low_assessment(owner, partner, confidentiality="AGENCY_ONLY")
    kept_back = await low_assessment(owner, partner)
    ids["plan_draft"] = (await make_plan(owner, partner))["id"]
    for name, assessment in (
        ("plan", restricted),
        ("plan_hidden", hidden),
        ("plan_kept_back", kept_back),
    ):
        ids[name] = (await agreed_plan(owner, partner, assessment_id=assessment))["id"]
    mine = [action_body(), action_body(responsible="agency")]
    other = (await make_partner(owner))["id"]
    for about in (other, partner):
        await agreed_plan(owner, about, actions=mine)
    (action,) = await actions_of(owner, {"id": ids["plan"]})
    ids["plan_action"] = action["id"]
    client = await scene.api_for(ids["partner_client"])
    done = await report(client, {"id": ids["plan"]}, action, "in_progress", "/v1/self")
    assert done.status_code == 200, done.text
    assert (await report(owner, {"id": ids["plan"]}, action, "in_progress")).status_code == 200
    officer = await scene.officer()
    mark = {"subject_kind": "statement", "subject_id": kept_back, "until": until()}
    await officer.made("/v1/withholdings", mark | {"reason": "Canary: under investigation."})
    for name in ("sea_lifted", "sea"):
        ids[name] = (await set_on(officer, partner))["id"]
        if name == "sea_lifted":
            lifted = await officer.post(f"{URL}/{ids[name]}/lift", headers=V1)
            assert lifted.status_code == 200, lifted.text


def _plan(body: Any, *, draft: bool = False, version: int = 1) -> Any:
    """A write on a plan made for this call where the owner calls."""

    async def make(scene: Scene, relation: str) -> Call:
        plan = scene.ids["plan"]
        if relation == "owner":
            made = await make_plan(await scene.owner(), scene.ids["partner"])
            plan = (made if draft else await agree(await scene.owner(), made))["id"]
        return Call({"plan_id": plan}, body, {"If-Match": f'"v{version}"'})

    return make


def _action(body: Any, *, done: bool = False) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        path = {"plan_id": scene.ids["plan"], "action_id": scene.ids["plan_action"]}
        if relation == "owner":
            owner = await scene.owner()
            plan = await agreed_plan(owner, scene.ids["partner"])
            (action,) = await actions_of(owner, plan)
            path = {"plan_id": plan["id"], "action_id": action["id"]}
            if done:
                client = await scene.api_for(scene.ids["partner_client"])
                assert (await report(client, plan, action, "done", "/v1/self")).is_success
        return Call(path, body, V1)

    return make


async def _measured(scene: Scene, relation: str) -> Call:
    owner = await scene.owner()
    later = await low_assessment(owner, scene.ids["partner"], conducted_on="2026-09-01")
    plan = scene.ids["plan"]
    if relation == "owner":
        first = await low_assessment(owner, scene.ids["partner"])
        plan = (await agreed_plan(owner, scene.ids["partner"], assessment_id=first))["id"]
    return Call({"plan_id": plan}, {"assessment_id": later})


def _purposeful(name: str, parameter: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        return Call({parameter: scene.ids[name]}, headers=PURPOSE)

    return make


async def _own_report(scene: Scene, relation: str) -> Call:
    path = {"plan_id": scene.ids["plan"], "action_id": scene.ids["plan_action"]}
    return Call(path, {"status": "in_progress", "note": NOTE})


async def _marker(scene: Scene, relation: str) -> Call:
    return Call(json=restriction_body((await make_partner(await scene.owner()))["id"]))


async def _own_markers(scene: Scene, relation: str) -> Call:
    return Call(params={"mine": "true"})


def _marked(body: Any) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        marker = scene.ids["sea"]
        if relation == "owner":
            partner = (await make_partner(await scene.owner()))["id"]
            marker = (await set_on(await scene.officer(), partner))["id"]
        return Call({"restriction_id": marker}, body, V1)

    return make


RULES: dict[str, Rule] = {
    "createCapacityPlan": Rule(posted(lambda scene: plan_body(scene.ids["partner"])), EVERYONE),
    "listCapacityPlans": Rule(
        plain(),
        EVERYONE,
        shows={"plan": _ALL, "plan_kept_back": _ALL, "plan_draft": _OWN, "plan_hidden": _OWN},
    ),
    "getCapacityPlan": Rule(plain(plan_id="plan_hidden"), OWNER_ONLY, hides="plan_id"),
    "readCapacityPlanDetail": Rule(
        _purposeful("plan_hidden", "plan_id"), OWNER_ONLY, hides="plan_id", logged=True
    ),
    "listCapacityPlanSteps": Rule(
        _purposeful("plan_draft", "plan_id"), OWNER_ONLY, hides="plan_id", logged=True
    ),
    "changeCapacityPlan": Rule(
        _plan({"starts_on": day(9)}, draft=True), OWNER_ONLY, hides="plan_id"
    ),
    "agreeCapacityPlan": Rule(_plan({}, draft=True), OWNER_ONLY, hides="plan_id"),
    "extendCapacityPlan": Rule(
        _plan({"window_ends_on": day(300), "reason": NOTE}), OWNER_ONLY, hides="plan_id"
    ),
    "closeCapacityPlan": Rule(
        _plan({"outcome": "cancelled", "reason": NOTE}), OWNER_ONLY, hides="plan_id"
    ),
    "measureCapacityPlan": Rule(_measured, OWNER_ONLY, hides="plan_id"),
    "addCapacityPlanAction": Rule(_plan(action_body()), OWNER_ONLY, hides="plan_id"),
    "changeCapacityPlanAction": Rule(_action({"due_on": day(9)}), OWNER_ONLY, hides="plan_id"),
    "reportCapacityPlanAction": Rule(_action({"note": NOTE}), OWNER_ONLY, hides="plan_id"),
    "verifyCapacityPlanAction": Rule(
        _action({"outcome": "verified"}, done=True), OWNER_ONLY, hides="plan_id"
    ),
    "listOwnCapacityPlans": Rule(plain(), _PARTNER_ONLY),
    "getOwnCapacityPlan": Rule(plain(plan_id="plan"), _PARTNER_ONLY, logged=True),
    "listOwnCapacityPlanSteps": Rule(plain(plan_id="plan"), _PARTNER_ONLY, logged=True),
    "reportOwnCapacityPlanAction": Rule(_own_report, _PARTNER_ONLY),
    "setSeaRestriction": Rule(_marker, EVERYONE, oversight=True),
    "listSeaRestrictions": Rule(
        _own_markers, EVERYONE, shows={"sea": _OWN, "sea_lifted": _OWN}, oversight=True
    ),
    "getSeaRestriction": Rule(
        _purposeful("sea_lifted", "restriction_id"),
        only("owner"),
        hides="restriction_id",
        logged=True,
        oversight=True,
    ),
    "reviewSeaRestriction": Rule(_marked({}), OWNER_ONLY, hides="restriction_id", oversight=True),
    "liftSeaRestriction": Rule(_marked(None), OWNER_ONLY, hides="restriction_id", oversight=True),
}


# ------------------------------------------------------------------------------ row security

_OWNER = own("owner_agency")


def _kept_back(records: tuple[UUID | None, ...], facts: Facts) -> bool:
    return any(
        mark["subject_id"] in records
        and mark["subject_id"] is not None
        and mark["subject_kind"] != "read_log"
        and mark["ended_at"] is None
        and mark["until"] > facts.now
        for mark in facts.withholdings
    )


def _sees(row: Row, who: Who, facts: Facts) -> bool:
    if _OWNER(row, who, facts):
        return True
    if row["agreed_on"] is None:
        return False
    if who.agency is not None:
        return bool(row["assessment_level"] != "AGENCY_ONLY")
    told = who.partner is not None and row["partner_id"] == who.partner
    return told and not _kept_back((row["id"], row["assessment_id"]), facts)


def _sees_part(row: Row, who: Who, facts: Facts) -> bool:
    plans = facts.rows["capacity_plans"]
    return _sees(next(one for one in plans if one["id"] == row["plan_id"]), who, facts)


def _works(row: Row, who: Who, facts: Facts) -> bool:
    if _OWNER(row, who, facts):
        return True
    reports = who.agency is None and row["responsible"] != "agency"
    return reports and _sees_part(row, who, facts)


def _notes(row: Row, who: Who, facts: Facts) -> bool:
    if row["author_agency"] is not None:
        return row["author_agency"] == who.agency and _OWNER(row, who, facts)
    return who.agency is None and _sees_part(row, who, facts)


def _sees_marker(row: Row, who: Who, facts: Facts) -> bool:
    return _OWNER(row, who, facts) or (who.agency is not None and row["lifted_at"] is None)


def _by_oversight(row: Row, who: Who, facts: Facts) -> bool:
    return who.oversight and _OWNER(row, who, facts)


TABLES: dict[str, Table] = {
    "capacity_plans": Table(("id",), select=_sees, insert=_OWNER, update=_OWNER),
    "capacity_plan_actions": Table(("id",), select=_sees_part, insert=_OWNER, update=_works),
    "capacity_plan_steps": Table(("id",), select=_sees_part, insert=_notes),
    "sea_restrictions": Table(
        ("id",), select=_sees_marker, insert=_by_oversight, update=_by_oversight
    ),
}
