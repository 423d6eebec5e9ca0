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
from tests.confidentiality.scene import (
    AGENCIES,
    OWNER,
    REASON,
    Scene,
    clearance_body,
    client_body,
    hold_body,
    issuer_body,
    person_body,
    policy_body,
    screening_body,
    until,
    withholding_body,
)
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
    content: bytes | None = None


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
    list holds it. ``oversight``: persons with an oversight role call. ``logged``
    overrides whether success leaves an event in the log: writes do, and reads of RESTRICTED
    contents.
    """

    make: Maker
    expected: Expected
    hides: str | None = None
    shows: dict[str, frozenset[str]] = field(default_factory=dict)
    logged: bool | None = None
    oversight: bool = False


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


async def _client(scene: Scene) -> dict[str, str]:
    return {"client_id": (await (await scene.owner()).made("/v1/clients", client_body()))["id"]}


async def _secret(scene: Scene) -> dict[str, str]:
    made = await _client(scene)
    read = await (await scene.owner()).read(f"/v1/clients/{made['client_id']}")
    return made | {"secret_id": read["secrets"][0]["id"]}


async def _feed_token(scene: Scene) -> dict[str, str]:
    made = await _client(scene)
    url = f"/v1/clients/{made['client_id']}/feed-tokens"
    token = await (await scene.owner()).made(url, {"name": "m", "days": 9})
    return made | {"token_id": token["id"]}


async def _issuer(scene: Scene) -> dict[str, str]:
    made = await (await scene.owner()).made("/v1/trusted-issuers", issuer_body())
    return {"issuer_id": made["id"]}


async def _policy(scene: Scene) -> dict[str, str]:
    owner = await scene.owner()
    partner = (await owner.made("/v1/partners", partner_body()))["id"]
    made = await owner.made("/v1/sharing-policies", policy_body(partner))
    return {"policy_id": made["id"]}


async def _focal_point(scene: Scene) -> dict[str, str]:
    body = {"subject": "psea", "office": "PSEA unit", "email": "psea@agency.example"}
    made = await (await scene.owner()).made(f"/v1/agencies/{OWNER}/focal-points", body)
    return {"code": OWNER, "focal_point_id": made["id"]}


async def _step(scene: Scene) -> dict[str, str]:
    made = await _case(scene)
    read = await (await scene.owner()).read(f"/v1/sanctions/cases/{made['case_id']}")
    return made | {"step_id": read["steps"][0]["id"]}


async def _withholding(scene: Scene) -> dict[str, str]:
    owner = await scene.owner()
    partner = (await owner.made("/v1/partners", partner_body()))["id"]
    made = await (await scene.officer()).made("/v1/withholdings", withholding_body(partner))
    return {"withholding_id": made["id"]}


async def _own_policy(scene: Scene, relation: str) -> Call:
    maker = await scene.api_for(AGENCIES.get(relation, OWNER))
    partner = (await maker.made("/v1/partners", partner_body()))["id"]
    with_whom = "UNHCR" if relation != "stranger" else "FAO"
    return Call(json=policy_body(partner) | {"shared_with": with_whom})


async def _own_hold(scene: Scene, relation: str) -> Call:
    partner = (await (await scene.owner()).made("/v1/partners", partner_body()))["id"]
    return Call(json=hold_body(partner))


async def _own_withholding(scene: Scene, relation: str) -> Call:
    partner = (await (await scene.owner()).made("/v1/partners", partner_body()))["id"]
    return Call(json=withholding_body(partner))


async def _leaf(scene: Scene, relation: str) -> Call:
    async with scene.operator.connection() as connection:
        leaf = await connection.fetchval("SELECT leaf_hash FROM log_leaves WHERE seq = 1")
    return Call(params={"leaf": leaf.hex()})


async def _two_sizes(scene: Scene, relation: str) -> Call:
    return Call(params={"from": "1", "to": "2"})


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
    # agencies: the directory is every agency's, its administration the own one's
    "changeAgency": Rule(
        posted(_body(website="https://unicef.example"), code="UNICEF"),
        only("owner", granted=frozenset({200, 412})),
    ),
    "createFocalPoint": Rule(
        posted(_body(subject="psea", office="Unit", email="p@agency.example"), code="UNICEF"),
        OWNER_ONLY,
    ),
    "changeFocalPoint": Rule(
        posted(_body(office="Unit"), code="UNICEF", focal_point_id="focal_point"),
        only("owner", granted=frozenset({200, 412})),
        hides="focal_point_id",
    ),
    "removeFocalPoint": Rule(
        fresh(_focal_point, code="UNICEF", focal_point_id="focal_point"),
        OWNER_ONLY,
        hides="focal_point_id",
    ),
    "listOffices": Rule(plain(code="UNICEF"), EVERYONE),
    "openOffice": Rule(
        posted(_body(code="HQ", name="Headquarters", kind="hq"), code="UNICEF"),
        only("owner", granted=frozenset({201, 409})),
    ),
    "changeOffice": Rule(
        posted(_body(name="Head office"), code="UNICEF", office_id="office"),
        only("owner", granted=frozenset({200, 412})),
        hides="office_id",
    ),
    "listAgencySettings": Rule(plain(code="UNICEF"), OWNER_ONLY),
    "getAgencySetting": Rule(plain(code="UNICEF", key="default_share_months"), OWNER_ONLY),
    "setAgencySetting": Rule(
        posted(_body(value=6), code="UNICEF", key="default_share_months"),
        only("owner", granted=frozenset({200, 412})),
    ),
    "listAgencySettingChanges": Rule(plain(code="UNICEF", key="default_share_months"), OWNER_ONLY),
    "listPersons": Rule(plain(), EVERYONE, shows={"person": frozenset({"owner"})}),
    "createPerson": Rule(posted(lambda scene: person_body()), EVERYONE),
    "getPerson": Rule(plain(person_id="person"), OWNER_ONLY, hides="person_id"),
    "changePerson": Rule(
        posted(_body(office="HQ 2"), person_id="person"),
        only("owner", granted=frozenset({200, 412})),
        hides="person_id",
    ),
    "listClients": Rule(plain(), EVERYONE, shows={"client": frozenset({"owner"})}),
    "createClient": Rule(posted(lambda scene: client_body()), EVERYONE),
    "getClient": Rule(plain(client_id="client"), OWNER_ONLY),
    "changeClient": Rule(
        posted(_body(name="Renamed"), client_id="client"),
        only("owner", granted=frozenset({200, 412})),
    ),
    "revokeClient": Rule(fresh(_client, client_id="client"), OWNER_ONLY),
    "rotateSecret": Rule(fresh(_client, client_id="client"), OWNER_ONLY),
    "endSecret": Rule(fresh(_secret, client_id="client", secret_id="secret"), OWNER_ONLY),
    "listFeedTokens": Rule(plain(client_id="client"), OWNER_ONLY),
    "createFeedToken": Rule(
        fresh(_client, {"name": "m", "days": 9}, client_id="client"), OWNER_ONLY
    ),
    "revokeFeedToken": Rule(
        fresh(_feed_token, client_id="client", token_id="feed_token"), OWNER_ONLY
    ),
    "listTrustedIssuers": Rule(plain(), EVERYONE),
    "proposeTrustedIssuer": Rule(posted(lambda scene: issuer_body()), EVERYONE),
    "getTrustedIssuer": Rule(plain(issuer_id="issuer"), OWNER_ONLY, hides="issuer_id"),
    "decideTrustedIssuer": Rule(
        posted(_body(decision="approve", reason="Checked"), issuer_id="issuer"),
        only("owner", granted=_SAME_PERSON),
        hides="issuer_id",
    ),
    "revokeTrustedIssuer": Rule(fresh(_issuer, issuer_id="issuer"), OWNER_ONLY, hides="issuer_id"),
    # standing shares: both sides see them, the owner alone changes them
    "listSharingPolicies": Rule(
        plain(), EVERYONE, shows={"policy": frozenset({"owner", "shared"})}
    ),
    "giveSharingPolicy": Rule(_own_policy, EVERYONE),
    "getSharingPolicy": Rule(plain(policy_id="policy"), only("owner", "shared"), hides="policy_id"),
    "endSharingPolicy": Rule(fresh(_policy, policy_id="policy"), OWNER_ONLY, hides="policy_id"),
    # the log: an agency's own acts and those on its records; the tree tells nothing
    "listAuditEvents": Rule(
        plain(), EVERYONE | {"partner": OK}, shows={"event": frozenset({"owner"})}
    ),
    "getAuditEvent": Rule(plain(event_id="event"), OWNER_ONLY, hides="event_id"),
    "getLogCheckpoint": Rule(plain(), EVERYONE | {"partner": OK}),
    "getInclusionProof": Rule(_leaf, EVERYONE | {"partner": OK}),
    "getConsistencyProof": Rule(_two_sizes, EVERYONE | {"partner": OK}),
    # exceptions: what an agency hides, holds and withholds is its own
    "redactAssessment": Rule(
        fresh(_assessment, REASON, assessment_id="restricted"), OWNER_ONLY, hides="assessment_id"
    ),
    "decideAssessmentRedaction": Rule(
        posted(_body(decision="undo", reason="Canary"), assessment_id="redacted"),
        only("owner", granted=_SAME_PERSON),
        hides="assessment_id",
    ),
    "redactSanctionCaseStep": Rule(
        fresh(_step, REASON, case_id="case", step_id="step"), OWNER_ONLY, hides="case_id"
    ),
    "decideSanctionCaseStepRedaction": Rule(
        posted(
            _body(decision="undo", reason="Canary"), case_id="case_hidden", step_id="step_hidden"
        ),
        only("owner", granted=_SAME_PERSON),
        hides="case_id",
    ),
    "listRedactions": Rule(plain(), EVERYONE, shows={"redaction": frozenset({"owner"})}),
    "getRedaction": Rule(plain(redaction_id="redaction"), OWNER_ONLY, hides="redaction_id"),
    "listLegalHolds": Rule(plain(), EVERYONE, shows={"hold": frozenset({"owner"})}, oversight=True),
    "setLegalHold": Rule(_own_hold, EVERYONE, oversight=True),
    "getLegalHold": Rule(plain(hold_id="hold"), OWNER_ONLY, hides="hold_id", oversight=True),
    "renewLegalHold": Rule(
        posted(lambda scene: {"review_on": until(60)[:10]}, hold_id="hold"),
        only("owner", granted=frozenset({201, 409, 412})),
        hides="hold_id",
        oversight=True,
    ),
    "releaseLegalHold": Rule(
        posted(_body(reason="Canary"), hold_id="hold"),
        only("owner", granted=_SAME_PERSON),
        hides="hold_id",
        oversight=True,
    ),
    "listWithholdings": Rule(
        plain(), EVERYONE, shows={"withholding": frozenset({"owner"})}, oversight=True
    ),
    "setWithholding": Rule(_own_withholding, EVERYONE, oversight=True),
    "getWithholding": Rule(
        plain(withholding_id="withholding"), OWNER_ONLY, hides="withholding_id", oversight=True
    ),
    "renewWithholding": Rule(
        posted(lambda scene: {"until": until(60)}, withholding_id="withholding"),
        only("owner", granted=_SAME_PERSON),
        hides="withholding_id",
        oversight=True,
    ),
    "endWithholding": Rule(
        fresh(_withholding, withholding_id="withholding"),
        OWNER_ONLY,
        hides="withholding_id",
        oversight=True,
    ),
    "getFtmIndex": Rule(plain(), EVERYONE),
    "getFtmEntities": Rule(plain(), EVERYONE),
    "getFtmTable": Rule(plain(), EVERYONE),
}

OPEN = frozenset(
    {
        "getServerMetadata",
        "getResourceMetadata",
        "getLiveness",
        "getReadiness",
        "getTokenKeys",
        "issueToken",
        "claimPartner",
    }
)
"""Operations that anybody may call, without a token."""
