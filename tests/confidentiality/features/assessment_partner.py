"""Documents of assessments, self-assessments, and the partner's side, in the matrix."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from tests.assessments.documents.factories import announce, document_body, move, upload
from tests.assessments.factories import make_assessment, make_share
from tests.assessments.self_assessments.factories import decide, hand_in, self_body
from tests.confidentiality.model import Facts, Row, Table, Who, detail_seen, own
from tests.confidentiality.rules import (
    GONE,
    OK,
    OWNER_ONLY,
    PURPOSE,
    V1,
    Call,
    Rule,
    fresh,
    only,
    plain,
)
from tests.confidentiality.scene import AGENCIES, Scene
from tests.partners.documents.factories import PDF

_PARTNER_ONLY = {"partner": OK}
_PARTNER_TRIES = {"partner": OK | {409, 412, 422}}


async def prepare(scene: Scene) -> None:
    """A shared assessment with papers; one to comment on; a comment; a self-assessment."""
    owner, ids = await scene.owner(), scene.ids
    partner = await scene.api_for(ids["partner_client"])
    papered = (await make_assessment(owner, status="draft"))["id"]
    ids["papered"] = papered
    ids["paper"] = (await upload(owner, papered, partner_visible=True))["id"]
    ids["unsent_paper"] = (await announce(owner, papered))["id"]
    await move(owner, papered, "final")
    for relation in ("shared", "revoked"):
        more = {"shared_with": AGENCIES[relation], "purpose": "AUDIT"}
        ids[f"paper_share_{relation}"] = (await make_share(owner, papered, **more))["id"]
    url = f"/v1/assessments/{papered}/shares/{ids['paper_share_revoked']}"
    assert (await owner.delete(url)).status_code == 204
    ids["paper_draft"] = (await make_assessment(owner, status="draft"))["id"]
    ids["draft_paper"] = (await announce(owner, ids["paper_draft"]))["id"]
    ids["submitted"] = (await _submitted(scene))["assessment_id"]
    await _of_the_partner(scene)
    words = {"text": "Canary: it was another office."}
    await partner.made(f"/v1/self/statements/assessment/{ids['restricted']}/comments", words)
    ids["self_assessment"] = (await hand_in(partner, agency="UNICEF"))["id"]
    other = await scene.api_for(AGENCIES["shared"])
    returned = {"decision": "return", "reason": "Canary: say more."}
    answer = await decide(other, await hand_in(partner, agency="WFP"), **returned)
    assert answer.status_code == 200, answer.text
    ids["own_draft"] = (await partner.made(_SELF, self_body(agency="UNDP")))["id"]


async def _of_the_partner(scene: Scene) -> None:
    """Of the scene's own partner, by an agency whose records nobody else asks for: one that is
    submitted and shown, one that is held for its word, and one with papers and steps.
    """
    stranger, partner = await scene.api_for(AGENCIES["stranger"]), scene.ids["partner"]
    joint = {"status": "draft", "participating_agencies": ["WFP"]}
    told = (await make_assessment(stranger, partner, **joint))["id"]
    step = {"code": "field_visit", "reached_on": "2026-02-10"}
    await stranger.made(f"/v1/assessments/{told}/milestones", step)
    await upload(stranger, told, partner_visible=True)
    await upload(stranger, told)
    later = {"told": told}
    for name in ("asked", "held"):
        later[name] = (await make_assessment(stranger, partner, status="draft"))["id"]
        scene.ids[name] = later[name]
    # As its owner would have let them go on, had the scene's hold on the partner not come first;
    # and as a methodology that gives the partner the first word would have held one.
    async with scene.operator.session() as session:
        for name, change in _LATER.items():
            await session.execute(
                text(f"UPDATE assessments SET {_RATED}, {change} WHERE id = :id"),
                {"id": UUID(later[name])},
            )


_RATED = (
    "current_key = NULL, rating_scheme = methodology, rating_value = 'FULL_CAPACITY', "
    "rating_dimension = 'sea_risk', rating_level = 'LOW', rating_source = 'computed'"
)
_LATER = {
    "told": "status = 'final', finalised_at = now(), level = confidentiality",
    "asked": "status = 'submitted', submitted_at = now(), shown_to_partner_at = now()",
    "held": "status = 'final', finalised_at = now(), held_until = now() + interval '9 days'",
}
_SELF = "/v1/self/psea-self-assessments"


async def _draft(scene: Scene) -> dict[str, str]:
    return {"assessment_id": (await make_assessment(await scene.owner(), status="draft"))["id"]}


async def _submitted(scene: Scene) -> dict[str, str]:
    path = await _draft(scene)
    await move(await scene.owner(), path["assessment_id"], "submitted")
    return path


async def _paper(scene: Scene) -> dict[str, str]:
    path = await _draft(scene)
    made = await announce(await scene.owner(), path["assessment_id"])
    return path | {"document_id": made["id"]}


async def _upload(scene: Scene, relation: str) -> Call:
    paths: dict[str, Any] = {"assessment_id": "paper_draft", "document_id": "draft_paper"}
    call = await fresh(_paper, **paths)(scene, relation)
    kind = {"Content-Type": "application/octet-stream"}
    return Call(call.path, headers=V1 | kind, content=PDF)


def _reading(**path: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        call = await plain(**path)(scene, relation)
        return Call(call.path, headers={} if relation == "owner" else PURPOSE)

    return make


async def _decision(scene: Scene, relation: str) -> Call:
    path = {"self_assessment_id": scene.ids["self_assessment"]}
    return Call(path, {"decision": "return", "reason": "Canary"}, {"If-Match": '"v2"'})


async def _own_change(scene: Scene, relation: str) -> Call:
    return Call({"self_assessment_id": scene.ids["own_draft"]}, {"standards": []}, V1)


async def _own_start(scene: Scene, relation: str) -> Call:
    return Call(json=self_body(agency="FAO"))


async def _own_paper(scene: Scene, relation: str) -> Call:
    return Call({"assessment_id": scene.ids["restricted"], "document_id": str(uuid4())})


_P: dict[str, Any] = {"assessment_id": "papered"}
_PAPER = _P | {"document_id": "paper"}
_DRAFT_PAPER: dict[str, Any] = {"assessment_id": "paper_draft", "document_id": "draft_paper"}

RULES: dict[str, Rule] = {
    # documents: on the terms of the detail
    "announceAssessmentDocument": Rule(
        fresh(_draft, document_body(), assessment_id="paper_draft"),
        OWNER_ONLY,
        hides="assessment_id",
    ),
    "uploadAssessmentDocument": Rule(_upload, OWNER_ONLY, hides="assessment_id"),
    "listAssessmentDocuments": Rule(
        _reading(**_P), only("owner", "shared"), hides="assessment_id", logged=True
    ),
    "readAssessmentDocument": Rule(
        _reading(**_PAPER), only("owner", "shared"), hides="assessment_id", logged=True
    ),
    "changeAssessmentDocument": Rule(
        fresh(_paper, {"partner_visible": True}, **_DRAFT_PAPER),
        OWNER_ONLY,
        hides="assessment_id",
    ),
    "deleteAssessmentDocument": Rule(
        fresh(_paper, **_DRAFT_PAPER), only("owner", others=GONE), hides="assessment_id"
    ),
    # the partner: asked, heard, told
    "requestPartnerComment": Rule(
        fresh(_submitted, assessment_id="submitted"), OWNER_ONLY, hides="assessment_id"
    ),
    "listAssessmentComments": Rule(
        _reading(assessment_id="restricted"),
        only("owner", "shared"),
        hides="assessment_id",
        logged=True,
    ),
    "listOwnAssessments": Rule(plain(), _PARTNER_ONLY),
    "readOwnAssessment": Rule(plain(assessment_id="restricted"), _PARTNER_ONLY, logged=True),
    "listOwnAssessmentDocuments": Rule(plain(assessment_id="restricted"), _PARTNER_ONLY),
    "readOwnAssessmentDocument": Rule(_own_paper, {"partner": GONE}),
    # self-assessments: the partner's, and once handed in its agency's
    "startPseaSelfAssessment": Rule(_own_start, _PARTNER_TRIES),
    "listOwnPseaSelfAssessments": Rule(plain(), _PARTNER_ONLY),
    "getOwnPseaSelfAssessment": Rule(
        plain(self_assessment_id="own_draft"), _PARTNER_ONLY, logged=True
    ),
    "changeOwnPseaSelfAssessment": Rule(_own_change, _PARTNER_TRIES),
    "listPseaSelfAssessments": Rule(
        plain(), only(*AGENCIES), shows={"self_assessment": frozenset({"owner"})}
    ),
    "getPseaSelfAssessment": Rule(
        plain(self_assessment_id="self_assessment"),
        OWNER_ONLY,
        hides="self_assessment_id",
        logged=True,
    ),
    "decidePseaSelfAssessment": Rule(
        _decision,
        only("owner", granted=frozenset({200, 412})),
        hides="self_assessment_id",
    ),
}

_OWNER = own("owner_agency")


def _paper_seen(row: Row, who: Who, facts: Facts) -> bool:
    detail = next(
        one
        for one in facts.rows["assessment_details"]
        if one["assessment_id"] == row["assessment_id"]
    )
    if not detail_seen(detail, who, facts):
        return False
    shown = who.agency is not None or row["partner_visible"]
    return _OWNER(row, who, facts) or (row["blob_id"] is not None and shown)


def _of_partner(row: Row, who: Who, facts: Facts) -> bool:
    return who.partner is not None and row["partner_id"] == who.partner


def _handed_in(row: Row, who: Who, facts: Facts) -> bool:
    of_agency = who.agency is not None and row["agency_id"] == who.agency
    return _of_partner(row, who, facts) or (of_agency and row["submitted_at"] is not None)


TABLES: dict[str, Table] = {
    "assessment_documents": Table(
        ("id",), select=_paper_seen, insert=_OWNER, update=_OWNER, delete=_OWNER
    ),
    "psea_self_assessments": Table(
        ("id",), select=_handed_in, insert=_of_partner, update=_handed_in
    ),
}
