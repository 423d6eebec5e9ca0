"""Transfer restrictions and fraud cases in the matrix."""

from __future__ import annotations

from typing import Any

from tests.confidentiality.model import Facts, Row, Table, Who, either, own
from tests.confidentiality.rules import (
    EVERYONE,
    OWNER_ONLY,
    PURPOSE,
    V1,
    Call,
    Rule,
    only,
    plain,
    posted,
)
from tests.confidentiality.scene import AGENCIES, OWNER, REASON, Scene
from tests.partners.factories import make_partner
from tests.sanctions.fraud_cases.support import Fraud, share_body
from tests.sanctions.fraud_cases.support import body as fraud_body
from tests.sanctions.transfer_restrictions.support import (
    URL,
    body,
    government,
    open_head_office,
    open_office,
    set_on,
)

_ALL = frozenset(AGENCIES)
_OWN = frozenset({"owner"})
_SAME_PERSON = frozenset({409})
_MINE = only("owner", granted=_SAME_PERSON)


async def prepare(scene: Scene) -> None:
    """A restriction in force, one that waits, a lifted and a redacted one; fraud cases at every
    stage, one shared, one published. WFP has an office in the country, the others have none."""
    owner, ids = await scene.owner(), scene.ids
    await open_head_office(scene.operator, scene.world, AGENCIES["shared"])
    await open_office(scene.operator, scene.world, AGENCIES["shared"], "KEN")
    ids["ministry"] = await government(owner)
    ids["restriction"] = (await set_on(owner, ids["ministry"]))["id"]
    for name in ("restriction_lifted", "restriction_redacted", "restriction_proposed"):
        more = {"ends_on": None} if name == "restriction_proposed" else {}
        ids[name] = (await set_on(owner, await government(owner), **more))["id"]
    done = await owner.post(f"{URL}/{ids['restriction_lifted']}/lift", headers=V1)
    assert done.status_code == 200, done.text
    await owner.made(f"{URL}/{ids['restriction_redacted']}/redaction", REASON)
    await _fraud(scene)


async def _fraud(scene: Scene) -> None:
    owner, ids = await scene.owner(), scene.ids
    case = await Fraud.open(scene.api_for, OWNER, ids["partner"])
    ids["fraud"] = case.opened["id"]
    for relation in ("shared", "expired", "revoked"):
        more = {"purpose": "AUDIT"}
        made = await owner.made(f"{case.url}/shares", share_body(AGENCIES[relation], **more))
        ids[f"fraud_share_{relation}"] = made["id"]
        if relation != "shared":
            assert (await owner.delete(f"{case.url}/shares/{made['id']}")).status_code == 204
    await case.recovered("10.00")
    ids["fraud_act"] = (await case.proposed("substantiate"))["id"]
    published = await Fraud.open(scene.api_for, OWNER, ids["partner"])
    await published.substantiated()
    await published.published()
    ids["fraud_published"] = published.opened["id"]
    unfounded = await Fraud.open(scene.api_for, OWNER, ids["partner"])
    await owner.made(f"{unfounded.url}/shares", share_body(AGENCIES["shared"], purpose="AUDIT"))
    assert (await unfounded.stage("unsubstantiated")).status_code == 200
    ids["fraud_unfounded"] = unfounded.opened["id"]


