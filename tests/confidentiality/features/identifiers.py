"""Identifiers: every agency's to see, but tax numbers and the texts of disputes."""

from __future__ import annotations

import secrets
from typing import Any

from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, PURPOSE, Call, Rule, plain, posted
from tests.confidentiality.scene import AGENCIES, Scene
from tests.partners.factories import make_partner

GROUNDS = {"grounds": "Canary: the certificate names us."}


def _item(scheme: str = "UNPP") -> dict[str, Any]:
    return {"scheme": scheme, "value": secrets.token_hex(8)}


def _tax() -> dict[str, Any]:
    return _item("TAX_ID") | {"country": "SS"}


async def prepare(scene: Scene) -> None:
    owner, ids = await scene.owner(), scene.ids
    url = f"/v1/partners/{ids['partner']}/identifiers"
    ids["identifier"] = (await owner.made(url, _item()))["id"]
    await owner.made(url, _tax())
    for name in ("dispute", "dispute_decided"):
        item = _item()
        holder = (await make_partner(owner, identifiers=[item]))["id"]
        claims = f"/v1/partners/{ids['partner']}/identifier-disputes"
        ids[name] = (await owner.made(claims, item | GROUNDS))["id"]
    approver = await scene.api_for("UNICEF_APPROVER")
    decided = await approver.post(
        f"{claims}/{ids['dispute_decided']}/decision",
        json={"holder": holder, "reason": "Canary: the register says so."},
        headers={"If-Match": '"v1"'},
    )
    assert decided.status_code == 200, decided.text


async def _read(scene: Scene, relation: str) -> Call:
    return Call({"partner_id": scene.ids["partner"]}, headers=PURPOSE)


async def _match(scene: Scene, relation: str) -> Call:
    return Call(json=_tax(), headers=PURPOSE)


async def _grounds(scene: Scene, relation: str) -> Call:
    path = {"partner_id": scene.ids["partner"], "dispute_id": scene.ids["dispute"]}
    return Call(path, headers=PURPOSE)


async def _end(scene: Scene, relation: str) -> Call:
    owner = await scene.owner()
    made = await owner.made(f"/v1/partners/{scene.ids['partner']}/identifiers", _item())
    path = {"partner_id": scene.ids["partner"], "identifier_id": made["id"]}
    return Call(path, {"reason": "wrong"})


async def _dispute(scene: Scene, relation: str) -> Call:
    item = _item()
    await make_partner(await scene.owner(), identifiers=[item])
    return Call({"partner_id": scene.ids["partner"]}, item | GROUNDS)


async def _decide(scene: Scene, relation: str) -> Call:
    item, owner = _item(), await scene.owner()
    holder = (await make_partner(owner, identifiers=[item]))["id"]
    url = f"/v1/partners/{scene.ids['partner']}/identifier-disputes"
    made = await owner.made(url, item | GROUNDS)
    path = {"partner_id": scene.ids["partner"], "dispute_id": made["id"]}
    return Call(path, {"holder": holder, "reason": "Canary"}, {"If-Match": '"v1"'})


RULES: dict[str, Rule] = {
    "listIdentifiers": Rule(
        plain(partner_id="partner"), EVERYONE, shows={"identifier": frozenset(AGENCIES)}
    ),
    "addIdentifier": Rule(posted(lambda scene: _item(), partner_id="partner"), EVERYONE),
    "endIdentifier": Rule(_end, EVERYONE),
    "readRestrictedIdentifiers": Rule(_read, EVERYONE, logged=True),
    "matchRestrictedIdentifier": Rule(_match, EVERYONE, logged=True),
    "raiseIdentifierDispute": Rule(_dispute, EVERYONE),
    "listIdentifierDisputes": Rule(
        plain(partner_id="partner"), EVERYONE, shows={"dispute": frozenset(AGENCIES)}
    ),
    "getIdentifierDispute": Rule(plain(partner_id="partner", dispute_id="dispute"), EVERYONE),
    "readIdentifierDisputeGrounds": Rule(_grounds, EVERYONE, logged=True),
    # The owner's own person raised it and may not decide it.
    "decideIdentifierDispute": Rule(_decide, EVERYONE | {"owner": frozenset({409})}),
}


def _any_agency(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None


def _agency_or_own(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None or who.partner == row["partner_id"]


def _side(row: Row, who: Who, facts: Facts) -> bool:
    if who.agency is not None:
        return True
    return who.partner is not None and who.partner in (row["partner_id"], row["holder_id"])


def _raises(row: Row, who: Who, facts: Facts) -> bool:
    if row["raised_by"] is None:
        by_raiser = who.partner is not None and who.partner == row["partner_id"]
    else:
        by_raiser = own("raised_by")(row, who, facts)
    return row["status"] == "open" and by_raiser


TABLES: dict[str, Table] = {
    "restricted_identifiers": Table(
        ("id",), select=_agency_or_own, insert=own("created_by"), update=_any_agency
    ),
    "identifier_digest_keys": Table(("id",), select=_any_agency, insert=_any_agency),
    "identifier_disputes": Table(
        ("id",),
        select=_side,
        insert=_raises,
        update=lambda row, who, facts: row["status"] == "open" and who.agency is not None,
    ),
}
