"""Claims, corrections, comments and the partner's own routes in the matrix."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from app.partners.sections.kinds import ALL
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import (
    EVERYONE,
    GONE,
    OK,
    PURPOSE,
    V1,
    Call,
    Rule,
    only,
    plain,
)
from tests.confidentiality.scene import AGENCIES, Scene
from tests.partners.claims.support import DECISION, claim_body
from tests.partners.factories import make_partner

_PARTNER_ONLY = {"partner": OK | {202}}
_PARTNER_TRIES = {"partner": OK | {202, 404, 409, 412, 422}}


async def prepare(scene: Scene) -> None:
    """An invitation, a claim that is open, a disputed control, a correction and a comment."""
    owner, ids = await scene.owner(), scene.ids
    url = f"/v1/partners/{ids['partner']}"
    invited = await owner.made(f"{url}/invitations", {"email": "canary@amani.example"})
    ids["invitation"] = invited["id"]
    body = claim_body() | {"claimant": claim_body()["claimant"] | {"name": "Canary Kamau"}}
    ids["claim"] = (await owner.made(f"{url}/claims", body))["id"]
    partner = await scene.api_for(ids["partner_client"])
    words = {"text": "Canary: it was different."}
    path = f"/v1/self/statements/sanction_entry/{ids['entry']}/comments"
    ids["comment"] = (await partner.made(path, words))["id"]
    await _claimed(scene)


async def _claimed(scene: Scene) -> None:
    """Another partner, that keeps itself, with a correction; and one whose control is disputed."""
    owner, ids = await scene.owner(), scene.ids
    checker = await scene.api_for(AGENCIES["shared"])
    for name in ("kept", "contested", "parted"):
        ids[name] = (await make_partner(owner))["id"]
        url = f"/v1/partners/{ids[name]}/claims"
        claim = (await owner.made(url, claim_body()))["id"]
        done = await checker.post(f"{url}/{claim}/decision", json=DECISION, headers=V1)
        assert done.status_code == 200
    asked = {"pointer": "/profile/acronym", "proposed": "CAN", "reason": "Canary"}
    filed = await owner.made(f"/v1/partners/{ids['kept']}/corrections", asked)
    ids["correction"] = filed["id"]
    await owner.made(f"/v1/partners/{ids['contested']}/claims", claim_body())
    await owner.made(f"/v1/partners/{ids['parted']}/claims", claim_body())
    other = await scene.api_for(AGENCIES["expired"])
    body = DECISION | {"decision": "replace"}
    parted = f"/v1/partners/{ids['parted']}/control"
    version = (await other.read(parted))["version"]
    headers = {"If-Match": f'"v{version}"'}
    done = await other.post(f"{parted}/decision", json=body, headers=headers)
    assert done.status_code == 200, done.text


STAGED = (
    # An agency makes or ends a partner's client in the very transaction of its decision only.
    "UPDATE partner_claims SET decided_at = now() "
    "WHERE state = 'approved' AND client_id IS NOT NULL",
    "UPDATE partner_control_disputes SET decided_at = now() WHERE decided_at IS NOT NULL",
    "UPDATE clients SET status = 'revoked' WHERE partner_id IN "
    "(SELECT partner_id FROM partner_control_disputes WHERE decided_at = now())",
    # As if an administrator had raised it.
    "UPDATE partner_control_disputes d SET sealed_grounds = 'x', raised_by_client = "
    "(SELECT min(c.id) FROM clients c WHERE c.partner_id = d.partner_id) "
    "WHERE decided_at = now()",
)
"""What only a moment could show, set as a superuser before raw SQL is compared with the model."""


def _posted(name: str, body: Any, **headers: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        return Call({"partner_id": scene.ids[name]}, body, headers)

    return make


async def _decision(scene: Scene, relation: str) -> Call:
    return Call({"partner_id": scene.ids["partner"], "claim_id": str(uuid4())}, DECISION, V1)


async def _revocation(scene: Scene, relation: str) -> Call:
    path = {"partner_id": scene.ids["partner"], "invitation_id": scene.ids["invitation"]}
    return Call(path)


async def _claim(scene: Scene, relation: str) -> Call:
    path = {"partner_id": scene.ids["partner"], "claim_id": scene.ids["claim"]}
    return Call(path, headers=PURPOSE)


async def _comments(scene: Scene, relation: str) -> Call:
    params = {"subject_kind": "sanction_entry", "subject_id": scene.ids["entry"]}
    return Call({"partner_id": scene.ids["partner"]}, headers=PURPOSE, params=params)


async def _own_comments(scene: Scene, relation: str) -> Call:
    params = {"subject_kind": "sanction_entry", "subject_id": scene.ids["entry"]}
    return Call(params=params)


async def _comment(scene: Scene, relation: str) -> Call:
    path = {"kind": "sanction_entry", "statement_id": scene.ids["entry"]}
    return Call(path, {"text": "Canary"})


_PERSON = {"full_name": "Canary Otieno", "role": "head"}
_CONTROL = {"decision": "refuse", "checked": "IN_PERSON", "reason": "Canary"}
_P = plain(partner_id="partner")
_ABSENT = str(uuid4())


def _own(body: Any = None, headers: dict[str, str] | None = None, **path: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        return Call(dict(path), body, headers or {})

    return make


async def _own_upload(scene: Scene, relation: str) -> Call:
    kind = {"Content-Type": "application/octet-stream"}
    return Call({"document_id": _ABSENT}, headers=V1 | kind, content=b"%PDF-1.7")


_REQUEST = {"kind": "access", "received_on": "2026-03-01", "text": "Canary"}
RULES: dict[str, Rule] = {
    "invitePartner": Rule(_posted("partner", {"email": "canary@b.example"}), EVERYONE),
    "listInvitations": Rule(_P, EVERYONE, shows={"invitation": frozenset({"owner"})}),
    "revokeInvitation": Rule(
        _revocation, only("owner", granted=frozenset({204, 404})), hides="invitation_id"
    ),
    "fileClaim": Rule(_posted("partner", claim_body()), EVERYONE),
    "listClaims": Rule(_P, EVERYONE, shows={"claim": frozenset(AGENCIES)}),
    "readClaim": Rule(_claim, EVERYONE, logged=True),
    "decideClaim": Rule(_decision, only(granted=GONE), hides="claim_id"),
    "getControl": Rule(plain(partner_id="contested"), EVERYONE),
    "decideControl": Rule(
        _posted("contested", _CONTROL, **V1), only(*AGENCIES, granted=frozenset({200, 404, 409}))
    ),
    "fileCorrection": Rule(
        _posted("kept", {"pointer": "/profile/acronym", "proposed": "C", "reason": "Canary"}),
        EVERYONE,
    ),
    "listCorrections": Rule(
        plain(partner_id="kept"), EVERYONE, shows={"correction": frozenset({"owner"})}
    ),
    "listStatementComments": Rule(_comments, EVERYONE, logged=True),
    "listOwnCorrections": Rule(_own(), _PARTNER_ONLY),
    "decideCorrection": Rule(
        _own({"decision": "reject", "reason": "Canary"}, V1, correction_id=_ABSENT),
        {"partner": GONE},
    ),
    "getOwnProfile": Rule(_own(), _PARTNER_ONLY),
    "changeOwnProfile": Rule(_own({"acronym": "CAN"}, {"If-Match": '"v999"'}), _PARTNER_TRIES),
    "confirmOwnProfile": Rule(_own(), _PARTNER_ONLY),
    "getOwnCompleteness": Rule(_own(), _PARTNER_ONLY),
    "getOwnStanding": Rule(_own(), _PARTNER_ONLY),
    "signOwnDeclaration": Rule(_own({}), _PARTNER_TRIES),
    "listOwnDeclarations": Rule(_own(), _PARTNER_ONLY),
    "listOwnIdentifiers": Rule(_own(), _PARTNER_ONLY),
    "addOwnIdentifier": Rule(
        _own({"scheme": "ORG_ID", "value": f"KE-NCB-{uuid4().hex[:12]}"}), _PARTNER_TRIES
    ),
    "endOwnIdentifier": Rule(
        _own({"reason": "ended"}, identifier_id=_ABSENT), {"partner": frozenset({404, 422})}
    ),
    "listAdministrators": Rule(_own(), _PARTNER_ONLY),
    "disputeControl": Rule(
        _own({"claim_id": _ABSENT, "grounds": "Canary"}), {"partner": frozenset({404, 409})}
    ),
    "askDeactivation": Rule(_own({}), _PARTNER_ONLY),
    "listOwnPeople": Rule(_own(), _PARTNER_ONLY),
    "addOwnPerson": Rule(_own(_PERSON), _PARTNER_ONLY),
    "changeOwnPerson": Rule(_own({"phone": None}, V1, person_id=_ABSENT), {"partner": GONE}),
    "endOwnPerson": Rule(_own({"valid_to": "2026-03-01"}, person_id=_ABSENT), {"partner": GONE}),
    "fileOwnPersonRequest": Rule(_own(_REQUEST, person_id=_ABSENT), {"partner": GONE}),
    "listOwnPersonRequests": Rule(_own(person_id=_ABSENT), {"partner": GONE}),
    "announceOwnDocument": Rule(_own({}), _PARTNER_TRIES),
    "uploadOwnDocument": Rule(_own_upload, {"partner": GONE}),
    "listOwnDocuments": Rule(_own(), _PARTNER_ONLY),
    "listOwnStatements": Rule(_own(), _PARTNER_ONLY),
    "commentStatement": Rule(_comment, _PARTNER_ONLY),
    "listOwnComments": Rule(_own_comments, _PARTNER_ONLY),
}

for _name in (code.capitalize() for code in ALL):
    RULES[f"getOwn{_name}"] = Rule(_own(), _PARTNER_ONLY)
    RULES[f"changeOwn{_name}"] = Rule(_own({}, V1), {"partner": frozenset({412, 422})})


# ------------------------------------------------------------------------------ row security


def _of_partner(row: Row, who: Who, facts: Facts) -> bool:
    return who.partner is not None and row["partner_id"] == who.partner


def _agency_or_partner(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None or _of_partner(row, who, facts)


_FILER = own("filed_by")
_INVITER = own("invited_by")


def _asker_or_partner(row: Row, who: Who, facts: Facts) -> bool:
    return _FILER(row, who, facts) or _of_partner(row, who, facts)


def _answers(row: Row, who: Who, facts: Facts) -> bool:
    return row["state"] == "open" and _of_partner(row, who, facts)


_DECIDER = AGENCIES["shared"]
_IN_ITS_NAME = f"decided_by = (SELECT id FROM agencies WHERE code = '{_DECIDER}')"
"""An agency decides in its own name and in no other's: what this one alone may write."""


