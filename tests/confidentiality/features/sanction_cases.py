"""Sanction cases in the matrix: respondents, procedures, other agencies, the partner's side."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import (
    EVERYONE,
    OK,
    OWNER_ONLY,
    V1,
    Call,
    Rule,
    only,
    plain,
    posted,
)
from tests.confidentiality.scene import AGENCIES, OWNER, REASON, Scene, until
from tests.partners.factories import make_partner
from tests.sanctions.cases.support import (
    CASES,
    REVIEW,
    Case,
    day,
    version,
)
from tests.sanctions.cases.test_procedures import URL as PROCEDURES
from tests.sanctions.cases.test_procedures import body as procedure_body
from tests.sanctions.cases.test_recorded import CERTIFICATE
from tests.sanctions.cases.test_recorded import URL as RECORDED
from tests.sanctions.cases.test_recorded import body as record_body

_PARTNER_ONLY = {"partner": OK}
_SAME_PERSON = frozenset({409})
_PERSON = {"relation": "PRINCIPAL", "individual": {"names": ["Canary Person"]}}
_APPEAL = {"filed_on": day(), "text": "Canary"}
_FAR = {"effective_from": "2031-01-01"}


async def _joins(scene: Scene, case: Case, relation: str, **more: Any) -> str:
    owner = await scene.owner()
    body = {"agency": AGENCIES[relation], "parts": ["notice", "review"]} | more
    made = await owner.made(f"{case.url}/parties", body)
    return str(made["id"])


async def _answers(scene: Scene, relation: str, party: str, said: str = "accept") -> None:
    other = await scene.api_for(AGENCIES[relation])
    await other.made(f"/v1/sanctions/case-invitations/{party}/answer", {"answer": said})


async def prepare(scene: Scene) -> None:
    """Cases that are joined, lent a panel, kept back, decided and recorded; what goes with them."""
    owner, ids = await scene.owner(), scene.ids
    joint = await Case.open(scene.api_for, OWNER, ids["partner"])
    ids["case_joint"] = joint.opened["id"]
    added = await owner.made(f"{joint.url}/respondents", _PERSON)
    ids["individual"] = added["respondents"][1]["id"]
    await joint.told()
    await joint.told(respondent_id=ids["individual"])
    ids["party"] = await _joins(scene, joint, "shared")
    await _answers(scene, "shared", ids["party"])
    ids["party_declined"] = await _joins(scene, joint, "expired")
    await _answers(scene, "expired", ids["party_declined"], "decline")
    ids["party_asked"] = await _joins(scene, joint, "revoked")
    await joint.replied()
    await joint.reviewed()
    lent = await Case.open(scene.api_for, OWNER, ids["partner"])
    person = await owner.made(f"{lent.url}/respondents", _PERSON)
    await lent.told(respondent_id=person["respondents"][1]["id"])
    await _answers(scene, "shared", await _joins(scene, lent, "shared", role="panel"))
    ended = await _joins(scene, lent, "expired", role="panel")
    await _answers(scene, "expired", ended)
    assert (await owner.delete(f"{lent.url}/parties/{ended}")).status_code == 204
    await lent.told()
    reviewer = await scene.api_for(f"{AGENCIES['shared']}_REVIEWER")
    await reviewer.made(f"{lent.url}/review", REVIEW)
    await _of_the_partner(scene)
    fresh = await Case.open(scene.api_for, OWNER)
    await fresh.told()
    decider = await fresh.decider()
    interim = {"effective_from": day(), "until_on": day(30)} | REASON
    await decider.made(f"{fresh.url}/interim-suspensions", interim)
    decided = await Case.open(scene.api_for, OWNER)
    await decided.imposed()
    await owner.made(f"{decided.url}/appeals", _APPEAL)
    made = await owner.made(f"{decided.url}/releases", {"text": "Canary"})
    ids["case_decided"], ids["release"] = decided.opened["id"], made["id"]
    ids["procedure_proposed"] = (await owner.made(PROCEDURES, procedure_body(**_FAR)))["id"]
    ids["procedure"] = (await owner.made(PROCEDURES, procedure_body(**_FAR)))["id"]
    approver = await scene.api_for(f"{OWNER}_APPROVER")
    url = f"{PROCEDURES}/{ids['procedure']}/approval"
    await approver.made(url, {"decision": "approve"}, headers=V1)


async def _of_the_partner(scene: Scene) -> None:
    """What the partner answers in: told, kept back, replied by itself, appealed, recorded."""
    owner, ids = await scene.owner(), scene.ids
    partner = await scene.api_for(ids["partner_client"])
    told = await Case.open(scene.api_for, OWNER, ids["partner"])
    shown = await told.told()
    ids["case_told"], ids["answer"] = told.opened["id"], shown["respondents"][0]["id"]
    kept = await Case.open(scene.api_for, OWNER, ids["partner"])
    ids["answer_kept"] = (await kept.told())["respondents"][0]["id"]
    step = (await kept.read())["steps"][-1]["id"]
    mark = {"subject_kind": "case_step", "subject_id": step, "until": until()}
    await (await scene.officer()).made("/v1/withholdings", mark | REASON)
    replied = await Case.open(scene.api_for, OWNER, ids["partner"])
    shown = await replied.told()
    url = f"/v1/self/sanction-cases/{shown['respondents'][0]['id']}"
    await partner.made(f"{url}/reply", {"text": "Canary"})
    cases = (await owner.read(f"{CASES}?limit=200&partner_id={ids['partner']}"))["items"]
    imposed = next(one for one in cases if one["state"] == "IMPOSED")
    ids["answer_imposed"] = imposed["respondents"][0]["id"]
    url = f"/v1/self/sanction-cases/{ids['answer_imposed']}/appeals"
    made = await partner.made(url, {"text": "Canary"})
    ids["case_imposed"], ids["appeal"] = imposed["id"], made["id"]
    await owner.made(RECORDED, record_body(ids["partner"]))


def _on(state: str, body: Any, known: str = "case", *, at: int | None = None, **path: str) -> Any:
    """A step on a case; the owner's on one that was made for this very call."""

    async def make(scene: Scene, relation: str) -> Call:
        case_id = scene.ids[known]
        if relation == "owner":
            case = await Case.open(scene.api_for, OWNER)
            if state != "DRAFT":
                await case.told()
            if state == "UNDER_REVIEW":
                await case.replied()
                await case.reviewed()
            if state == "IMPOSED":
                await case.replied()
                await case.reviewed()
                assert (await case.decide()).status_code == 201
            case_id = case.opened["id"]
        names = {name: scene.ids[value] for name, value in path.items()}
        headers = version(at) if at is not None else {}
        return Call({"case_id": case_id} | names, body, headers)

    return make


