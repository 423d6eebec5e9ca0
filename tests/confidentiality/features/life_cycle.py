"""The life of assessments in the matrix."""

from __future__ import annotations

from tests.assessments.factories import make_assessment
from tests.confidentiality.model import Facts, Row, Table, Who, own, told
from tests.confidentiality.rules import (
    EVERYONE,
    OWNER_ONLY,
    V1,
    Call,
    Rule,
    fresh,
    plain,
)
from tests.confidentiality.scene import Scene

_STEP = {"code": "field_visit", "reached_on": "2026-02-10"}
_WITHDRAWAL = {"reason": "ERROR_FOUND", "note": "Canary: of another partner"}
_ADJUSTMENT = {"value": "LOW_CAPACITY", "reason": "Canary: findings are open"}
_OWNER = own("owner_agency")


async def prepare(scene: Scene) -> None:
    """On records of the owner: a step, who takes part, a proposed rating and a note."""
    owner = await scene.owner()
    draft = await make_assessment(
        owner, scene.ids["partner"], status="draft", participating_agencies=["WFP"]
    )
    scene.ids["living_draft"] = draft["id"]
    await owner.made(f"/v1/assessments/{draft['id']}/milestones", _STEP)
    shown = (await make_assessment(owner, participating_agencies=["WFP"]))["id"]
    scene.ids["joint"] = shown
    made = await owner.made(f"/v1/assessments/{shown}/adjustments", _ADJUSTMENT)
    scene.ids["adjustment"] = made["id"]
    refused = {"decision": "refuse", "reason": "Canary: they were closed"}
    other = (await make_assessment(owner))["id"]
    url = f"/v1/assessments/{other}/adjustments"
    made = await owner.made(url, _ADJUSTMENT)
    second = await scene.api_for("UNICEF_APPROVER")
    answer = await second.post(f"{url}/{made['id']}/decision", json=refused, headers=V1)
    assert answer.status_code == 200
    gone = (await make_assessment(owner))["id"]
    await owner.made(f"/v1/assessments/{gone}/withdrawal", _WITHDRAWAL, headers=V1)


async def _draft(scene: Scene) -> dict[str, str]:
    made = await make_assessment(await scene.owner(), status="draft")
    return {"assessment_id": made["id"]}


async def _final(scene: Scene) -> dict[str, str]:
    return {"assessment_id": (await make_assessment(await scene.owner()))["id"]}


async def _decision(scene: Scene, relation: str) -> Call:
    """The owner's is of a rating that a second person of it proposed."""
    path = {"assessment_id": scene.ids["joint"], "adjustment_id": scene.ids["adjustment"]}
    if relation == "owner":
        path = await _final(scene)
        second = await scene.api_for("UNICEF_APPROVER")
        made = await second.made(
            f"/v1/assessments/{path['assessment_id']}/adjustments", _ADJUSTMENT
        )
        path["adjustment_id"] = made["id"]
    return Call(path, {"decision": "approve"}, V1)


async def _overlaps(scene: Scene, relation: str) -> Call:
    return Call(params={"partner_id": scene.ids["partner"], "type": "psea"})


def _with_summary(row: Row, who: Who, facts: Facts) -> bool:
    of = next(one for one in facts.rows["assessments"] if one["id"] == row["assessment_id"])
    summary = who.agency is not None and of["level"] != "AGENCY_ONLY"
    return _OWNER(row, who, facts) or summary or told(of, who)


def _in_draft(row: Row, who: Who, facts: Facts) -> bool:
    of = next(one for one in facts.rows["assessments"] if one["id"] == row["assessment_id"])
    return _OWNER(row, who, facts) and of["status"] == "draft"


RULES = {
    "listAssessmentOverlaps": Rule(_overlaps, EVERYONE),
    "listAssessmentMilestones": Rule(
        plain(assessment_id="living_draft"), OWNER_ONLY, hides="assessment_id"
    ),
    "recordAssessmentMilestone": Rule(
        fresh(_draft, _STEP, assessment_id="living_draft"), OWNER_ONLY, hides="assessment_id"
    ),
    "withdrawAssessment": Rule(
        fresh(_final, _WITHDRAWAL, assessment_id="joint"), OWNER_ONLY, hides="assessment_id"
    ),
    "listAssessmentNotes": Rule(plain(assessment_id="joint"), OWNER_ONLY, hides="assessment_id"),
    "listAssessmentAdjustments": Rule(
        plain(assessment_id="joint"), OWNER_ONLY, hides="assessment_id"
    ),
    "proposeAssessmentAdjustment": Rule(
        fresh(_final, _ADJUSTMENT, assessment_id="joint"), OWNER_ONLY, hides="assessment_id"
    ),
    "decideAssessmentAdjustment": Rule(_decision, OWNER_ONLY, hides="adjustment_id"),
}

TABLES = {
    "assessment_participants": Table(
        ("assessment_id", "agency_id"), select=_with_summary, insert=_OWNER, delete=_in_draft
    ),
    "assessment_milestones": Table(("assessment_id", "code"), select=_with_summary, insert=_OWNER),
    "assessment_adjustments": Table(
        ("id",),
        select=_OWNER,
        insert=_OWNER,
        update=lambda row, who, facts: row["state"] == "proposed" and _OWNER(row, who, facts),
    ),
    "assessment_notes": Table(("id",), select=_OWNER, insert=_OWNER),
}