def _decides(row: Row, who: Who, facts: Facts) -> bool:
    codes = {agency["id"]: agency["code"] for agency in facts.rows["agencies"]}
    return who.agency is not None and codes[who.agency] == _DECIDER


def _decides_claim(row: Row, who: Who, facts: Facts) -> bool:
    return row["state"] in ("open", "approved") and _decides(row, who, facts)


def _decides_dispute(row: Row, who: Who, facts: Facts) -> bool:
    return row["state"] == "open" and _decides(row, who, facts)


def _objects(row: Row, who: Who, facts: Facts) -> bool:
    return row["raised_by_client"] is not None and _of_partner(row, who, facts)


TABLES: dict[str, Table] = {
    "partner_invitations": Table(("id",), select=_INVITER, insert=_INVITER, update=_INVITER),
    "partner_claims": Table(
        ("id",),
        select=_agency_or_partner,
        insert=_FILER,
        update=_decides_claim,
        change=_IN_ITS_NAME,
    ),
    "partner_control_disputes": Table(
        ("id",),
        select=_agency_or_partner,
        insert=_objects,
        update=_decides_dispute,
        change=_IN_ITS_NAME,
    ),
    "partner_corrections": Table(("id",), select=_asker_or_partner, insert=_FILER, update=_answers),
    "statement_comments": Table(("id",), select=_agency_or_partner, insert=_of_partner),
}