async def _indefinite(scene: Scene, relation: str) -> Call:
    case_id = scene.ids["case_imposed"]
    if relation == "owner":
        case = await Case.open(scene.api_for, OWNER)
        await case.imposed(measure="DEBARMENT_INDEFINITE", effective_to=None)
        case_id = case.opened["id"]
    return Call({"case_id": case_id}, {"note": "Canary"})


async def _end_party(scene: Scene, relation: str) -> Call:
    path = {"case_id": scene.ids["case_joint"], "party_id": scene.ids["party_asked"]}
    if relation == "owner":
        case = await Case.open(scene.api_for, OWNER)
        path = {"case_id": case.opened["id"], "party_id": await _joins(scene, case, "stranger")}
    return Call(path)


async def _answered(scene: Scene, relation: str) -> Call:
    party = scene.ids["party_asked"]
    if relation == "shared":
        case = await Case.open(scene.api_for, OWNER)
        party = await _joins(scene, case, "shared")
    return Call({"invitation_id": party}, {"answer": "decline"})


async def _recorded(scene: Scene, relation: str) -> Call:
    return Call(json=record_body((await make_partner(await scene.owner()))["id"]))


async def _certified(scene: Scene, relation: str) -> Call:
    partner = (await make_partner(await scene.owner()))["id"]
    made = await (await scene.owner()).made(RECORDED, record_body(partner))
    return Call({"case_id": made["id"]}, CERTIFICATE)


async def _proposal(scene: Scene, relation: str) -> Call:
    return Call(json=procedure_body(**_FAR))


