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
from tests.audit.support import add_officer
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

    async def officer(self, relation: str = "owner") -> Api:
        """A person of this agency with an oversight role."""
        return await self.api_for(
            await add_officer(self.operator, self.world, AGENCIES[relation], "OVSM", "OVS")
        )

    async def caller(self, relation: str, scopes: list[str], *, oversight: bool = False) -> Api:
        """A caller in this relation; ``no_scope`` is the owner without any of ``scopes``."""
        if oversight and relation in AGENCIES:
            return await self.officer(relation)
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
    await _administration(scene)
    await _exceptions(scene)
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
                "VALUES (:id, :partner, :id, '{self:read,self:write,self:contest}', "
                "'client_secret_basic')"
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
    "INSERT INTO audit_events (id, event, agency_id, owner_agency, partner_id, held) "
    "VALUES (gen_random_uuid(), 'assessment:detail:read', :reader, :owner, :partner, true)",
)
"""What the API does not make, or not for everybody: one row of each kind."""


async def _more_rows(scene: Scene) -> None:
    values = {
        "owner": scene.agency("owner"),
        "reader": scene.agency("shared"),
        "partner": UUID(scene.ids["partner"]),
        "client": OWNER,
        "digest": secrets.token_bytes(32),
        "issuer": f"https://{secrets.token_hex(4)}.example",
    }
    async with scene.operator.session() as session:
        for statement in _MORE_ROWS:
            names = {name for name in values if f":{name}" in statement}
            await session.execute(text(statement), {name: values[name] for name in names})


def issuer_body() -> dict[str, Any]:
    return {
        "issuer": f"https://{secrets.token_hex(6)}.example",
        "jwks_uri": "https://keys.example/jwks",
        "algorithms": ["ES256"],
        "audience": "https://registry.example",
        "token_type": "at+jwt",
        "client_claim": "sub",
        "token_id_claim": "jti",
        "scope_ceiling": ["partners:read"],
    }


def client_body() -> dict[str, Any]:
    return {
        "name": "Matrix",
        "auth_method": "client_secret_basic",
        "scopes": ["feed:read", "partners:read"],
    }


def person_body() -> dict[str, Any]:
    return {"name": f"Person {secrets.token_hex(4)}", "office": "HQ", "role": "officer"}


def policy_body(partner: str) -> dict[str, Any]:
    return {
        "shared_with": "WFP",
        "level": "summary",
        "purpose": "MONITORING",
        "partner_id": partner,
    }


REASON = {"reason": "Canary: the comment names a survivor."}


def until(days: int = 30) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def hold_body(partner: str) -> dict[str, Any]:
    review = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
    return {"subject_kind": "partner", "subject_id": partner, "review_on": review} | REASON


def withholding_body(partner: str) -> dict[str, Any]:
    return {"subject_kind": "read_log", "partner_id": partner, "until": until()} | REASON


async def _administration(scene: Scene) -> None:
    owner, ids = await scene.owner(), scene.ids
    ids["client"] = (await owner.made("/v1/clients", client_body()))["id"]
    url = f"/v1/clients/{ids['client']}"
    ids["secret"] = (await owner.read(url))["secrets"][0]["id"]
    ids["feed_token"] = (await owner.made(f"{url}/feed-tokens", {"name": "m", "days": 9}))["id"]
    ids["person"] = (await owner.made("/v1/persons", person_body()))["id"]
    ids["issuer"] = (await owner.made("/v1/trusted-issuers", issuer_body()))["id"]
    ids["policy"] = (await owner.made("/v1/sharing-policies", policy_body(ids["partner"])))["id"]
    agency = f"/v1/agencies/{OWNER}"
    ids["office"] = (await owner.read(f"{agency}/offices"))["items"][0]["id"]
    ids["focal_point"] = (await owner.read(f"{agency}/focal-points"))["items"][0]["id"]
    setting = await owner.read(f"{agency}/settings/default_share_months")
    done = await owner.put(
        f"{agency}/settings/default_share_months",
        json={"value": 6},
        headers={"If-Match": f'"v{setting["version"]}"'},
    )
    assert done.status_code == 200, done.text
    profile = await owner.read(agency)
    signed = {"statement": "S", "signed_on": "2018-11-15", "source": "L", "confirmed": False}
    done = await owner.patch(
        agency,
        json={"mutual_recognition": signed},
        headers={"If-Match": f'"v{profile["version"]}"'},
    )
    assert done.status_code == 200, done.text
    events = await owner.read(f"/v1/audit/events?subject_id={ids['restricted']}")
    ids["event"] = events["items"][-1]["id"]


async def _exceptions(scene: Scene) -> None:
    owner, ids = await scene.owner(), scene.ids
    oversight = await scene.officer()
    ids["redacted"] = (await make_assessment(owner, ids["partner"]))["id"]
    url = f"/v1/assessments/{ids['redacted']}/redaction"
    ids["redaction"] = (await owner.made(url, REASON))["id"]
    case = f"/v1/sanctions/cases/{ids['case']}"
    ids["step"] = (await owner.read(case))["steps"][0]["id"]
    ids["case_hidden"] = (await open_case(scene.api_for, ids["partner"], OWNER))["id"]
    hidden = f"/v1/sanctions/cases/{ids['case_hidden']}"
    ids["step_hidden"] = (await owner.read(hidden))["steps"][0]["id"]
    await owner.made(f"{hidden}/steps/{ids['step_hidden']}/redaction", REASON)
    ids["hold"] = (await oversight.made("/v1/legal-holds", hold_body(ids["partner"])))["id"]
    reader = await scene.officer("shared")
    body = withholding_body(ids["partner"])
    ids["withholding"] = (await oversight.made("/v1/withholdings", body))["id"]
    await reader.made("/v1/withholdings", body)


def absent() -> str:
    """An id that nothing has."""
    return str(uuid4())
