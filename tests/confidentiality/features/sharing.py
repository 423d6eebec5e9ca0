"""Terms of shares, groups, withdrawn requests, unusual readings, and disclosures to the partner."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from tests.assessments.factories import make_assessment, make_share, request_body
from tests.confidentiality.model import Table, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, Call, Rule, fresh, only, plain
from tests.confidentiality.scene import AGENCIES, CANARY, Scene
from tests.partners.factories import make_partner

_NOTE = f"{CANARY}: for the panel only"
_GROUPS = "/v1/sharing-policies/groups"


def _wish(partner: str) -> dict[str, Any]:
    return {
        "shared_with_group": "HACT_AGENCIES",
        "level": "summary",
        "purpose": "RENEWAL",
        "partner_id": partner,
        "note": _NOTE,
    }


async def _group(scene: Scene) -> dict[str, str]:
    owner = await scene.owner()
    partner = (await make_partner(owner))["id"]
    return {"group_id": (await owner.made(_GROUPS, _wish(partner)))["group_id"]}


async def prepare(scene: Scene) -> None:
    """A share with a note, a share with a group, and something unusual in the reading of one."""
    owner, ids = await scene.owner(), scene.ids
    made = (await make_assessment(owner, ids["partner"]))["id"]
    await make_share(owner, made, note=_NOTE)
    ids["group"] = (await _group(scene))["group_id"]
    unusual = (
        "INSERT INTO unusual_readings (id, owner_agency, reader_agency, client_id, kind, event_id, "
        "assessment_id, purpose, at) VALUES (uuidv7(), :owner, :reader, 'WFP', 'after_revoke', "
        "gen_random_uuid(), :record, 'AUDIT', now()) RETURNING id"
    )
    memory = (
        "INSERT INTO reading_purposes (owner_agency, reader_agency, purpose, first_at) "
        "VALUES (:owner, :reader, 'AUDIT', now()) ON CONFLICT DO NOTHING"
    )
    values = {"owner": scene.agency("owner"), "reader": scene.agency("shared")}
    async with scene.operator.session() as session:
        ids["unusual"] = str(await session.scalar(text(unusual), values | {"record": UUID(made)}))
        await session.execute(text(memory), values)


async def _own_group(scene: Scene, relation: str) -> Call:
    return Call(json=_wish((await make_partner(await scene.owner()))["id"]))


async def _defaults(scene: Scene, relation: str) -> Call:
    # A pair of which nothing is usual: the usual ones would open the scene's own records.
    return Call(json={"type": "psea", "group": "HACT_AGENCIES"})


async def _asked(scene: Scene, relation: str) -> Call:
    """A request of the agency that stands in the relation ``shared``."""
    made = (await make_assessment(await scene.owner()))["id"]
    asked = await (await scene.api_for(AGENCIES["shared"])).made(
        "/v1/access-requests", request_body(made)
    )
    return Call({"request_id": asked["id"]})


RULES = {
    "listSharingGroups": Rule(plain(), EVERYONE),
    "shareWithGroup": Rule(_own_group, EVERYONE),
    "giveDefaultPolicies": Rule(_defaults, only(*AGENCIES, granted=frozenset({422}))),
    "endGroupShare": Rule(fresh(_group, group_id="group"), OWNER_ONLY, hides="group_id"),
    "withdrawAccessRequest": Rule(_asked, only("shared"), hides="request_id"),
    "listUnusualReadings": Rule(plain(), EVERYONE, shows={"unusual": frozenset({"owner"})}),
    "listOwnDisclosures": Rule(
        plain(), {name: frozenset({403}) for name in AGENCIES} | {"partner": frozenset({200})}
    ),
}
_OWNER = own("owner_agency")
TABLES = {
    "sharing_policy_groups": Table(("policy_id",), select=_OWNER, insert=_OWNER),
    "unusual_readings": Table(("id",), select=_OWNER),
    "reading_purposes": Table(("owner_agency", "reader_agency", "purpose"), closed=True),
}