_INTERIM = {"effective_from": day(), "until_on": day(30)} | REASON
_INVITED = {"agency": "UNHCR", "parts": ["notice"]}
_ALL = frozenset(AGENCIES)
# Where another person than the investigator must act, the owner of the scene, one person, is told
# so; the persons who may are in tests/sanctions/cases.
_MINE = only("owner", granted=_SAME_PERSON)
RULES: dict[str, Rule] = {
    "addSanctionRespondent": Rule(_on("DRAFT", _PERSON), OWNER_ONLY, hides="case_id"),
    "withdrawSanctionCase": Rule(_on("DRAFT", REASON), OWNER_ONLY, hides="case_id"),
    "dismissSanctionCase": Rule(_on("UNDER_REVIEW", REASON), _MINE, hides="case_id"),
    "recordSanctionDecisionNotice": Rule(
        _on("IMPOSED", {"sent_on": day(), "summary": "Canary"}), OWNER_ONLY, hides="case_id"
    ),
    "reviewSanctionMeasure": Rule(_indefinite, OWNER_ONLY, hides="case_id"),
    "suspendDuringSanctionCase": Rule(_on("NOTICE_ISSUED", _INTERIM), _MINE, hides="case_id"),
    "recordSanctionAppeal": Rule(_on("IMPOSED", _APPEAL), OWNER_ONLY, hides="case_id"),
    # Not one that suspends, and not by who decided.
    "suspendByAppeal": Rule(
        plain(case_id="case_imposed", appeal_id="appeal"), _MINE, hides="case_id"
    ),
    "decideSanctionAppeal": Rule(
        posted(
            lambda scene: {"outcome": "upheld"} | REASON,
            case_id="case_imposed",
            appeal_id="appeal",
        ),
        _MINE,
        hides="case_id",
    ),
    "recordReleaseEvidence": Rule(_on("IMPOSED", {"text": "Canary"}), OWNER_ONLY, hides="case_id"),
    "verifyReleaseEvidence": Rule(
        posted(
            lambda scene: {"verified": True, "note": "Canary"},
            case_id="case_decided",
            release_id="release",
        ),
        _MINE,
        hides="case_id",
    ),
    "decideRelease": Rule(
        posted(
            lambda scene: {"outcome": "refused"} | REASON,
            case_id="case_decided",
            release_id="release",
        ),
        _MINE,
        hides="case_id",
    ),
    "inviteIntoSanctionCase": Rule(_on("DRAFT", _INVITED), OWNER_ONLY, hides="case_id"),
    "endSanctionCaseParty": Rule(_end_party, OWNER_ONLY, hides="case_id"),
    "listSanctionCaseInvitations": Rule(
        plain(),
        EVERYONE,
        shows={"party": frozenset({"shared"}), "party_declined": frozenset({"expired"})},
    ),
    "answerSanctionCaseInvitation": Rule(
        _answered,
        only("shared", "revoked", granted=OK | {409}),
        hides="invitation_id",
    ),
    "recordSanctionDecision": Rule(_recorded, EVERYONE),
    "certifySanctionDecision": Rule(_certified, _MINE, hides="case_id"),
    "listSanctionProcedures": Rule(
        plain(),
        EVERYONE,
        shows={"procedure": _ALL, "procedure_proposed": frozenset({"owner"})},
    ),
    "proposeSanctionProcedure": Rule(_proposal, EVERYONE),
    "getSanctionProcedure": Rule(
        plain(procedure_id="procedure_proposed"), OWNER_ONLY, hides="procedure_id"
    ),
    "approveSanctionProcedure": Rule(
        posted(lambda scene: {"decision": "refuse"}, procedure_id="procedure_proposed"),
        _MINE,
        hides="procedure_id",
    ),
    "listOwnSanctionCases": Rule(plain(), _PARTNER_ONLY),
    "readOwnSanctionCase": Rule(plain(answer_id="answer"), _PARTNER_ONLY, logged=True),
    "replyToSanctionNotice": Rule(
        posted(lambda scene: {"text": "Canary"}, answer_id="answer_kept"),
        {"partner": frozenset({404})},
    ),
    "appealAgainstSanction": Rule(
        posted(lambda scene: {"text": "Canary"}, answer_id="answer_imposed"),
        {"partner": frozenset({409})},
        logged=False,
    ),
}


# ------------------------------------------------------------------------------ row security

_OWN = own("agency_id")


def _mine(row: Row, who: Who) -> bool:
    return who.partner is not None and row["partner_id"] == who.partner


def _roles(case: UUID, who: Who, facts: Facts) -> list[Row]:
    """The bound agency's accepted parts in a case."""
    return [
        party
        for party in facts.rows["sanction_case_parties"]
        if party["case_id"] == case
        and who.agency is not None
        and party["party_agency"] == who.agency
        and party["state"] == "accepted"
    ]


