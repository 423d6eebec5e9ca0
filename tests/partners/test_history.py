"""What a profile was: recorded when, valid since when, and nothing lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api


async def patch(api: Api, partner: dict[str, Any], **fields: Any) -> dict[str, Any]:
    url = f"/v1/partners/{partner['id']}"
    answer = await api.patch(url, json=fields, headers={"If-Match": f'"v{partner["version"]}"'})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_each_version_is_kept_and_can_be_read(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    first = await make_partner(unicef)
    second = await patch(wfp, first, acronym="TWO", aliases=[])
    third = await patch(unicef, second, website="https://a.example")
    url = f"/v1/partners/{first['id']}"
    found = (await wfp.read(f"{url}/history"))["items"]
    assert [item["version"] for item in found] == [3, 2, 1]
    assert [item["by"] for item in found] == ["UNICEF", "WFP", "UNICEF"]
    assert [item["changed"] for item in found] == [["website"], ["acronym", "aliases"], []]
    assert found[0]["recorded_to"] is None
    assert found[1]["recorded_to"] == found[0]["recorded_from"]
    for item, said in zip(found, (third, second, first), strict=True):
        then = await wfp.get(url, params={"as_of": item["recorded_from"]})
        # Only the answer to its creation also names what may be the same partner; whether an
        # identifier was disputed then is not told.
        past = {key: said[key] for key in then.json()}
        for number in past["identifiers"]:
            number.pop("disputed", None)
        assert then.json() == past
    assert (await wfp.get(url, params={"as_of": "2001-01-01T00:00:00Z"})).status_code == 404


async def test_the_history_is_paged(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    for number in range(4):
        partner = await patch(unicef, partner, acronym=f"A{number}")
    url: str | None = f"/v1/partners/{partner['id']}/history?limit=2"
    seen: list[Any] = []
    while url:
        body = (await unicef.get(url)).json()
        seen += [(item["version"], item["changed"]) for item in body["items"]]
        cursor = body["next_cursor"]
        url = f"/v1/partners/{partner['id']}/history?limit=2&cursor={cursor}" if cursor else None
    assert seen == [*((n, ["acronym"]) for n in (5, 4, 3, 2)), (1, [])]


async def test_two_times_what_held_then_and_what_was_known_of_it(api_for: ApiFor) -> None:
    """Bitemporal: the name of 2022 was learnt late, and what was believed before stays readable."""
    unicef = await api_for("UNICEF")
    first = await make_partner(unicef, legal_name="First", valid_from="2020-01-01")
    second = await patch(unicef, first, legal_name="Third", valid_from="2024-01-01")
    late = await patch(unicef, second, legal_name="Second", valid_from="2022-01-01")
    url = f"/v1/partners/{first['id']}"

    async def name(**params: str) -> str:
        return str((await unicef.read(url, params=params))["legal_name"])

    assert await name(valid_on="2021-06-01") == "First"
    assert await name(valid_on="2023-06-01") == "Second"
    before = second["updated_at"]
    assert late["updated_at"] > before
    assert await name(valid_on="2023-06-01", as_of=before) == "First"
    assert await name(valid_on="2025-06-01", as_of=before) == "Third"
    unknown = await unicef.get(url, params={"valid_on": "2019-12-31"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_known_then")


async def test_a_past_profile_shows_the_identifiers_of_then(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    async with operator_database.connection() as connection, connection.transaction():
        # Made an hour before, as only time could, and another one just now.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE partner_identifiers SET created_at = created_at - interval '1 hour' "
            "WHERE partner_id = $1",
            UUID(partner["id"]),
        )
    async with operator_database.connection() as connection:
        at = await connection.fetchval("SELECT clock_timestamp()")
        await connection.execute(
            "INSERT INTO partner_identifiers (id, partner_id, scheme, value, created_by) "
            "SELECT uuidv7(), id, 'UNPP', $2, created_by FROM partners WHERE id = $1",
            UUID(partner["id"]),
            uuid4().hex,
        )
    url = f"/v1/partners/{partner['id']}"
    assert len((await unicef.read(url))["identifiers"]) == 2
    then = await unicef.read(url, params={"as_of": at.isoformat()})
    assert [one["value"] for one in then["identifiers"]] == [
        one["value"] for one in partner["identifiers"]
    ]


async def test_the_past_answers_304_for_the_same_bytes(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    url, params = f"/v1/partners/{partner['id']}", {"as_of": partner["updated_at"]}
    tag = (await unicef.get(url, params=params)).headers["etag"]
    assert not tag.startswith('"v')
    again = await unicef.get(url, params=params, headers={"If-None-Match": tag})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "params", [{"as_of": "yesterday"}, {"as_of": "2026-01-01"}, {"valid_on": "2026-13-01"}]
)
async def test_no_time_is_a_422(api_for: ApiFor, params: dict[str, str]) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    assert (await unicef.get(f"/v1/partners/{partner['id']}", params=params)).status_code == 422


async def test_an_update_without_a_new_version_is_refused(
    api_for: ApiFor, database: Database
) -> None:
    partner = UUID((await make_partner(await api_for("UNICEF")))["id"])
    async with database.connection() as connection:
        for version in ("version", "version + 2", "version - 1"):
            with pytest.raises(asyncpg.CheckViolationError) as refused:
                await connection.execute(
                    f"UPDATE partners SET acronym = 'X', version = {version} WHERE id = $1", partner
                )
            assert refused.value.constraint_name == "ck_partners_next_version"


@pytest.mark.parametrize(
    "change",
    [
        "verification = 'verified'",
        "verified_by = created_by",
        "verified_until = current_date",
        "deactivated_at = now()",
        "merged_into = uuidv7()",
        "created_by = uuidv7()",
    ],
)
async def test_the_application_cannot_write_what_others_keep(
    api_for: ApiFor, database: Database, change: str
) -> None:
    partner = UUID((await make_partner(await api_for("UNICEF")))["id"])
    async with database.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                f"UPDATE partners SET version = version + 1, {change} WHERE id = $1", partner
            )
    async with database.connection() as connection:
        with pytest.raises(asyncpg.PostgresError, match=r"generated column|permission denied"):
            await connection.execute(
                "UPDATE partners SET version = version + 1, status = 'verified' WHERE id = $1",
                partner,
            )


@pytest.mark.parametrize("verb", ["UPDATE partner_versions SET body = '{}'", "DELETE FROM"])
async def test_kept_versions_cannot_be_touched(
    api_for: ApiFor, database: Database, verb: str
) -> None:
    unicef = await api_for("UNICEF")
    await patch(unicef, await make_partner(unicef), acronym="A")
    sql = verb if verb.startswith("UPDATE") else "DELETE FROM partner_versions"
    async with database.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)
