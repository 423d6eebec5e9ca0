"""Terms of shares: legal basis, the partner's consent, roles, a note; and nobody passes on."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.assessments.factories import (
    PURPOSE,
    make_assessment,
    make_share,
    request_body,
    share_body,
)
from tests.assessments.support import DENIED, denied, run, touched
from tests.assessments.test_standing import URL, body, status
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.support import World

__all__ = ["scoped"]
_NOTE = "Canary: for the selection panel only"


async def test_a_share_without_terms_rests_on_the_agreement_of_all(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    given = await make_share(unicef, (await make_assessment(unicef))["id"])
    assert given["legal_basis"] == "agreement"
    assert (given["legal_reference"], given["partner_consent_reference"]) == (None, None)
    assert (given["roles"], given["note"]) == ([], None)


_CONSENT = {
    "legal_basis": "partner_consent",
    "legal_reference": "Annex B",
    "partner_consent_reference": "Letter of 2026-02-14",
}


async def test_basis_consent_and_note_are_told_to_both_sides_and_kept_sealed(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_assessment(unicef)
    share = await make_share(unicef, made["id"], note=_NOTE, **_CONSENT)
    policy = await unicef.made(URL, body(partner_id=made["partner_id"], note=_NOTE, **_CONSENT))
    (listed,) = (await wfp.read(f"/v1/assessments/{made['id']}/shares"))["items"]
    for seen in (share, policy, listed, await wfp.read(f"{URL}/{policy['id']}")):
        assert {name: seen[name] for name in _CONSENT} == _CONSENT
        assert seen["note"] == _NOTE
    for table, one in (("assessment_shares", share), ("sharing_policies", policy)):
        sql = f"SELECT to_jsonb(t)::text, sealed_note FROM {table} t WHERE id = :id"
        ((row, sealed),) = await run(operator_database, None, sql, id=UUID(one["id"]))
        assert _NOTE not in row
        assert _NOTE.encode() not in sealed
    asked = await wfp.made("/v1/access-requests", request_body(made["id"], **_CONSENT))
    assert {name: asked[name] for name in _CONSENT} == _CONSENT


async def test_a_note_goes_with_the_content_that_is_redacted(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made, note=_NOTE)
    await unicef.made(f"/v1/assessments/{made}/redaction", {"reason": "It names a survivor."})
    for api in (unicef, wfp):
        (listed,) = (await api.read(f"/v1/assessments/{made}/shares"))["items"]
        assert listed["note"] is None


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"legal_basis": "partner_consent"}, "invalid_request"),
        ({"legal_basis": "curiosity"}, "invalid_request"),
        ({"legal_basis": None}, "invalid_request"),
        ({"legal_reference": "x" * 301}, "invalid_request"),
        ({"partner_consent_reference": " "}, "invalid_request"),
        ({"note": "a\x00b"}, "invalid_request"),
        ({"roles": ["KING"]}, "role_unknown"),
        ({"roles": ["PTN"]}, "role_unknown"),
        ({"roles": ["CO"] * 16}, "invalid_request"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(
    api_for: ApiFor, more: dict[str, Any], code: str
) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    shares = f"/v1/assessments/{made['id']}/shares"
    for url, wish in (
        (shares, share_body(**more)),
        (URL, body(partner_id=made["partner_id"], **more)),
    ):
        answer = await unicef.post(url, json=wish)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await unicef.read(shares))["items"] == []


async def test_the_database_too_wants_the_reference_of_a_consent(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    await make_share(unicef, made["id"])
    await unicef.made(URL, body(partner_id=made["partner_id"]))
    await (await api_for("WFP")).made("/v1/access-requests", request_body(made["id"]))
    for table in ("assessment_shares", "sharing_policies", "access_requests"):
        sql = f"UPDATE {table} SET legal_basis = 'partner_consent'"
        assert await denied(operator_database, None, sql) == "23514"


async def test_a_share_for_roles_is_for_their_holders(api_for: ApiFor, scoped: ScopedApi) -> None:
    unicef = await api_for("UNICEF")
    made = (await make_assessment(unicef))["id"]
    share = await make_share(unicef, made, roles=["PFP", "PFP"])
    assert share["roles"] == ["PFP"]
    portfolio, office = await scoped("WFP", roles=("PFP",)), await scoped("WFP", roles=("CO",))
    assert await status(portfolio, made) == 200
    assert await status(office, made) == 404
    assert await status(await api_for("WFP"), made) == 404
    (read,) = (await unicef.read(f"/v1/assessments/{made}/disclosures"))["items"]
    assert read["share_id"] == share["id"]
    await unicef.delete(f"/v1/assessments/{made}/shares/{share['id']}")
    assert await status(portfolio, made) == 404


async def test_a_recipient_shares_nothing_on_and_learns_of_nobody_else(api_for: ApiFor) -> None:
    unicef, wfp, fao = [await api_for(code) for code in ("UNICEF", "WFP", "FAO")]
    made = await make_assessment(unicef)
    url = f"/v1/assessments/{made['id']}"
    own = await make_share(unicef, made["id"])
    other = await make_share(unicef, made["id"], shared_with="UNDP")
    assert (await wfp.get(f"{url}/detail", headers=PURPOSE)).status_code == 200
    assert (await wfp.post(f"{url}/shares", json=share_body(shared_with="FAO"))).status_code == 404
    # A policy is about the giver's own records: it opens nothing of another's.
    await wfp.made(URL, body(partner_id=made["partner_id"], shared_with="FAO"))
    assert await status(fao, made["id"]) == 404
    asked = request_body(made["id"], purpose="AUDIT") | {"requested_by": "FAO"}
    answer = await wfp.post("/v1/access-requests", json=asked)
    assert answer.json()["code"] == "invalid_request", "nobody asks in another's name"
    mine = await wfp.made("/v1/access-requests", request_body(made["id"], purpose="AUDIT"))
    decision = await wfp.post(
        f"/v1/access-requests/{mine['id']}/decision",
        json={"decision": "approve"},
        headers={"If-Match": '"v1"'},
    )
    assert decision.status_code == 404
    assert [one["id"] for one in (await wfp.read(f"{url}/shares"))["items"]] == [own["id"]]
    for way in (f"{url}/shares/{other['id']}", f"{url}/shares/{own['id']}"):
        assert (await wfp.delete(way)).status_code == 404
    assert (await wfp.get(f"{url}/disclosures")).status_code == 404
    seen = await wfp.read(f"/v1/audit/events?subject_id={made['id']}")
    assert {one["agency"] for one in seen["items"]} <= {"WFP"}


async def test_raw_sql_lets_a_recipient_pass_on_nothing(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    record = UUID(made["id"])
    await make_share(unicef, made["id"], shared_with="UNDP")
    share = await make_share(unicef, made["id"])
    owner, wfp, fao = (world.agencies[code] for code in ("UNICEF", "WFP", "FAO"))
    policy = (
        "INSERT INTO sharing_policies (id, owner_agency, shared_with, level, purpose, everything, "
        "valid_from, created_by_person, created_by_client) VALUES (:id, :owner, :to, 'detail', "
        "'AUDIT', true, now(), :person, 'x')"
    )
    own = {"id": uuid4(), "owner": wfp, "to": fao, "person": world.persons["WFP"]}
    async with database.session(wfp) as session:
        await session.execute(text(policy), own)
        # Started by hand, it still reaches the own records only.
        await session.execute(text("SELECT start_sharing_policy(:id)"), {"id": own["id"]})
        await session.execute(
            text("SELECT apply_sharing_policies(:record, :owner, false)"),
            {"record": record, "owner": owner},
        )
        count = "SELECT count(*) FROM assessments_acl WHERE record_id = :record"
        assert await session.scalar(text(count), {"record": record}) == 1, "its own entry alone"
        await session.rollback()
    entry = (
        "INSERT INTO assessments_acl (agency_id, record_id, share_id, owner_agency, level, "
        "purpose, valid_from) VALUES (:to, :record, :share, :owner, 'detail', 'AUDIT', now())"
    )
    values = {"to": fao, "record": record, "share": UUID(share["id"])}
    assert await denied(database, wfp, entry, owner=owner, **values) == DENIED
    assert await denied(database, wfp, entry, owner=wfp, **values) == "23503"
    for table, key in (("assessments_acl", "record_id"), ("assessment_shares", "assessment_id")):
        rows = await run(
            database, wfp, f"SELECT owner_agency FROM {table} WHERE {key} = :id", id=record
        )
        assert len(rows) == 1
    widen = "UPDATE assessment_shares SET active = true WHERE id = :id"
    assert await touched(database, wfp, widen, id=UUID(share["id"])) == 0
    roles = "UPDATE assessment_shares SET roles = '{}' WHERE id = :id"
    for agency in (wfp, owner):
        assert await denied(database, agency, roles, id=UUID(share["id"])) == DENIED