def _kept_back(subject: UUID, facts: Facts) -> bool:
    return any(
        mark["subject_id"] == subject
        and mark["subject_kind"] != "read_log"
        and mark["ended_at"] is None
        and mark["until"] > facts.now
        for mark in facts.withholdings
    )


def _sees_case(row: Row, who: Who, facts: Facts) -> bool:
    return _OWN(row, who, facts) or bool(_roles(row["id"], who, facts))


def _sees_step(row: Row, who: Who, facts: Facts) -> bool:
    if row["redacted"]:
        return False
    joined = any(
        row["kind"] in party["parts"] and (party["role"] == "panel" or not row["individual"])
        for party in _roles(row["case_id"], who, facts)
    )
    told = _mine(row, who) and not _kept_back(row["id"], facts)
    return _OWN(row, who, facts) or joined or told


def _writes_step(row: Row, who: Who, facts: Facts) -> bool:
    panel = any(party["role"] == "panel" for party in _roles(row["case_id"], who, facts))
    by_partner = row["kind"] in ("reply", "appeal") and row["person_id"] is None
    return (
        _OWN(row, who, facts)
        or (row["kind"] == "review" and panel)
        or (by_partner and _mine(row, who))
    )


def _sees_respondent(row: Row, who: Who, facts: Facts) -> bool:
    joined = any(
        party["role"] == "panel" or row["kind"] == "PARTNER"
        for party in _roles(row["case_id"], who, facts)
    )
    listed = row["track"] == "RECORDED" and row["state"] == "IMPOSED"
    noticed = any(
        step["respondent_id"] == row["id"]
        and step["kind"] == "notice"
        and _sees_step(step, who, facts)
        for step in facts.rows["sanction_case_steps"]
    )
    return _OWN(row, who, facts) or joined or (_mine(row, who) and (listed or noticed))


def _moves_respondent(row: Row, who: Who, facts: Facts) -> bool:
    return _OWN(row, who, facts) or (_mine(row, who) and row["state"] == "NOTICE_ISSUED")


def _respondent_of(row: Row, facts: Facts) -> Row:
    return next(
        one for one in facts.rows["sanction_respondents"] if one["id"] == row["respondent_id"]
    )


def _appealed(row: Row, who: Who, facts: Facts) -> bool:
    return _mine(row, who) and _sees_respondent(_respondent_of(row, facts), who, facts)


def _open(row: Row, who: Who, facts: Facts) -> bool:
    return row["outcome"] is None and _OWN(row, who, facts)


def _party_moves(row: Row, who: Who, facts: Facts) -> bool:
    return _OWN(row, who, facts) and row["state"] in ("invited", "accepted")


_ID = ("id",)
TABLES: dict[str, Table] = {
    "sanction_cases": Table(_ID, select=_sees_case, insert=_OWN, update=_OWN),
    "sanction_case_steps": Table(_ID, select=_sees_step, insert=_writes_step),
    "sanction_respondents": Table(
        _ID,
        select=_sees_respondent,
        insert=_OWN,
        update=_moves_respondent,
        change="state = 'REPLY_RECORDED'",
    ),
    "sanction_procedures": Table(
        _ID,
        select=lambda row, who, facts: row["state"] == "approved" or _OWN(row, who, facts),
        insert=_OWN,
        update=lambda row, who, facts: row["state"] == "proposed" and _OWN(row, who, facts),
        change="state = 'refused'",
    ),
    "sanction_case_parties": Table(
        _ID,
        select=lambda row, who, facts: (
            _OWN(row, who, facts) or (who.agency is not None and row["party_agency"] == who.agency)
        ),
        insert=_OWN,
        update=_party_moves,
        change="state = 'ended'",
    ),
    "sanction_interims": Table(_ID, select=_OWN, insert=_OWN, update=_OWN),
    "sanction_appeals": Table(
        _ID,
        select=lambda row, who, facts: _OWN(row, who, facts) or _appealed(row, who, facts),
        insert=lambda row, who, facts: (
            _appealed(row, who, facts) if row["by_partner"] else _OWN(row, who, facts)
        ),
        update=_open,
        change="outcome = 'upheld'",
    ),
    "sanction_releases": Table(_ID, select=_OWN, insert=_OWN, update=_open),
}
