"""Verifications, standing and deactivations in the matrix."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from tests.confidentiality.model import Table, either, own
from tests.confidentiality.rules import (
    EVERYONE,
    OWNER_ONLY,
    PURPOSE,
    Call,
    Rule,
    fresh,
    plain,
)
from tests.confidentiality.scene import Scene
from tests.partners.factories import make_partner
from tests.partners.verifications.factories import BAD, body, complete_partner

_REASON = {"reason_code": "PARTNER_REQUEST", "reason": "Canary: asked for by its board."}
_DECISION = {"decision": "refuse", "reason": "Canary"}


async def prepare(scene: Scene) -> None:
    """A partner that the owner has verified and would deactivate; one of another agency beside."""
    owner, ids = await scene.owner(), scene.ids
    # The partner of the scene, so that its own client has something to see.
    async with scene.operator.session() as session:
        await session.execute(
            text("UPDATE partners SET complete = true, version = version + 1 WHERE id = :id"),
            {"id": ids["partner"]},
        )
    url = f"/v1/partners/{ids['partner']}"
    shown = [ids[name] for name in ("flag", "flag_contested", "flag_withheld")]
    written: dict[str, Any] = {"comments": {"mandate": "Canary remark"}, "flags_shown": shown}
    made = await owner.made(f"{url}/verifications", body(BAD, **written))
    ids["verification"] = made["id"]
    ids["deactivation"] = (await owner.made(f"{url}/deactivation", _REASON))["id"]
    other = await complete_partner(owner, scene.operator)
    await owner.made(f"/v1/partners/{other}/verifications", body())
    await (await scene.api_for("WFP")).made(f"/v1/partners/{other}/deactivation", _REASON)


async def _partner(scene: Scene, relation: str) -> Call:
    made = await complete_partner(await scene.owner(), scene.operator)
    return Call({"partner_id": made}, body(comments={"mandate": "Canary"}))


async def _profile(scene: Scene, relation: str) -> Call:
    return Call({"partner_id": (await make_partner(await scene.owner()))["id"]}, _REASON)


async def _deactivated(scene: Scene, relation: str) -> Call:
    call = await _profile(scene, relation)
    async with scene.operator.session() as session:
        await session.execute(
            text(
                "UPDATE partners SET deactivated_at = now(), version = version + 1 WHERE id = :id"
            ),
            {"id": call.path["partner_id"]},
        )
    return call


async def _comments(scene: Scene, relation: str) -> Call:
    path = {"partner_id": scene.ids["partner"], "verification_id": scene.ids["verification"]}
    return Call(path, headers={} if relation == "owner" else PURPOSE)


async def _proposed(scene: Scene) -> dict[str, str]:
    call = await _profile(scene, "owner")
    second = await scene.api_for("UNICEF_APPROVER")
    partner = call.path["partner_id"]
    made = await second.made(f"/v1/partners/{partner}/deactivation", _REASON)
    return {"partner_id": partner, "deactivation_id": made["id"]}


RULES = {
    "getVerificationQuestions": Rule(plain(), EVERYONE),
    "listVerifications": Rule(
        plain(partner_id="partner"),
        EVERYONE,
        shows={"verification": frozenset(EVERYONE)},
    ),
    "recordVerification": Rule(_partner, EVERYONE),
    "getVerification": Rule(
        plain(partner_id="partner", verification_id="verification"),
        EVERYONE,
        hides="verification_id",
    ),
    "readVerificationComments": Rule(_comments, EVERYONE, hides="verification_id", logged=True),
    "getStanding": Rule(plain(partner_id="partner"), EVERYONE),
    "proposeDeactivation": Rule(_profile, EVERYONE),
    "proposeReactivation": Rule(_deactivated, EVERYONE),
    "listDeactivations": Rule(
        plain(partner_id="partner"), EVERYONE, shows={"deactivation": frozenset({"owner"})}
    ),
    "getDeactivation": Rule(
        plain(partner_id="partner", deactivation_id="deactivation"),
        OWNER_ONLY,
        hides="deactivation_id",
        logged=True,
    ),
    "decideDeactivation": Rule(
        fresh(_proposed, _DECISION, partner_id="partner", deactivation_id="deactivation"),
        OWNER_ONLY,
        hides="deactivation_id",
    ),
}


def _some_agency(row: Any, who: Any, facts: Any) -> bool:
    return who.agency is not None


def _own_profile(row: Any, who: Any, facts: Any) -> bool:
    return who.partner is not None and row["partner_id"] == who.partner


TABLES = {
    "partner_verifications": Table(
        ("id",), select=either(_some_agency, _own_profile), insert=own("agency_id")
    ),
    "partner_verification_notes": Table(
        ("verification_id",), select=_some_agency, insert=own("owner_agency")
    ),
    "partner_deactivations": Table(
        ("id",),
        select=own("agency_id"),
        insert=own("agency_id"),
        update=lambda row, who, facts: (
            row["state"] == "proposed" and own("agency_id")(row, who, facts)
        ),
        change="state = 'refused'",
    ),
}
