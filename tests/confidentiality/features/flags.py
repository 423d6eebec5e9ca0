"""Flags and objections in the matrix."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from tests.confidentiality.features.contested import SHOWS as CONTESTED
from tests.confidentiality.model import Facts, Row, Table, Who, either, own
from tests.confidentiality.rules import (
    EVERYONE,
    FORBIDDEN,
    OK,
    PURPOSE,
    V1,
    Call,
    Rule,
    only,
    plain,
)
from tests.confidentiality.scene import AGENCIES, Scene, until
from tests.partners.factories import make_partner
from tests.partners.flags.support import COMMENT, flag_body, make_flag
from tests.partners.objections.test_objections import ANSWER, objection_body

_PARTNER_ONLY = {"partner": OK}


async def prepare(scene: Scene) -> None:
    """One flag that stands, one that was found invalid, and an objection to each of two."""
    owner, ids = await scene.owner(), scene.ids
    partner = await scene.api_for(ids["partner_client"])
    for name in ("flag", "flag_contested", "flag_invalid", "flag_withheld"):
        ids[name] = (await make_flag(owner, ids["partner"]))["id"]
    for name in ("flag_contested", "flag_invalid"):
        made = await partner.made("/v1/self/objections", objection_body(ids[name]))
        ids[f"objection_{name}"] = made["id"]
    other = await scene.api_for(AGENCIES["shared"])
    ids["flag_on_behalf"] = (await make_flag(owner, ids["partner"]))["id"]
    body = objection_body(ids["flag_on_behalf"], evidence=[str(uuid4())])
    await other.made(f"/v1/partners/{ids['partner']}/objections", body)
    url = f"/v1/partners/{ids['partner']}/flags/{ids['flag_invalid']}/invalidation"
    assert (await owner.post(url, json=COMMENT)).status_code == 200
    mark = {"subject_kind": "flag", "subject_id": ids["flag_withheld"]}
    mark |= {"until": until(), "reason": "Canary: under investigation."}
    await (await scene.officer()).made("/v1/withholdings", mark)


def _flag(body: Any = None, *, text: bool = False) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        path = {"partner_id": scene.ids["partner"], "flag_id": scene.ids["flag"]}
        if relation == "owner" and body is not None:
            made = await make_flag(await scene.owner(), scene.ids["partner"])
            path["flag_id"] = made["id"]
        return Call(path, body, V1 if body is not None else PURPOSE if text else {})

    return make


async def _invalid_text(scene: Scene, relation: str) -> Call:
    path = {"partner_id": scene.ids["partner"], "flag_id": scene.ids["flag_invalid"]}
    return Call(path, headers=PURPOSE)


async def _new(scene: Scene, relation: str) -> Call:
    return Call({"partner_id": scene.ids["partner"]}, flag_body())


async def _fresh_objection(scene: Scene) -> str:
    owner = await scene.owner()
    partner = (await make_partner(owner))["id"]
    flag = await make_flag(owner, partner)
    body = objection_body(flag["id"], evidence=[str(uuid4())])
    made = await owner.made(f"/v1/partners/{partner}/objections", body)
    return str(made["id"])


async def _answer(scene: Scene, relation: str) -> Call:
    objection = scene.ids["objection_flag_contested"]
    if relation == "owner":
        objection = await _fresh_objection(scene)
    body = {"decision": "rejected", "answer": ANSWER}
    return Call({"objection_id": objection}, body, V1)


async def _on_behalf(scene: Scene, relation: str) -> Call:
    owner = await scene.owner()
    partner = (await make_partner(owner))["id"]
    flag = await make_flag(owner, partner)
    body = objection_body(flag["id"], evidence=[str(uuid4())])
    return Call({"partner_id": partner}, body)


async def _own_objection(scene: Scene, relation: str) -> Call:
    flag = await make_flag(await scene.owner(), scene.ids["partner"])
    return Call(json=objection_body(flag["id"]))


async def _taken_back(scene: Scene, relation: str) -> Call:
    if relation == "owner":
        return Call({"objection_id": await _fresh_objection(scene)})
    return Call({"objection_id": scene.ids["objection_flag_contested"]})


async def _own_taken_back(scene: Scene, relation: str) -> Call:
    flag = await make_flag(await scene.owner(), scene.ids["partner"])
    partner = await scene.api_for(scene.ids["partner_client"])
    made = await partner.made("/v1/self/objections", objection_body(flag["id"]))
    return Call({"objection_id": made["id"]})


async def _objection_text(scene: Scene, relation: str) -> Call:
    return Call({"objection_id": scene.ids["objection_flag_invalid"]}, headers=PURPOSE)


_PARTNER = plain(partner_id="partner")
_HEADQUARTERS = only("owner", granted=FORBIDDEN, others=FORBIDDEN)
RULES: dict[str, Rule] = {
    "makeFlag": Rule(_new, EVERYONE),
    "listFlags": Rule(
        _PARTNER,
        EVERYONE,
        shows={"flag": frozenset(EVERYONE), "flag_invalid": frozenset({"owner"})},
    ),
    "getFlag": Rule(_flag(), EVERYONE),
    "readFlagText": Rule(_invalid_text, only("owner"), hides="flag_id", logged=True),
    "escalateFlag": Rule(_flag(COMMENT), only("owner"), hides="flag_id"),
    # For persons with the role of the headquarters unit, whom tests/partners/flags has.
    "decideFlag": Rule(_flag({"decision": "defer", "reason": COMMENT["comment"]}), _HEADQUARTERS),
    "renewFlag": Rule(_flag(COMMENT), _HEADQUARTERS),
    "invalidateFlag": Rule(_flag(COMMENT), only("owner"), hides="flag_id"),
    "reviewFlag": Rule(
        _flag({"review_by": "2027-11-01"} | COMMENT), only("owner"), hides="flag_id"
    ),
    "listOwnFlags": Rule(plain(), _PARTNER_ONLY),
    "listOwnObjections": Rule(plain(), _PARTNER_ONLY),
    "raiseOwnObjection": Rule(_own_objection, _PARTNER_ONLY),
    "raiseObjection": Rule(_on_behalf, EVERYONE),
    "listObjections": Rule(
        _PARTNER,
        EVERYONE,
        shows={
            "objection_flag_contested": frozenset(EVERYONE),
            "objection_flag_invalid": frozenset({"owner"}),
        }
        | CONTESTED,
    ),
    "readObjection": Rule(_objection_text, only("owner"), hides="objection_id", logged=True),
    "withdrawObjection": Rule(_taken_back, only("owner"), hides="objection_id"),
    "withdrawOwnObjection": Rule(_own_taken_back, _PARTNER_ONLY),
    "answerObjection": Rule(_answer, only("owner"), hides="objection_id"),
}


# ------------------------------------------------------------------------------ row security


def _kept_back(flag: UUID, facts: Facts) -> bool:
    return any(
        mark["subject_id"] == flag
        and mark["subject_kind"] != "read_log"
        and mark["ended_at"] is None
        and mark["until"] > facts.now
        for mark in facts.withholdings
    )


_OWNER = own("owner_agency")


def _sees(row: Row, who: Who, facts: Facts) -> bool:
    if _OWNER(row, who, facts):
        return True
    if row["state"] == "invalid":
        return False
    if who.agency is not None:
        return True
    return row["partner_id"] == who.partner and not _kept_back(row["id"], facts)


def _flag_of(flag: UUID, facts: Facts) -> Row:
    return next(row for row in facts.rows["partner_flags"] if row["id"] == flag)


def _sees_text(row: Row, who: Who, facts: Facts) -> bool:
    flag = _flag_of(row["flag_id"], facts)
    shown = who.agency is not None or flag["kind"] == "RED" or flag["partner_visible"]
    return shown and _sees(flag, who, facts)


def _sees_steps(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None and _sees(_flag_of(row["flag_id"], facts), who, facts)


def _sees_objection(row: Row, who: Who, facts: Facts) -> bool:
    if who.agency is None:
        return who.partner is not None and row["partner_id"] == who.partner
    if who.agency in (row["owner_agency"], row["raised_by_agency"]):
        return True
    if row["subject_kind"] == "flag":
        return _sees(_flag_of(row["subject_id"], facts), who, facts)
    if row["subject_kind"] == "assessment":
        (about,) = [one for one in facts.rows["assessments"] if one["id"] == row["subject_id"]]
        return bool(about["level"] != "AGENCY_ONLY" or about["owner_agency"] == who.agency)
    return True


def _raises(row: Row, who: Who, facts: Facts) -> bool:
    if row["raised_by_agency"] is not None:
        return bool(who.agency == row["raised_by_agency"])
    return who.agency is None and who.partner is not None and row["partner_id"] == who.partner


def _withdraws(row: Row, who: Who, facts: Facts) -> bool:
    return row["state"] == "open" and _raises(row, who, facts)


TABLES: dict[str, Table] = {
    "partner_flags": Table(("id",), select=_sees, insert=_OWNER, update=_OWNER),
    "partner_flag_texts": Table(("flag_id",), select=_sees_text, insert=_OWNER),
    "partner_flag_steps": Table(("id",), select=_sees_steps, insert=_OWNER),
    # The owner's withdrawal, which the policies let through, is what a trigger refuses.
    "objections": Table(
        ("id",),
        select=_sees_objection,
        insert=_raises,
        update=either(_OWNER, _withdraws),
        change="state = 'withdrawn'",
    ),
}
