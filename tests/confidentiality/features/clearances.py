"""What stands beside clearances, in the matrix: the asking agency's alone."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text

from app.core.ids import new_id
from tests.assessments.factories import make_assessment
from tests.confidentiality.model import Table, either, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, V1, Call, Rule, only, plain
from tests.confidentiality.scene import AGENCIES, Scene, clearance_body
from tests.partners.factories import make_partner

_CHANGED = text(
    """INSERT INTO clearance_changes (id, clearance_id, agency_id, version, status, outcome, causes,
      notes, at) SELECT uuidv7(), id, agency_id, 2, 'worsened', outcome, '[]', '[]', now()
    FROM clearances WHERE id = CAST(:id AS uuid)"""
)
_DECIDED = text(
    """INSERT INTO clearance_decisions (clearance_id, agency_id, decision, reason, level,
      outcome_then, decided_by, office, role) SELECT c.id, c.agency_id, 'waived', 'LIFE_SAVING',
      'officer', c.outcome, p.id, 'HQ', 'officer' FROM clearances c
      JOIN persons p ON p.agency_id = c.agency_id WHERE c.id = CAST(:id AS uuid)
      AND CAST(:waiver AS text) IS NOT NULL LIMIT 1"""
)
_WAIVED = text(
    """INSERT INTO clearance_waivers (id, clearance_id, agency_id, requirement, reason, office,
      complete_by) SELECT CAST(:waiver AS uuid), c.id, c.agency_id, 'PSEA', 'LIFE_SAVING', 'HQ',
      current_date + 90 FROM clearances c WHERE c.id = CAST(:id AS uuid)"""
)
_TO_ERASE = text(
    """INSERT INTO clearance_erasures (id, clearance_id, agency_id, basis, proposed_by)
    SELECT uuidv7(), c.id, c.agency_id, 'court_order', p.id FROM clearances c
      JOIN persons p ON p.agency_id = c.agency_id WHERE c.id = CAST(:id AS uuid)
    ORDER BY p.id LIMIT 1"""
)
# Of an answer that is over: only then may it go.
_FOUND_BY = text(
    """INSERT INTO clearance_dependencies (clearance_id, agency_id, kind, ref, until)
    SELECT id, agency_id, 'name', '4711', now() - interval '1 hour' FROM clearances
    WHERE id = CAST(:id AS uuid)"""
)
_ID = plain(clearance_id="clearance")


async def _asked(scene: Scene, relation: str) -> Call:
    one = scene.ids["clearance"]
    if relation == "owner":
        owner = await scene.owner()
        made = await owner.made("/v1/clearances", clearance_body(scene.ids["lone"]))
        one = made["clearance_id"]
    return Call({"clearance_id": one}, {"basis": "person_request"})


async def _erase(scene: Scene, relation: str) -> Call:
    return Call({"clearance_id": scene.ids["clearance_decided"]}, {"decision": "refuse"}, V1)


async def prepare(scene: Scene) -> None:
    """A partner that nobody holds, for what is erased; a change of a clearance's status."""
    owner = await scene.owner()
    scene.ids["lone"] = (await make_partner(owner))["id"]
    await _questions(scene)
    body = clearance_body(scene.ids["lone"]) | {"context": "emergency"}
    scene.ids["clearance_decided"] = (await owner.made("/v1/clearances", body))["clearance_id"]
    async with scene.operator.session() as session:
        # As the worker would have it after a change for the worse.
        await session.execute(_CHANGED, {"id": scene.ids["clearance"]})
        # As a person would have it where the lists are fresh.
        scene.ids["waiver"] = str(new_id())
        for statement in (_DECIDED, _WAIVED):
            about = {"id": scene.ids["clearance_decided"], "waiver": scene.ids["waiver"]}
            await session.execute(statement, about)
        for statement in (_TO_ERASE, _FOUND_BY):
            await session.execute(statement, {"id": scene.ids["clearance_decided"]})


async def _questions(scene: Scene) -> None:
    """Another agency relies on an assessment of the owner, and asks about it twice."""
    owner, other = await scene.owner(), await scene.api_for(AGENCIES["shared"])
    made = await make_assessment(owner, scene.ids["lone"], confidentiality="INTER_AGENCY")
    relied = await other.made("/v1/clearances", clearance_body(scene.ids["lone"]))
    url = f"/v1/clearances/{relied['clearance_id']}/questions"
    body = {"subject_kind": "assessment", "subject_id": made["id"], "question": "STILL_VALID"}
    for name in ("question", "question_back"):
        scene.ids[name] = (await other.made(url, body))["id"]


async def _batch(scene: Scene, relation: str) -> Call:
    line = json.dumps({"id": "1"} | clearance_body(scene.ids["partner"])).encode()
    return Call(content=line, headers={"Content-Type": "application/x-ndjson"})


_SIGNED = {"decision": "not_signed", "reason": "NOT_SELECTED", "level": "officer"}


async def _decide(scene: Scene, relation: str) -> Call:
    one = scene.ids["clearance_decided"]
    if relation == "owner":
        owner = await scene.owner()
        one = (await owner.made("/v1/clearances", clearance_body(scene.ids["lone"])))[
            "clearance_id"
        ]
    return Call({"clearance_id": one}, _SIGNED, V1)


