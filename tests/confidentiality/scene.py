"""The scene of the matrix: one owner, its records, and everybody who may or may not see them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from app.auth import clients as auth
from app.core.db import Database
from tests.assessments.factories import make_assessment, make_share, request_body
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose, open_case, reviewed_case
from tests.support import Api, World

OWNER = "UNICEF"
AGENCIES = {
    "owner": OWNER,
    "shared": "WFP",
    "expired": "FAO",
    "revoked": "UNDP",
    "stranger": "UNHCR",
}
"""Relation of an agency to the owner's shared record, and which agency stands in it."""
RELATIONS = (*AGENCIES, "partner", "no_scope")
CANARY = "Canary"
"""Begins every confidential text of the scene."""


@dataclass
class Scene:
    """Ids of the owner's records, and how to call in each relation."""

    api_for: ApiFor
    world: World
    operator: Database
    ids: dict[str, str] = field(default_factory=dict)

    def agency(self, relation: str) -> UUID:
        """Id of the agency that stands in this relation."""
        return self.world.agencies[AGENCIES[relation]]

    async def owner(self) -> Api:
        return await self.api_for(OWNER)

    async def caller(self, relation: str, scopes: list[str]) -> Api:
        """A caller in this relation; ``no_scope`` is the owner without any of ``scopes``."""
        if relation == "partner":
            return await self.api_for(self.ids["partner_client"])
        if relation == "no_scope":
            other = next(one for one in ("agencies:read", "policies:read") if one not in scopes)
            return await self.api_for(OWNER, other)
        return await self.api_for(AGENCIES[relation])


async def build_scene(api_for: ApiFor, world: World, operator: Database) -> Scene:
    """Everything the matrix speaks of, made through the API as its owner would."""
    scene = Scene(api_for, world, operator)
    owner = await scene.owner()
    partner = (await make_partner(owner))["id"]
    scene.ids["partner"] = partner
    for name, more in (
        ("restricted", {}),
        ("agency_only", {"confidentiality": "AGENCY_ONLY"}),
        ("inter_agency", {"confidentiality": "INTER_AGENCY"}),
        ("draft", {"status": "draft"}),
    ):
        scene.ids[name] = (await make_assessment(owner, partner, **more))["id"]
    for relation in ("shared", "expired", "revoked"):
        share = await make_share(
            owner, scene.ids["restricted"], shared_with=AGENCIES[relation], purpose="AUDIT"
        )
        scene.ids[f"share_{relation}"] = share["id"]
    await _age_share(scene, scene.ids["share_expired"])
    url = f"/v1/assessments/{scene.ids['restricted']}/shares/{scene.ids['share_revoked']}"
    assert (await owner.delete(url)).status_code == 204
    asked = await (await api_for("WFP")).made(
        "/v1/access-requests", request_body(scene.ids["restricted"])
    )
    scene.ids["request"] = asked["id"]
    scene.ids["case"] = (await open_case(api_for, partner, OWNER))["id"]
    scene.ids["case_reviewed"] = (await reviewed_case(api_for, partner, OWNER))["id"]
    scene.ids["entry"] = (await impose(api_for, partner, OWNER))["entry_id"]
    cleared = await owner.made("/v1/clearances", clearance_body(partner))
    scene.ids["clearance"] = cleared["clearance_id"]
    screened = await owner.made("/v1/screenings", screening_body())
    scene.ids["screening"] = screened["screening_id"]
    receipt = await owner.get(f"/v1/clearances/{scene.ids['clearance']}/receipt")
    assert receipt.status_code == 200
    await _partner_client(scene)
    await _more_rows(scene)
    return scene


def clearance_body(partner: str) -> dict[str, Any]:
    return {"partner": {"id": partner}, "country": "KEN", "purpose": "PARTNER_SELECTION"}


def screening_body() -> dict[str, Any]:
    return {"subject": {"kind": "organisation", "names": ["Lake shore relief"]}}


async def _age_share(scene: Scene, share: str) -> None:
    """Let a share have ended yesterday, as only time could."""
    past = datetime.now(UTC) - timedelta(days=1)
    values = {"share": UUID(share), "start": past - timedelta(days=1), "end": past}
    async with scene.operator.session() as session:
        for table, end in (("assessment_shares", "valid_until"), ("assessments_acl", "valid_to")):
            key = "id" if table == "assessment_shares" else "share_id"
            await session.execute(
                text(f"UPDATE {table} SET valid_from = :start, {end} = :end WHERE {key} = :share"),
                values,
            )


async def _partner_client(scene: Scene) -> None:
    """A client of the partner itself; agencies cannot make one."""
    name = f"PARTNER_{secrets.token_hex(4)}"
    async with scene.operator.session() as session:
        await session.execute(
            text(
                "INSERT INTO clients (id, partner_id, name, scopes, auth_method) "
                "VALUES (:id, :partner, :id, '{self:read}', 'client_secret_basic')"
            ),
            {"id": name, "partner": UUID(scene.ids["partner"])},
        )
        scene.world.secrets[name] = (await auth.rotate_secret(session, name)).secret
    scene.ids["partner_client"] = name


_MORE_ROWS = (
    "INSERT INTO offices (id, agency_id, code, name, kind) "
    "VALUES (gen_random_uuid(), :owner, 'HQ', 'Headquarters', 'hq') ON CONFLICT DO NOTHING",
    "INSERT INTO feed_tokens (id, client_id, name, digest, expires_at) "
    "VALUES (gen_random_uuid(), :client, 'matrix', :digest, now() + interval '1 day')",
    "INSERT INTO trusted_issuers (id, issuer, agency_id, jwks_uri, algorithms, audience, "
    "token_type, client_claim, max_life_s, scope_ceiling, proposed_by) VALUES "
    "(gen_random_uuid(), :issuer, :owner, 'https://id.example/keys', '{ES256}', 'x', 'JWT', "
    "'azp', 300, '{}', (SELECT id FROM persons WHERE agency_id = :owner LIMIT 1))",
    "INSERT INTO audit_events (id, event, agency_id, owner_agency, held) "
    "VALUES (gen_random_uuid(), 'assessment:detail:read', :reader, :owner, true)",
)
"""What the API does not make, or not for everybody: one row of each kind."""


async def _more_rows(scene: Scene) -> None:
    values = {
        "owner": scene.agency("owner"),
        "reader": scene.agency("shared"),
        "client": OWNER,
        "digest": secrets.token_bytes(32),
        "issuer": f"https://{secrets.token_hex(4)}.example",
    }
    async with scene.operator.session() as session:
        for statement in _MORE_ROWS:
            names = {name for name in values if f":{name}" in statement}
            await session.execute(text(statement), {name: values[name] for name in names})


def absent() -> str:
    """An id that nothing has."""
    return str(uuid4())
