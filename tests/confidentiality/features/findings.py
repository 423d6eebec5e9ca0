"""Findings of audits and their follow-up in the matrix."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.assessments.audit_factories import finding, make_audit
from tests.assessments.factories import make_share
from tests.assessments.findings.support import (
    AGREED,
    CLOSING,
    CONFIRMED,
    REOPENING,
    do,
    findings_of,
    make_finding,
    refund,
)
from tests.confidentiality.model import TABLES as ASSESSMENTS
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, OK, OWNER_ONLY, PURPOSE, Call, Rule, only, plain
from tests.confidentiality.scene import AGENCIES, REASON, Scene, until

_ANSWER = {"text": "Canary: the bank has sent the records."}
_PARTNER_ONLY = {"partner": OK}


async def prepare(scene: Scene) -> None:
    """Findings of every level; one is shared, one answered, one closed, two hidden."""
    owner, ids = await scene.owner(), scene.ids
    audit = await make_audit(owner, finding(), partner_id=ids["partner"])
    ids["audit"] = audit["id"]
    ids["finding"] = (await findings_of(owner, audit["id"]))[0]["id"]
    for relation in ("shared", "revoked"):
        more = {"shared_with": AGENCIES[relation], "purpose": "AUDIT"}
        share = await make_share(owner, audit["id"], **more)
        if relation == "revoked":
            url = f"/v1/assessments/{audit['id']}/shares/{share['id']}"
            assert (await owner.delete(url)).status_code == 204
    for name, level in (
        ("finding_open", "INTER_AGENCY"),
        ("finding_own", "AGENCY_ONLY"),
        ("finding_withheld", "RESTRICTED"),
        ("finding_redacted", "INTER_AGENCY"),
        ("finding_closed", "RESTRICTED"),
    ):
        made = await make_finding(
            owner, partner_id=ids["partner"], usd="10.00", priority="LOW", confidentiality=level
        )
        ids[name], ids[f"audit_of_{name}"] = made["id"], made["assessment_id"]
    for name in ("finding", "finding_open", "finding_own", "finding_withheld", "finding_redacted"):
        assert (await do(owner, ids[name], "actions", AGREED))[0] == 201
        assert (await do(owner, ids[name], "resolutions", refund("1.00")))[0] == 201
    partner = await scene.api_for(ids["partner_client"])
    for name in ("finding", "finding_closed", "finding_withheld"):
        await partner.made(f"/v1/self/findings/{ids[name]}/responses", _ANSWER)
    assert (await do(owner, ids["finding_closed"], "resolutions", refund("10.00")))[0] == 201
    assert (await do(owner, ids["finding_closed"], "closing", CLOSING))[0] == 200
    mark = {"subject_kind": "statement", "subject_id": ids["audit_of_finding_withheld"]}
    await (await scene.officer()).made("/v1/withholdings", mark | {"until": until()} | REASON)
    await owner.made(f"/v1/assessments/{ids['audit_of_finding_redacted']}/redaction", REASON)


def _read(name: str, record: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        headers = {} if relation == "owner" else PURPOSE
        return Call({name: scene.ids[record]}, headers=headers)

    return make


def _step(body: dict[str, Any], *, closed: bool = False) -> Any:
    """A step on the finding; the owner's on one that was made for this very call."""

    async def make(scene: Scene, relation: str) -> Call:
        record = scene.ids["finding"]
        if relation == "owner":
            owner = await scene.owner()
            made = await make_finding(owner, priority="HIGH", usd="0.00" if closed else "9.00")
            record = made["id"]
            if closed and body is not CLOSING:
                assert (await do(owner, record, "closing", CLOSING))[0] == 200
        return Call({"finding_id": record}, body)

    return make


async def _answer(scene: Scene, relation: str) -> Call:
    return Call({"finding_id": scene.ids["finding"]}, _ANSWER)


_SAME_PERSON = frozenset({409})
RULES: dict[str, Rule] = {
    "listAssessmentFindings": Rule(
        _read("assessment_id", "audit"),
        only("owner", "shared"),
        hides="assessment_id",
        logged=True,
    ),
    "readFinding": Rule(
        _read("finding_id", "finding"), only("owner", "shared"), hides="finding_id", logged=True
    ),
    "listFindings": Rule(
        plain(),
        EVERYONE,
        shows={
            "finding": frozenset({"owner"}),
            "finding_open": frozenset(AGENCIES),
            "finding_own": frozenset({"owner"}),
            "finding_redacted": frozenset(),
        },
    ),
    "agreeFindingAction": Rule(_step(AGREED), OWNER_ONLY, hides="finding_id"),
    "resolveFindingAmount": Rule(_step(refund("1.00")), OWNER_ONLY, hides="finding_id"),
    "closeFinding": Rule(_step(CLOSING, closed=True), OWNER_ONLY, hides="finding_id"),
    # By another person of the owner, whom tests/assessments/findings has.
    "verifyFinding": Rule(
        _step(CONFIRMED, closed=True), only("owner", granted=_SAME_PERSON), hides="finding_id"
    ),
    "reopenFinding": Rule(_step(REOPENING, closed=True), OWNER_ONLY, hides="finding_id"),
    "getFindingsSummary": Rule(plain(partner_id="partner"), EVERYONE),
    "listOwnFindings": Rule(plain(), _PARTNER_ONLY),
    "readOwnFinding": Rule(plain(finding_id="finding"), _PARTNER_ONLY),
    "respondToFinding": Rule(_answer, _PARTNER_ONLY),
}


# ------------------------------------------------------------------------------ row security


def _detail_shown(assessment: UUID, who: Who, facts: Facts) -> bool:
    return any(
        ASSESSMENTS["assessment_details"].select(row, who, facts)
        for row in facts.rows["assessment_details"]
        if row["assessment_id"] == assessment
    )


def _stated(assessment: UUID, facts: Facts) -> bool:
    """Whether the partner is told of this assessment."""
    (about,) = (row for row in facts.rows["assessments"] if row["id"] == assessment)
    kept_back = any(
        mark["subject_id"] == assessment
        and mark["subject_kind"] != "read_log"
        and mark["ended_at"] is None
        and mark["until"] > facts.now
        for mark in facts.withholdings
    )
    return about["level"] != "AGENCY_ONLY" and not about["redacted"] and not kept_back


def _sees(row: Row, who: Who, facts: Facts) -> bool:
    if _detail_shown(row["assessment_id"], who, facts):
        return True
    told = who.partner is not None and row["partner_id"] == who.partner and not row["withdrawn"]
    return told and _stated(row["assessment_id"], facts)


def _finding_of(row: Row, facts: Facts) -> Row:
    return next(one for one in facts.rows["assessment_findings"] if one["id"] == row["finding_id"])


def _sees_follow_up(row: Row, who: Who, facts: Facts) -> bool:
    return _sees(_finding_of(row, facts), who, facts)


_OWNER = own("owner_agency")


def _acts(row: Row, who: Who, facts: Facts) -> bool:
    if not row["by_partner"]:
        return _OWNER(row, who, facts)
    about = _finding_of(row, facts)
    return who.partner is not None and _sees(about, who, facts) and about["state"] != "closed"


TABLES: dict[str, Table] = {
    "assessment_findings": Table(("id",), select=_sees, insert=_OWNER, update=_OWNER),
    "finding_resolutions": Table(("id",), select=_sees_follow_up, insert=_OWNER),
    "finding_actions": Table(("id",), select=_sees_follow_up, insert=_acts),
}