async def _complete(scene: Scene, relation: str) -> Call:
    return Call({"waiver_id": scene.ids["waiver"]}, {"clearance_id": scene.ids["clearance"]}, V1)


async def _ask(scene: Scene, relation: str) -> Call:
    # What it shows is the owner's own: nobody asks itself.
    body = {
        "subject_kind": "assessment",
        "subject_id": scene.ids["restricted"],
        "question": "STILL_VALID",
    }
    return Call({"clearance_id": scene.ids["clearance"]}, body)


async def _answer(scene: Scene, relation: str) -> Call:
    return Call({"question_id": scene.ids["question"]}, {"outcome": "stands"}, V1)


async def _take_back(scene: Scene, relation: str) -> Call:
    return Call({"question_id": scene.ids["question_back"]}, None, V1)


_REFUSED = frozenset({422})
_ASKER = frozenset({"owner", "shared"})

RULES: dict[str, Rule] = {
    "askAboutClearance": Rule(
        _ask, only("owner", granted=_REFUSED), hides="clearance_id", logged=False
    ),
    "listClearanceQuestions": Rule(plain(), EVERYONE, shows={"question": _ASKER}),
    "getClearanceQuestion": Rule(
        plain(question_id="question"), only("owner", "shared"), hides="question_id"
    ),
    "answerClearanceQuestion": Rule(_answer, OWNER_ONLY, hides="question_id"),
    "withdrawClearanceQuestion": Rule(_take_back, only("shared"), hides="question_id"),
    "listRecognitions": Rule(plain(), EVERYONE),
    "countRecognitions": Rule(plain(), EVERYONE),
    "giveManyClearances": Rule(_batch, EVERYONE),
    "decideOnClearance": Rule(_decide, OWNER_ONLY, hides="clearance_id"),
    "getClearanceDecision": Rule(
        plain(clearance_id="clearance_decided"), OWNER_ONLY, hides="clearance_id"
    ),
    "listClearanceWaivers": Rule(plain(), EVERYONE, shows={"waiver": frozenset({"owner"})}),
    "countClearanceWaivers": Rule(plain(), EVERYONE),
    "countClearanceDecisions": Rule(plain(), EVERYONE),
    # The clearance it names does not show the requirement as met.
    "completeClearanceWaiver": Rule(
        _complete, only("owner", granted=frozenset({422})), hides="waiver_id", logged=False
    ),
    "getClearanceStatus": Rule(_ID, OWNER_ONLY, hides="clearance_id"),
    # Its leaf has a number soon, not at once.
    "getClearanceProof": Rule(
        _ID, only("owner", granted=frozenset({200, 404})), hides="clearance_id"
    ),
    "recomputeClearance": Rule(_ID, OWNER_ONLY, hides="clearance_id"),
    "proposeClearanceErasure": Rule(_asked, OWNER_ONLY, hides="clearance_id", oversight=True),
    "getClearanceErasure": Rule(
        plain(clearance_id="clearance_decided"), OWNER_ONLY, hides="clearance_id", oversight=True
    ),
    # Whoever asked for it does not decide.
    "decideClearanceErasure": Rule(
        _erase, only("owner", granted=frozenset({201, 409})), hides="clearance_id", oversight=True
    ),
}
_OWN: Any = own("agency_id")


def _overseen(row: Any, who: Any, facts: Any) -> bool:
    return bool(who.oversight and _OWN(row, who, facts))


TABLES: dict[str, Table] = {
    "clearance_erasures": Table(
        ("id",),
        select=_overseen,
        insert=lambda row, who, facts: row["state"] == "proposed" and _overseen(row, who, facts),
        update=lambda row, who, facts: row["state"] == "proposed" and _overseen(row, who, facts),
        # Of nobody: whatever is let through fails at a key.
        change="state = 'refused', decided_by = gen_random_uuid(), decided_at = now()",
    ),
    "clearance_dependencies": Table(
        ("clearance_id", "kind", "ref"),
        select=_OWN,
        insert=_OWN,
        delete=lambda row, who, facts: (
            row["kind"] in ("name", "identifier") and _overseen(row, who, facts)
        ),
    ),
    "clearance_changes": Table(("id",), select=_OWN),
    "clearance_recognitions": Table(
        ("clearance_id", "requirement"),
        select=either(
            _OWN,
            lambda row, who, facts: (
                row["satisfied"] and not row["held"] and own("owner_agency")(row, who, facts)
            ),
        ),
        insert=_OWN,
    ),
    "clearance_questions": Table(
        ("id",),
        select=either(_OWN, own("owner_agency")),
        insert=lambda row, who, facts: row["state"] == "open" and _OWN(row, who, facts),
        update=lambda row, who, facts: (
            row["state"] == "open" and own("owner_agency")(row, who, facts)
        ),
        # Of nobody: whatever is let through fails at a key.
        change="state = 'answered', outcome = 'stands', answered_by = gen_random_uuid(), "
        "answered_at = now()",
    ),
    "clearance_decisions": Table(("clearance_id",), select=_OWN, insert=_OWN),
    "clearance_waivers": Table(
        ("id",),
        select=_OWN,
        insert=_OWN,
        update=lambda row, who, facts: row["completed_on"] is None and _OWN(row, who, facts),
        # Of nobody and with nothing: whatever is let through fails at a key.
        change="completed_on = current_date, completed_by = gen_random_uuid(), "
        "completed_with = gen_random_uuid()",
    ),
}
