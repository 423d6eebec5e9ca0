"""Documents of findings, and redaction of texts of shares and access requests, in the matrix."""

from __future__ import annotations

from typing import Any

from tests.assessments.audit_factories import finding, make_audit
from tests.assessments.factories import make_assessment, make_share, request_body
from tests.assessments.findings.papers import announce, document_body, upload
from tests.assessments.findings.support import findings_of, make_finding
from tests.confidentiality.rules import (
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
from tests.confidentiality.scene import AGENCIES, CANARY, REASON, Scene
from tests.partners.documents.factories import PDF

_UNDO = {"decision": "undo", "reason": "Canary"}
_SAME_PERSON = frozenset({409})
_PARTNER_ONLY = {"partner": OK}


async def prepare(scene: Scene) -> None:
    """A finding with a document that the partner sees, shared and no longer shared; a hidden one;
    a share and a request of which texts are hidden.
    """
    owner, ids = await scene.owner(), scene.ids
    report = await make_audit(owner, finding(), partner_id=ids["partner"])
    ids["proved_audit"] = report["id"]
    ids["proved"] = (await findings_of(owner, report["id"]))[0]["id"]
    ids["proof"] = (await upload(owner, ids["proved"], partner_visible=True))["id"]
    ids["draft_proof"] = (await announce(owner, ids["proved"]))["id"]
    for relation in ("shared", "revoked"):
        more = {"shared_with": AGENCIES[relation], "purpose": "AUDIT"}
        share = await make_share(owner, report["id"], **more)
        if relation == "revoked":
            url = f"/v1/assessments/{report['id']}/shares/{share['id']}"
            assert (await owner.delete(url)).status_code == 204
    held = (await make_assessment(owner, ids["partner"]))["id"]
    ids["noted"] = held
    ids["noted_share"] = (await make_share(owner, held, note=f"{CANARY}: for the panel"))["id"]
    await owner.made(f"/v1/assessments/{held}/shares/{ids['noted_share']}/redaction", REASON)
    ids["hidden_request"] = (await _asked(scene))["request_id"]
    await owner.made(f"/v1/access-requests/{ids['hidden_request']}/redaction", REASON)


async def _asked(scene: Scene) -> dict[str, str]:
    """A request of the agency that stands in the relation ``shared``."""
    made = (await make_assessment(await scene.owner()))["id"]
    asker = await scene.api_for(AGENCIES["shared"])
    return {"request_id": (await asker.made("/v1/access-requests", request_body(made)))["id"]}


async def _finding(scene: Scene) -> dict[str, str]:
    return {"finding_id": (await make_finding(await scene.owner()))["id"]}


async def _paper(scene: Scene) -> dict[str, str]:
    path = await _finding(scene)
    made = await announce(await scene.owner(), path["finding_id"])
    return path | {"document_id": made["id"]}


async def _noted(scene: Scene) -> dict[str, str]:
    owner = await scene.owner()
    made = (await make_assessment(owner))["id"]
    return {"assessment_id": made, "share_id": (await make_share(owner, made, note="x"))["id"]}


async def _redact_request(scene: Scene, relation: str) -> Call:
    return Call(await _asked(scene), REASON)


def _deciding(**path: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        call = await plain(**path)(scene, relation)
        return Call(call.path, _UNDO, V1)

    return make


async def _upload(scene: Scene, relation: str) -> Call:
    paths: dict[str, Any] = {"finding_id": "proved", "document_id": "draft_proof"}
    call = await fresh(_paper, **paths)(scene, relation)
    kind = {"Content-Type": "application/octet-stream"}
    return Call(call.path, headers=V1 | kind, content=PDF)


def _reading(**path: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        call = await plain(**path)(scene, relation)
        return Call(call.path, headers={} if relation == "owner" else PURPOSE)

    return make


_F: dict[str, Any] = {"finding_id": "proved"}
_PROOF = _F | {"document_id": "proof"}
_DRAFT: dict[str, Any] = _F | {"document_id": "draft_proof"}

RULES: dict[str, Rule] = {
    "announceFindingDocument": Rule(
        fresh(_finding, document_body(), finding_id="proved"), OWNER_ONLY, hides="finding_id"
    ),
    "uploadFindingDocument": Rule(_upload, OWNER_ONLY, hides="finding_id"),
    "listFindingDocuments": Rule(
        _reading(**_F), only("owner", "shared"), hides="finding_id", logged=True
    ),
    "readFindingDocument": Rule(
        _reading(**_PROOF), only("owner", "shared"), hides="finding_id", logged=True
    ),
    "changeFindingDocument": Rule(
        fresh(_paper, {"partner_visible": True}, **_DRAFT),
        OWNER_ONLY,
        hides="finding_id",
    ),
    "deleteFindingDocument": Rule(fresh(_paper, **_DRAFT), OWNER_ONLY, hides="finding_id"),
    "listOwnFindingDocuments": Rule(plain(**_F), _PARTNER_ONLY),
    "readOwnFindingDocument": Rule(plain(**_PROOF), _PARTNER_ONLY, logged=True),
    "redactShareNote": Rule(
        fresh(_noted, REASON, assessment_id="noted", share_id="noted_share"),
        OWNER_ONLY,
        hides="assessment_id",
    ),
    # By another person of the owner, whom tests/audit has.
    "decideShareNoteRedaction": Rule(
        _deciding(assessment_id="noted", share_id="noted_share"),
        only("owner", granted=_SAME_PERSON),
        hides="assessment_id",
    ),
    "redactAccessRequest": Rule(_redact_request, only("owner", "shared"), hides="request_id"),
    # Who asked knows the request; it has no redaction of its own here, and learns of none.
    "decideAccessRequestRedaction": Rule(
        _deciding(request_id="hidden_request"),
        only("owner", granted=_SAME_PERSON),
    ),
}
