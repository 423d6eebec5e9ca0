"""The matrix: for every operation, who gets what. A new operation must be given a line here.

``EVERYONE`` is every agency with the scope. A status outside the set of its relation is a leak or
a lock-out. Partners and callers without the scope are refused everywhere but where a rule says
otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.assessments.factories import (
    assessment_body,
    make_assessment,
    make_share,
    psea_detail,
    request_body,
    share_body,
)
from tests.confidentiality.scene import AGENCIES, OWNER, Scene, clearance_body, screening_body
from tests.partners.factories import partner_body
from tests.sanctions.factories import impose, open_case, reviewed_case

PURPOSE = {"Access-Purpose": 'AUDIT; ref="AUD-2026-1"'}
V1 = {"If-Match": '"v1"'}


@dataclass
class Call:
    """What is sent: path parameters, body, headers, query."""

    path: dict[str, str] = field(default_factory=dict)
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)


Maker = Callable[[Scene, str], Awaitable[Call]]
Expected = dict[str, frozenset[int]]
OK = frozenset({200, 201, 204})
GONE = frozenset({404})
FORBIDDEN = frozenset({403})


@dataclass(frozen=True)
class Rule:
    """One operation: how it is called, what each relation gets, which ids a list shows to whom.

    ``hides`` names the path parameter of a confidential record: whoever gets a 404 gets the very
    same for an id that does not exist. ``shows`` maps an id of the scene to the relations whose
    list holds it. ``logged`` overrides whether success leaves an event in the log: writes do, and
    reads of RESTRICTED contents.
    """

    make: Maker
    expected: Expected
    hides: str | None = None
    shows: dict[str, frozenset[str]] = field(default_factory=dict)
    logged: bool | None = None


def only(*relations: str, granted: frozenset[int] = OK, others: frozenset[int] = GONE) -> Expected:
    """These agencies get in, all others see nothing."""
    return {name: granted if name in relations else others for name in AGENCIES}


EVERYONE = only(*AGENCIES)
OWNER_ONLY = only("owner")


def plain(**path: str) -> Maker:
    """A call whose path parameters are ids of the scene."""

    async def make(scene: Scene, relation: str) -> Call:
        return Call({name: scene.ids.get(value, value) for name, value in path.items()})

    return make


def posted(body: Callable[[Scene], Any], **path: str) -> Maker:
    """A POST of this body."""

    async def make(scene: Scene, relation: str) -> Call:
        call = await plain(**path)(scene, relation)
        return Call(call.path, body(scene), V1)

    return make


def fresh(
    maker: Callable[[Scene], Awaitable[dict[str, str]]],
    body: Any = None,
    *,
    version: int = 1,
    **path: str,
) -> Maker:
    """As `posted`, on a record made for this very call where the owner calls: it changes it."""

    async def make(scene: Scene, relation: str) -> Call:
        if relation == "owner":
            return Call(await maker(scene), body, {"If-Match": f'"v{version}"'})
        call = await plain(**path)(scene, relation)
        return Call(call.path, body, {"If-Match": f'"v{version}"'})

    return make


# --------------------------------------------------------------- records made for one call


async def _assessment(scene: Scene) -> dict[str, str]:
    return {"assessment_id": (await make_assessment(await scene.owner()))["id"]}


async def _share(scene: Scene) -> dict[str, str]:
    owner = await scene.owner()
    made = (await make_assessment(owner))["id"]
    return {"assessment_id": made, "share_id": (await make_share(owner, made))["id"]}


async def _request(scene: Scene) -> dict[str, str]:
    made = await _assessment(scene)
    asker = await scene.api_for("WFP")
    asked = await asker.made("/v1/access-requests", request_body(made["assessment_id"]))
    return {"request_id": asked["id"]}


async def _case(scene: Scene) -> dict[str, str]:
    return {"case_id": (await open_case(scene.api_for, scene.ids["partner"], OWNER))["id"]}


async def _noticed_case(scene: Scene) -> dict[str, str]:
    made = await _case(scene)
    body = {"sent_on": "2026-05-04", "summary": "Intent."}
    await (await scene.owner()).made(f"/v1/sanctions/cases/{made['case_id']}/notice", body)
    return made


async def _reviewed(scene: Scene) -> dict[str, str]:
    case = await reviewed_case(scene.api_for, scene.ids["partner"], OWNER)
    return {"case_id": case["id"]}


async def _entry(scene: Scene) -> dict[str, str]:
    return {"entry_id": (await impose(scene.api_for, None, OWNER))["entry_id"]}


async def _detail(scene: Scene, relation: str) -> Call:
    headers = {} if relation == "owner" else PURPOSE
    return Call({"assessment_id": scene.ids["restricted"]}, headers=headers)


async def _own_profile(scene: Scene, relation: str) -> Call:
    return Call(json=partner_body())


def _body(**values: Any) -> Callable[[Scene], Any]:
    return lambda scene: values


DECISION = {
    "measure": "DEBARMENT_FIXED",
    "effective_from": "2026-06-15",
    "effective_to": "2030-06-14",
    "reason": "Canary: forged invoices.",
}
_SAME_PERSON = frozenset({409, 403})
"""The owner's own investigator may not take the next person's step; it is not a 404 to it."""

RULES: dict[str, Rule] = {
    # partners: one identity, every agency's
    "listPartners": Rule(plain(), EVERYONE),
    "createPartner": Rule(_own_profile, EVERYONE),
    "matchPartners": Rule(posted(_body(legal_name="Amani", country="KEN")), EVERYONE, logged=False),
    "resolvePartner": Rule(plain(), only(*AGENCIES, granted=frozenset({404, 422}))),
    "getPartner": Rule(plain(partner_id="partner"), EVERYONE),
    "changePartner": Rule(
        posted(_body(acronym="ART"), partner_id="partner"),
        only(*AGENCIES, granted=frozenset({200, 412})),
    ),
    # agencies
    "listAgencies": Rule(plain(), EVERYONE),
    "getAgency": Rule(plain(code="UNICEF"), EVERYONE),
    "listFocalPoints": Rule(plain(code="UNICEF"), EVERYONE),
    # assessments
    "listAssessmentTypes": Rule(plain(), EVERYONE),
    "rateAssessment": Rule(
        posted(_body(methodology="UN-PSEA-2020", detail=psea_detail()), code="psea"),
        EVERYONE,
        logged=False,
    ),
    "listAssessments": Rule(
        plain(),
        EVERYONE,
        shows={
            "restricted": frozenset(AGENCIES),
            "inter_agency": frozenset(AGENCIES),
            "agency_only": frozenset({"owner"}),
            "draft": frozenset({"owner"}),
        },
    ),
    "fileAssessment": Rule(posted(lambda scene: assessment_body(scene.ids["partner"])), EVERYONE),
    "getAssessment": Rule(plain(assessment_id="agency_only"), OWNER_ONLY, hides="assessment_id"),
    "changeAssessment": Rule(
        posted(_body(confidentiality="RESTRICTED"), assessment_id="agency_only"),
        only("owner", granted=frozenset({200, 409, 412, 422})),
        hides="assessment_id",
    ),
    "readAssessmentDetail": Rule(
        _detail, only("owner", "shared"), hides="assessment_id", logged=True
    ),
    "listAssessmentDisclosures": Rule(
        plain(assessment_id="restricted"), OWNER_ONLY, hides="assessment_id"
    ),
    "listAssessmentShares": Rule(
        plain(assessment_id="restricted"),
        EVERYONE,
        shows={
            "share_shared": frozenset({"owner", "shared"}),
            "share_expired": frozenset({"owner", "expired"}),
            "share_revoked": frozenset({"owner", "revoked"}),
        },
    ),
    "shareAssessment": Rule(
        fresh(_assessment, share_body(), assessment_id="restricted"),
        OWNER_ONLY,
        hides="assessment_id",
    ),
    "revokeAssessmentShare": Rule(
        fresh(_share, assessment_id="restricted", share_id="share_shared"), OWNER_ONLY
    ),
    "listAccessRequests": Rule(
        plain(), EVERYONE, shows={"request": frozenset({"owner", "shared"})}
    ),
    "requestAccess": Rule(
        posted(lambda scene: request_body(scene.ids["restricted"], purpose="MONITORING")),
        only("owner", granted=frozenset({409, 422}), others=frozenset({201, 409})),
    ),
    "getAccessRequest": Rule(
        plain(request_id="request"), only("owner", "shared"), hides="request_id"
    ),
    "decideAccessRequest": Rule(
        fresh(_request, {"decision": "deny", "reason": "Canary: not now"}, request_id="request"),
        only("owner"),
        hides="request_id",
    ),
    # sanctions: cases are the own agency's alone, measures are shared
    "listSanctionCases": Rule(plain(), EVERYONE, shows={"case": frozenset({"owner"})}),
    "openSanctionCase": Rule(
        posted(
            lambda scene: {
                "partner_id": scene.ids["partner"],
                "practices": ["FRAUDULENT"],
                "finding": {"reference": "Canary-1", "on": "2026-04-02"},
            }
        ),
        EVERYONE,
    ),
    "getSanctionCase": Rule(plain(case_id="case"), OWNER_ONLY, hides="case_id", logged=True),
    "recordSanctionNotice": Rule(
        fresh(_case, {"sent_on": "2026-05-04", "summary": "Canary"}, case_id="case"),
        OWNER_ONLY,
        hides="case_id",
    ),
    "recordSanctionReply": Rule(
        fresh(_noticed_case, {"received_on": "2026-05-20", "text": "Canary"}, case_id="case"),
        OWNER_ONLY,
        hides="case_id",
    ),
    "reviewSanctionCase": Rule(
        fresh(
            _noticed_case, {"recommendation": "impose", "note": "Canary"}, case_id="case_reviewed"
        ),
        only("owner", granted=_SAME_PERSON),
        hides="case_id",
    ),
    "decideSanctionCase": Rule(
        fresh(_reviewed, DECISION, version=4, case_id="case_reviewed"),
        only("owner", granted=_SAME_PERSON),
        hides="case_id",
    ),
    "listSanctionEntries": Rule(plain(), EVERYONE),
    "getSanctionEntry": Rule(plain(entry_id="entry"), EVERYONE),
    "liftSanctionEntry": Rule(
        fresh(_entry, {"reason": "Canary"}, entry_id="entry"), OWNER_ONLY, hides="entry_id"
    ),
    "listSanctionSources": Rule(plain(), EVERYONE),
    "screen": Rule(posted(lambda scene: screening_body()), EVERYONE),
    # feed: what is in it is every agency's
    "getFeedChanges": Rule(plain(), EVERYONE),
    "getFeedFile": Rule(plain(sha256="feed_file"), EVERYONE),
    "getFeedKeys": Rule(plain(), only(*AGENCIES, granted=frozenset({200, 404}))),
    "getFeedManifest": Rule(plain(), EVERYONE),
    # recognition: an answer is the asking agency's
    "listClearances": Rule(plain(), EVERYONE, shows={"clearance": frozenset({"owner"})}),
    "giveClearance": Rule(posted(lambda scene: clearance_body(scene.ids["partner"])), EVERYONE),
    "getClearance": Rule(plain(clearance_id="clearance"), OWNER_ONLY, hides="clearance_id"),
    "getClearanceReceipt": Rule(plain(clearance_id="clearance"), OWNER_ONLY, hides="clearance_id"),
    "getRatingScales": Rule(plain(), EVERYONE),
    "listRecognitionPolicies": Rule(plain(), EVERYONE),
}

OPEN = frozenset(
    {
        "getServerMetadata",
        "getResourceMetadata",
        "getLiveness",
        "getReadiness",
        "getTokenKeys",
        "issueToken",
    }
)
"""Operations that anybody may call, without a token."""
