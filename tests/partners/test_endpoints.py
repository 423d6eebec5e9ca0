"""Partner profiles through HTTP."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from stdnum.iso7064 import mod_37_36

from app.core.ids import registry_number
from app.partners.identifiers import IdentifierScheme, normalise
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
    read = theirs.json()
    assert read == {name: body[name] for name in read}
    assert body.keys() - read.keys() == {"possible_duplicates", "contact_registry"}
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


async def test_one_of_many_profiles_with_the_same_identifier_stands(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    body = partner_body()
    answers = await asyncio.gather(*(unicef.post("/v1/partners", json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    winner = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    losers = [answer.json() for answer in answers if answer.status_code == 409]
    assert {body["partner_id"] for body in losers} == {winner}


async def test_vendor_numbers_belong_to_the_agency_that_gave_them(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    number = {"scheme": "AGENCY_VENDOR", "value": uuid4().hex, "country": "KEN"}
    first = await make_partner(unicef, identifiers=[number])
    second = await make_partner(wfp, identifiers=[number])
    assert first["identifiers"][0]["agency"] == "UNICEF"
    query = f"scheme=AGENCY_VENDOR&value={number['value']}&country=KE"
    assert (await unicef.read(f"/v1/partners/resolve?{query}"))["id"] == first["id"]
    assert (await wfp.read(f"/v1/partners/resolve?{query}"))["id"] == second["id"]


@pytest.mark.parametrize(
    ("scheme", "good", "bad"),
    [
        ("LEI", "5493 00IT S31Q K8VR BQ14", "549300ITS31QK8VRBQ15"),
        ("ORG_ID", "KE-NCB-218-051", "218-051"),
        ("XM_OCHA", "HPC1234", "1234"),
        ("DUNS", "12-345-6789", "12345678"),
        ("UEI", "zqggheut1nl7", "OQGGHEUT1NL7"),
        ("ROR", "02mhbdp94", "2mhbdp94"),
        ("WIKIDATA", "Q42", "42"),
        ("UNGM", "123456", "12"),
    ],
)
def test_identifiers_are_checked_by_their_scheme(scheme: str, good: str, bad: str) -> None:
    kept = normalise(IdentifierScheme(scheme), good)
    assert kept == normalise(IdentifierScheme(scheme), kept)
    with pytest.raises(ValueError, match="is not a valid"):
        normalise(IdentifierScheme(scheme), bad)


async def test_what_cannot_be_found_or_changed_says_so(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    unknown = await unicef.get("/v1/partners/resolve?scheme=ORG_ID&value=KE-NCB-nobody")
    assert unknown.status_code == 404
    malformed = await unicef.get("/v1/partners/resolve?scheme=LEI&value=1")
    assert malformed.json()["errors"][0]["pointer"] == "query:value"
    partner = await make_partner(unicef)
    url, headers = f"/v1/partners/{partner['id']}", {"If-Match": '"v1"'}
    assert (await unicef.patch(url, json={}, headers=headers)).json()["code"] == "patch_empty"
    emptied = await unicef.patch(url, json={"legal_name": None}, headers=headers)
    assert emptied.status_code == 422
    gone = await unicef.patch(f"/v1/partners/{uuid4()}", json={"acronym": "A"}, headers=headers)
    assert gone.status_code == 404


async def test_match_knows_an_exact_identifier(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    item = {key: partner["identifiers"][0][key] for key in ("scheme", "value")}
    answer = await unicef.post(
        "/v1/partners/match", json={"legal_name": "Something else", "identifiers": [item]}
    )
    best = answer.json()["candidates"][0]
    assert best["partner_id"] == partner["id"]
    assert (best["score"], best["matched_on"]) == (1.0, ["identifier"])


def test_a_registry_number_carries_its_check_character() -> None:
    for number in (1, 42, 9_999_999, 12_345_678):
        _, digits, check = registry_number(number).split("-")
        assert mod_37_36.is_valid(digits + check)
        assert int(digits) == number
