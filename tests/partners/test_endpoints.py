"""Partner profiles through HTTP."""

from __future__ import annotations

from uuid import uuid4

from tests.conftest import ApiFor
from tests.partners.factories import make_partner, partner_body


async def test_a_profile_reads_the_same_for_every_agency(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    created = await unicef.post("/v1/partners", json=partner_body())
    assert created.status_code == 201
    body = created.json()
    assert created.headers["location"] == f"/v1/partners/{body['id']}"
    assert created.headers["etag"] == '"v1"'
    assert body["country"] == "KEN"
    assert body["status"] == "draft"
    assert body["version"] == 1
    assert body["registry_number"].startswith("IPR-")
    theirs = await wfp.get(f"/v1/partners/{body['id']}")
    assert theirs.json() == body
    assert theirs.headers["etag"] == '"v1"'
    assert theirs.headers["cache-control"] == "private, no-cache"
    assert theirs.headers["vary"] == "Authorization"


async def test_the_same_identifier_twice_names_the_other_profile(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    first = await make_partner(unicef)
    again = await wfp.post(
        "/v1/partners",
        json=partner_body(
            identifiers=[{k: first["identifiers"][0][k] for k in ("scheme", "value")}]
        ),
    )
    assert again.status_code == 409
    assert again.json()["code"] == "identifier_taken"
    assert again.json()["partner_id"] == first["id"]


async def test_match_finds_a_name_through_a_typing_error(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef, legal_name="Zawadi Njema Relief Trust")
    answer = await unicef.post(
        "/v1/partners/match", json={"legal_name": "Zawadi Njema Releif Trust", "country": "KEN"}
    )
    assert answer.status_code == 200
    best = answer.json()["candidates"][0]
    assert best["partner_id"] == partner["id"]
    assert best["matched_on"] == ["legal_name", "country"]


async def test_patch_needs_the_version_that_was_read(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    url = f"/v1/partners/{partner['id']}"
    assert (await unicef.patch(url, json={"acronym": "X"})).status_code == 428
    changed = await unicef.patch(url, json={"acronym": None}, headers={"If-Match": '"v1"'})
    assert changed.status_code == 200
    assert changed.json()["acronym"] is None
    assert changed.json()["version"] == 2
    stale = await unicef.patch(url, json={"acronym": "Y"}, headers={"If-Match": '"v1"'})
    assert stale.status_code == 412


async def test_an_unchanged_profile_is_a_304(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    answer = await unicef.get(f"/v1/partners/{partner['id']}", headers={"If-None-Match": '"v1"'})
    assert answer.status_code == 304
    assert answer.content == b""


async def test_absent_is_a_404_and_a_missing_scope_a_403(api_for: ApiFor) -> None:
    reader = await api_for("WFP", "partners:read")
    assert (await reader.get(f"/v1/partners/{uuid4()}")).json()["code"] == "partner_not_found"
    refused = await reader.post("/v1/partners", json=partner_body())
    assert refused.status_code == 403
    assert refused.json()["code"] == "scope_missing"


async def test_pages_follow_one_another_without_gap_or_repeat(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = [(await make_partner(unicef, country="TCD"))["id"] for _ in range(5)]
    seen: list[str] = []
    url: str | None = "/v1/partners?country=TD&limit=2"
    while url:
        response = await unicef.get(url)
        seen += [item["id"] for item in response.json()["items"]]
        cursor = response.json()["next_cursor"]
        url = f"/v1/partners?country=TD&limit=2&cursor={cursor}" if cursor else None
    assert seen == sorted(made, reverse=True)


async def test_a_cursor_fits_no_other_list(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for _ in range(2):
        await make_partner(unicef, country="NER")
    page = await unicef.read("/v1/partners?country=NER&limit=1")
    answer = await unicef.get(f"/v1/partners?country=TCD&limit=1&cursor={page['next_cursor']}")
    assert answer.status_code == 422
    assert answer.json()["code"] == "cursor_invalid"


async def test_a_replayed_post_has_one_effect_and_the_same_answer(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    body, headers = partner_body(), {"Idempotency-Key": "k" * 32 + body_key()}
    first = await unicef.post("/v1/partners", json=body, headers=headers)
    second = await unicef.post("/v1/partners", json=body, headers=headers)
    assert first.content == second.content
    assert second.status_code == 201
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    other = await unicef.post("/v1/partners", json=partner_body(), headers=headers)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


def body_key() -> str:
    return uuid4().hex


async def test_an_unknown_query_parameter_is_refused(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    assert (await unicef.get("/v1/partners?contry=KE")).status_code == 422
    assert (await unicef.get("/v1/agencies?contry=KE")).status_code == 422
