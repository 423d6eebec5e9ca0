"""Claims: who takes over a profile, how, and what a second claim does."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import NO_AGENCY, Binding, Database
from tests.conftest import ApiFor
from tests.partners.claims.support import (
    CLAIMANT,
    DECISION,
    KEY,
    V1,
    claim_body,
    claimed,
    claimed_partner,
    code_like,
)
from tests.partners.factories import make_partner
from tests.support import World, plain_client


async def test_an_invitation_becomes_a_claim_once_and_the_profile_changes_hands(
    app: FastAPI, api_for: ApiFor, operator_database: Database
) -> None:
    inviter, checker = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(inviter))["id"]
    invited = await inviter.made(f"/v1/partners/{partner}/invitations", {"email": "a@b.example"})
    body = {"code": invited["code"], "claimant": CLAIMANT, "jwks": {"keys": [KEY]}}
    async with plain_client(app) as nobody:
        unknown = await nobody.post("/v1/claims", json=body | {"code": code_like()})
        first = await nobody.post("/v1/claims", json=body)
        again = await nobody.post("/v1/claims", json=body)
        other = body | {"jwks": {"keys": [KEY | {"kid": "2"}]}}
        used = await nobody.post("/v1/claims", json=other)
    assert (first.status_code, again.json()) == (202, first.json())
    assert (unknown.status_code, used.status_code) == (404, 404)
    one, two = unknown.json(), used.json()
    one.pop("instance"), two.pop("instance")
    assert one == two, "nobody learns what is wrong with a code"
    claim = first.json()["claim_id"]
    url = f"/v1/partners/{partner}/claims/{claim}"
    assert (await checker.get(url)).status_code == 422
    read = await checker.get(url, headers={"Access-Purpose": 'AUDIT; ref="A-1"'})
    assert read.json()["claimant"] == CLAIMANT
    done = await checker.post(url + "/decision", json=DECISION, headers=V1)
    assert done.status_code == 200, done.text
    assert done.json()["client_secret"] is None
    assert (await inviter.read(f"/v1/partners/{partner}"))["control"] == "partner"
    async with operator_database.connection() as connection:
        kept = await connection.fetchrow(
            "SELECT auth_method, partner_id, scopes FROM clients WHERE id = $1",
            done.json()["client_id"],
        )
        codes = await connection.fetchval(
            "SELECT count(*) FROM partner_invitations i WHERE i::text LIKE $1",
            f"%{invited['code']}%",
        )
    assert (kept["auth_method"], kept["partner_id"], codes) == ("private_key_jwt", UUID(partner), 0)


async def test_revoked_and_old_codes_are_refused(
    app: FastAPI, api_for: ApiFor, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    url = f"/v1/partners/{partner}/invitations"
    gone, old = [await api.made(url, {"email": "a@b.example"}) for _ in range(2)]
    assert (await (await api_for("WFP")).delete(f"{url}/{gone['id']}")).status_code == 404
    assert (await api.delete(f"{url}/{gone['id']}")).status_code == 204
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE partner_invitations SET created_at = now() - interval '40 days', "
            "expires_at = now() - interval '1 day' WHERE id = $1",
            UUID(old["id"]),
        )
    async with plain_client(app) as nobody:
        for one in (gone, old):
            body = {"code": one["code"], "claimant": CLAIMANT, "jwks": {"keys": [KEY]}}
            assert (await nobody.post("/v1/claims", json=body)).status_code == 404


async def test_whoever_filed_a_claim_does_not_decide_it(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    made = await api.made(f"/v1/partners/{partner}/claims", claim_body())
    url = f"/v1/partners/{partner}/claims/{made['id']}/decision"
    refused = await api.post(url, json=DECISION, headers=V1)
    assert (refused.status_code, refused.json()["code"]) == (409, "decider_filed_claim")
    rejected = await (await api_for("UNICEF_REVIEWER")).post(
        url, json=DECISION | {"decision": "reject"}, headers=V1
    )
    assert (rejected.status_code, rejected.json()["client_id"]) == (200, None)
    assert (await api.read(f"/v1/partners/{partner}"))["control"] == "agency"


async def test_two_approvals_at_once_make_one_administrator(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    url = f"/v1/partners/{partner}/claims"
    claims = [await api.made(url, claim_body()) for _ in range(2)]
    deciders = [await api_for("WFP"), await api_for("UNHCR")]
    answers = await asyncio.gather(
        *(
            one.post(f"{url}/{claim['id']}/decision", json=DECISION, headers=V1)
            for one, claim in zip(deciders, claims, strict=True)
        )
    )
    assert [one.status_code for one in answers] == [409, 409], "both are open: neither is approved"
    rejected = DECISION | {"decision": "reject"}
    for claim, decision, status in zip(claims, (rejected, DECISION), (200, 200), strict=True):
        done = await deciders[0].post(f"{url}/{claim['id']}/decision", json=decision, headers=V1)
        assert done.status_code == status, done.text


@pytest.mark.parametrize(
    ("outcome", "old_works", "new_works"),
    [("refuse", True, False), ("accept", True, True), ("replace", False, True)],
)
async def test_a_second_claim_freezes_until_another_agency_decides(
    api_for: ApiFor, world: World, outcome: str, old_works: bool, new_works: bool
) -> None:
    partner, first = await claimed_partner(api_for, world)
    wfp, unhcr = await api_for("WFP"), await api_for("UNHCR")
    claim = await wfp.made(f"/v1/partners/{partner}/claims", claim_body())
    profile = await first.get("/v1/self/profile")
    assert profile.json()["control"] == "disputed"
    frozen = await first.patch(
        "/v1/self/profile",
        json={"website": "https://a.example"},
        headers={"If-Match": profile.headers["etag"]},
    )
    assert (frozen.status_code, frozen.json()["code"]) == (409, "control_disputed")
    section = await first.patch(
        "/v1/self/sections/funding", json={"budget_year": 2025}, headers={"If-Match": '"v0"'}
    )
    assert section.status_code in (409, 422)
    person = {"full_name": "A B", "role": "head"}
    assert (await first.post("/v1/self/people", json=person)).json()["code"] == "control_disputed"
    url = f"/v1/partners/{partner}/control/decision"
    body = {"decision": outcome, "checked": "IN_PERSON", "reason": "Met both."}
    biased = await unhcr.post(url, json=body, headers=V1)
    assert (biased.status_code, biased.json()["code"]) == (409, "decider_approved_contested")
    filer = await wfp.post(url, json=body, headers=V1)
    assert (filer.status_code, filer.json()["code"]) == (409, "decider_filed_claim")
    done = await (await api_for("FAO")).post(url, json=body, headers=V1)
    assert done.status_code == 200, done.text
    assert (await wfp.read(f"/v1/partners/{partner}"))["control"] == "partner"
    assert ((await first.get("/v1/self/profile")).status_code == 200) == old_works
    assert (done.json()["client_secret"] is not None) == new_works
    if new_works:
        world.secrets[done.json()["client_id"]] = done.json()["client_secret"]
        second = await api_for(done.json()["client_id"])
        assert (await second.get("/v1/self/profile")).status_code == 200
    state = (await wfp.read(f"/v1/partners/{partner}/claims"))["items"]
    assert {one["id"]: one["state"] for one in state}[claim["id"]] == (
        "approved" if new_works else "rejected"
    )


async def test_an_administrator_disputes_another_one(api_for: ApiFor, world: World) -> None:
    partner, first = await claimed_partner(api_for, world)
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    await wfp.made(f"/v1/partners/{partner}/claims", claim_body())
    url = f"/v1/partners/{partner}/control/decision"
    body = {"decision": "accept", "checked": "IN_PERSON", "reason": "Both act for it."}
    done = (await fao.post(url, json=body, headers=V1)).json()
    world.secrets[done["client_id"]] = done["client_secret"]
    second = await api_for(done["client_id"])
    listed = (await first.read("/v1/self/administrators"))["items"]
    assert [one["self"] for one in listed] == [True, False]
    own, other = (one["claim_id"] for one in listed)
    dispute = {"claim_id": own, "grounds": "She left."}
    itself = await first.post("/v1/self/administrators/dispute", json=dispute)
    assert itself.status_code == 404
    await first.made("/v1/self/administrators/dispute", dispute | {"claim_id": other})
    biased = await fao.post(url, json=body | {"decision": "refuse"}, headers=V1)
    assert biased.json()["code"] == "decider_approved_contested"
    unhcr = await api_for("UNHCR")
    decided = await unhcr.post(url, json=body | {"decision": "refuse"}, headers=V1)
    assert decided.status_code == 200, decided.text
    assert (await second.get("/v1/self/profile")).status_code == 401
    assert (await first.read("/v1/self/profile"))["control"] == "partner"


async def test_the_database_keeps_the_profile_for_its_owner(
    api_for: ApiFor, world: World, database: Database
) -> None:
    partner, _ = await claimed_partner(api_for, world)
    other = (await make_partner(await api_for("UNICEF")))["id"]
    change = "UPDATE partners SET website = 'https://x.example', version = version + 1 WHERE id = "
    for who, target in (
        (Binding(world.agencies["UNICEF"]), partner),
        (Binding(NO_AGENCY, UUID(other)), partner),
        (Binding(NO_AGENCY, UUID(partner)), other),
    ):
        with pytest.raises(DBAPIError, match="not decided so"):
            async with database.session(who) as session:
                await session.execute(text(f"{change}'{target}'"))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.session(Binding(world.agencies["UNICEF"])) as session:
            await session.execute(
                text(f"UPDATE partners SET control = 'agency' WHERE id = '{partner}'")
            )
    forged = "INSERT INTO clients (id, partner_id, name, scopes, auth_method) VALUES "
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.session(Binding(world.agencies["UNHCR"])) as session:
            await session.execute(
                text(f"{forged}('x', '{partner}', 'x', '{{self:read}}', 'client_secret_basic')")
            )


async def test_an_approval_is_seen_by_earlier_administrators_and_in_the_events(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    _, done = await claimed(api_for, world, partner)
    async with operator_database.connection() as connection:
        kinds = await connection.fetch(
            "SELECT type FROM outbox WHERE subject_id = $1 ORDER BY id", UUID(partner)
        )
    assert "partner.claimed" in [row[0] for row in kinds]
    assert done["state"] == "approved"