def _restricted(name: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        return Call({"restriction_id": scene.ids[name]}, headers=PURPOSE)

    return make


async def _new_restriction(scene: Scene, relation: str) -> Call:
    return Call(json=body(await government(await scene.owner())))


async def _own_restrictions(scene: Scene, relation: str) -> Call:
    return Call(params={"mine": "true", "limit": "200"})


def _on_restriction(sent: Any, **more: Any) -> Any:
    """A step on a restriction made for this very call where the owner calls."""

    async def make(scene: Scene, relation: str) -> Call:
        restriction = scene.ids["restriction"]
        if relation == "owner":
            owner = await scene.owner()
            restriction = (await set_on(owner, await government(owner), **more))["id"]
        return Call({"restriction_id": restriction}, sent, V1)

    return make


def _on_fraud(sent: Any) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        case = scene.ids["fraud"]
        if relation == "owner":
            case = (await Fraud.open(scene.api_for, OWNER)).opened["id"]
        return Call({"case_id": case}, sent, V1)

    return make


async def _new_fraud(scene: Scene, relation: str) -> Call:
    return Call(json=fraud_body((await make_partner(await scene.owner()))["id"]))


async def _publication(scene: Scene, relation: str) -> Call:
    case, version = scene.ids["fraud"], 1
    if relation == "owner":
        made = await Fraud.open(scene.api_for, OWNER)
        case, version = made.opened["id"], (await made.substantiated())["version"]
    return Call({"case_id": case}, None, {"If-Match": f'"v{version}"'})


async def _fraud_share(scene: Scene, relation: str) -> Call:
    path = {"case_id": scene.ids["fraud"], "share_id": scene.ids["fraud_share_shared"]}
    if relation == "owner":
        case = await Fraud.open(scene.api_for, OWNER)
        owner = await scene.owner()
        made = await owner.made(f"{case.url}/shares", share_body(AGENCIES["shared"]))
        path = {"case_id": case.opened["id"], "share_id": made["id"]}
    return Call(path)


async def _read_fraud(scene: Scene, relation: str) -> Call:
    return Call({"case_id": scene.ids["fraud"]}, headers=PURPOSE)


_ACT = {"kind": "substantiate", "reference": "MEMO/1"}
_RECOVERY = {"amount_usd": "1.00", "booked_on": "2026-11-03", "reference": "RV/1"}
RULES: dict[str, Rule] = {
    "setTransferRestriction": Rule(_new_restriction, EVERYONE),
    "listTransferRestrictions": Rule(
        _own_restrictions,
        EVERYONE,
        shows=dict.fromkeys(
            (
                *("restriction", "restriction_lifted", "restriction_redacted"),
                "restriction_proposed",
            ),
            _OWN,
        ),
    ),
    "getTransferRestriction": Rule(
        _restricted("restriction"), only("owner", "shared"), hides="restriction_id", logged=True
    ),
    "listTransferRestrictionDisclosures": Rule(
        _restricted("restriction"), OWNER_ONLY, hides="restriction_id", logged=False
    ),
    "decideTransferRestriction": Rule(
        _on_restriction({"decision": "approve"}, ends_on=None), _MINE, hides="restriction_id"
    ),
    "reviewTransferRestriction": Rule(_on_restriction({}), OWNER_ONLY, hides="restriction_id"),
    "liftTransferRestriction": Rule(_on_restriction(None), OWNER_ONLY, hides="restriction_id"),
    "redactTransferRestriction": Rule(_on_restriction(REASON), OWNER_ONLY, hides="restriction_id"),
    "decideTransferRestrictionRedaction": Rule(
        posted(lambda scene: {"decision": "undo"} | REASON, restriction_id="restriction_redacted"),
        _MINE,
        hides="restriction_id",
    ),
    "openFraudCase": Rule(_new_fraud, EVERYONE),
    "listFraudCases": Rule(
        plain(), EVERYONE, shows={"fraud": _OWN, "fraud_published": _OWN, "fraud_unfounded": _OWN}
    ),
    "listPublishedFraudCases": Rule(
        plain(),
        EVERYONE,
        shows={"fraud_published": _ALL, "fraud": frozenset(), "fraud_unfounded": frozenset()},
    ),
    "getFraudCase": Rule(_read_fraud, only("owner", "shared"), hides="case_id", logged=True),
    "changeFraudCase": Rule(_on_fraud({"loss_usd": "120.00"}), OWNER_ONLY, hides="case_id"),
    "moveFraudCase": Rule(_on_fraud({"stage": "unsubstantiated"}), OWNER_ONLY, hides="case_id"),
    "referFraudCase": Rule(_on_fraud({"state": "under_legal_review"}), OWNER_ONLY, hides="case_id"),
    "publishFraudCase": Rule(_publication, OWNER_ONLY, hides="case_id"),
    "recordFraudRecovery": Rule(_on_fraud(_RECOVERY), OWNER_ONLY, hides="case_id"),
    "proposeFraudCaseAct": Rule(_on_fraud(_ACT), OWNER_ONLY, hides="case_id"),
    "decideFraudCaseAct": Rule(
        posted(lambda scene: {"decision": "reject"}, case_id="fraud", act_id="fraud_act"),
        _MINE,
        hides="case_id",
    ),
    "shareFraudCase": Rule(_on_fraud(share_body()), OWNER_ONLY, hides="case_id"),
    "listFraudCaseShares": Rule(plain(case_id="fraud"), OWNER_ONLY, hides="case_id"),
    "endFraudCaseShare": Rule(_fraud_share, OWNER_ONLY, hides="case_id"),
    "listReceivedFraudCaseShares": Rule(
        plain(), EVERYONE, shows={"fraud_share_shared": frozenset({"shared"})}
    ),
    "listFraudCaseDisclosures": Rule(plain(case_id="fraud"), OWNER_ONLY, hides="case_id"),
}

# ------------------------------------------------------------------------------ row security

_OWNER = own("owner_agency")


def _engaged(row: Row, who: Who, facts: Facts) -> bool:
    """In force, and the bound agency has an open office in the country."""
    today = facts.now.date()
    running = (
        row["state"] == "set"
        and row["lifted_on"] is None
        and (row["ends_on"] is None or row["ends_on"] >= today)
    )
    return running and any(
        office["agency_id"] == who.agency
        and office["active"]
        and office["kind"] in ("country", "multi_country")
        and row["country"] in office["countries"]
        for office in facts.rows["offices"]
    )


def _shared(row: Row, who: Who, facts: Facts) -> bool:
    if _OWNER(row, who, facts):
        return True
    return row["outcome"] != "unsubstantiated" and any(
        entry["agency_id"] == who.agency
        and entry["record_id"] == row["id"]
        and entry["valid_from"] <= facts.now
        and (entry["valid_to"] is None or entry["valid_to"] > facts.now)
        for entry in facts.rows["fraud_cases_acl"]
    )


TABLES: dict[str, Table] = {
    "transfer_restrictions": Table(
        ("id",), select=either(_OWNER, _engaged), insert=_OWNER, update=_OWNER
    ),
    "fraud_cases": Table(("id",), select=_shared, insert=_OWNER, update=_OWNER),
    "fraud_cases_acl": Table(
        ("agency_id", "record_id", "share_id"),
        select=either(_OWNER, own("agency_id")),
        insert=_OWNER,
        delete=_OWNER,
    ),
    "fraud_case_history": Table(("fraud_case_id", "version"), select=_OWNER),
    "fraud_case_acts": Table(("id",), select=_OWNER, insert=_OWNER, update=_OWNER),
    "fraud_case_amounts": Table(("id",), select=_OWNER, insert=_OWNER),
}
