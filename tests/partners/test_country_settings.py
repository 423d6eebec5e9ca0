"""Countries whose partners are not published, and what is public."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.auth.scoped import ScopedApi, scoped  # noqa: F401 - a fixture
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api


async def put(api: Api, country: str, version: int, sensitive: bool = True) -> Any:
    return await api.put(
        f"/v1/country-settings/{country}",
        json={"sensitive": sensitive, "reason": "Threats in the press."},
        headers={"If-Match": f'"v{version}"'},
    )


async def test_a_country_is_set_by_version_and_read_by_all(api_for: ApiFor) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    first = await put(undp, "LAO", 0)
    assert first.status_code == 200, first.text
    assert first.headers["etag"] == '"v1"'
    assert (await put(wfp, "LA", 0)).status_code == 412
    second = await put(wfp, "418", 1, sensitive=False)
    assert second.json()["version"] == 2
    listed = await wfp.read("/v1/country-settings", params={"limit": "200"})
    found = next(item for item in listed["items"] if item["country"] == "LAO")
    assert (found["sensitive"], found["set_by"]) == (False, "WFP")
    sensitive = await wfp.read("/v1/country-settings", params={"sensitive": "true"})
    assert "LAO" not in [item["country"] for item in sensitive["items"]]


async def test_of_two_who_set_a_country_at_once_one_stands(api_for: ApiFor) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    for version in (0, 1):
        answers = await asyncio.gather(*(put(api, "KHM", version) for api in (undp, wfp, undp)))
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_without_reason_version_or_right_nothing_is_set(
    api_for: ApiFor,
    scoped: ScopedApi,  # noqa: F811 - the fixture
) -> None:
    undp = await api_for("UNDP")
    url, tag = "/v1/country-settings/VNM", {"If-Match": '"v0"'}
    assert (await undp.put(url, json={"sensitive": True}, headers=tag)).status_code == 422
    assert (
        await undp.put(url, json={"sensitive": True, "reason": " "}, headers=tag)
    ).status_code == 422
    assert (await undp.put(url, json={"sensitive": True, "reason": "x"})).status_code == 428
    assert (await put(undp, "XXQ", 0)).status_code == 422
    coordinator = await scoped("UNDP", roles=("RCO",), countries=("KEN",))
    assert (await put(coordinator, "VNM", 0)).status_code == 403
    officer = await scoped("UNDP", roles=("CO",))
    assert (await put(officer, "VNM", 0)).status_code == 403


async def test_public_is_what_agreed_is_verified_and_endangers_nobody(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    country = {"country": "BRN"}
    made = [await make_partner(unicef, publication_consent=True, **country) for _ in range(3)]
    silent = await make_partner(unicef, **country)
    async with operator_database.session() as session:
        await session.execute(
            text(
                "UPDATE partners SET version = version + 1, verification = 'verified', "
                "verified_by = created_by, verified_on = current_date WHERE id = ANY (:ids)"
            ),
            {"ids": [UUID(one["id"]) for one in (*made[:2], silent)]},
        )
    url = f"/v1/partners/{made[1]['id']}"
    answer = await unicef.patch(url, json={"protected": True}, headers={"If-Match": '"v2"'})
    assert answer.status_code == 200

    async def ids(public: str) -> set[str]:
        page = await unicef.read("/v1/partners", params={"country": "BRN", "public": public})
        return {item["id"] for item in page["items"]}

    assert await ids("true") == {made[0]["id"]}
    assert await ids("false") == {made[1]["id"], made[2]["id"], silent["id"]}
    assert (await put(unicef, "BRN", 0)).status_code == 200
    assert await ids("true") == set()


@pytest.mark.parametrize(
    ("roles", "countries", "sees"),
    [(("IPU",), (), True), (("PO",), (), False), ((), (), True), (("IPU",), ("KEN",), False)],
)
async def test_lists_and_reads_agree_on_who_knows_of_protected_profiles(
    api_for: ApiFor,
    scoped: ScopedApi,  # noqa: F811 - the fixture
    roles: tuple[str, ...],
    countries: tuple[str, ...],
    sees: bool,
) -> None:
    """SQL decides on the fast path what Python decides on all others."""
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef, protected=True, country="TLS")
    wfp = await scoped("WFP", roles=roles, countries=countries)
    fast = await wfp.get(f"/v1/partners/{partner['id']}")
    slow = await wfp.get(f"/v1/partners/{partner['id']}/history")
    page = await wfp.read("/v1/partners", params={"country": "TLS"})
    assert (fast.status_code == 200) is sees
    assert (slow.status_code == 200) is sees
    assert (partner["id"] in [item["id"] for item in page["items"]]) is sees
