"""Tax numbers: sealed, found by an exact match, read for a purpose."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any
from uuid import UUID

from app.core.db import Database
from app.core.key_provider import RootKeys
from app.core.rekeying import rotate_encryption
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.identifiers.test_service import bare, of
from tests.support import World

PURPOSE = {"Access-Purpose": 'CONTRACTING; ref="C-17"'}
MATCH = "/v1/partners/restricted-identifiers/match"


def tax() -> dict[str, Any]:
    return {"scheme": "TAX_ID", "value": f"T{secrets.token_hex(6)}", "country": "SS"}


async def test_a_tax_number_is_sealed_and_read_for_a_purpose(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner, item = await bare(unicef, country="SS"), tax()
    made = await unicef.made(of(partner), item)
    assert made["value"] is None
    number = item["value"].upper()
    for url in (f"/v1/partners/{partner['id']}", of(partner)):
        assert number not in (await wfp.get(url)).text.upper()
    url = of(partner, "restricted-identifiers")
    assert (await wfp.get(url)).json()["code"] == "purpose_required"
    opened = await wfp.read(url, headers=PURPOSE)
    assert [row["value"] for row in opened["items"]] == [number]
    reads = [e for e in await events_of(operator_database, partner["id"]) if e.purpose]
    assert [(e.event, e.purpose) for e in reads] == [
        ("partner:restricted_identifiers:read", "CONTRACTING")
    ]
    async with operator_database.connection() as connection:
        for table in ("restricted_identifiers", "outbox", "audit_events"):
            rows = await connection.fetch(f"SELECT t::text AS line FROM {table} t")
            assert not [row for row in rows if number in row["line"].upper()
                        or number.encode().hex() in row["line"]]  # fmt: skip
    ended = await unicef.post(f"{of(partner)}/{made['id']}/end", json={"reason": "wrong"})
    assert (ended.json()["value"], ended.json()["status"]) == (None, "ended")
    assert (await wfp.read(url, headers=PURPOSE))["items"] == []


async def test_who_may_not_read_people_sees_none(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    url = of(partner, "restricted-identifiers")
    officer = await api_for(await add_officer(operator_database, world, "WFP", "TPO", "PO"))
    assert (await officer.get(url, headers=PURPOSE)).status_code == 403
    assert (await officer.post(MATCH, json=tax(), headers=PURPOSE)).status_code == 403


async def test_equal_numbers_meet_however_they_are_written(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    one, two, item = await bare(unicef, country="SS"), await bare(unicef, country="SS"), tax()
    other_land = item | {"country": "SO"}
    item["value"] += "-1"
    await unicef.made(of(one), item)
    again = item | {"value": item["value"].upper().replace("-", " / ")}
    taken = await unicef.post(of(two), json=again)
    assert (taken.status_code, taken.json()["partner_id"]) == (409, one["id"])
    found = await unicef.post(MATCH, json=again, headers=PURPOSE)
    assert found.json() == {"partner_id": one["id"], "status": "active"}
    nobody = await unicef.post(MATCH, json=other_land, headers=PURPOSE)
    assert nobody.json() == {"partner_id": None, "status": None}
    assert (await unicef.post(MATCH, json=again)).json()["code"] == "purpose_required"
    open_one = {"scheme": "UNPP", "value": "1"}
    assert (await unicef.post(MATCH, json=open_one, headers=PURPOSE)).status_code == 422


async def test_one_of_many_at_once_gets_the_number(api_for: ApiFor) -> None:
    unicef, item = await api_for("UNICEF"), tax()
    partners = [await bare(unicef, country="SS") for _ in range(5)]
    answers = await asyncio.gather(*(unicef.post(of(one), json=item) for one in partners))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4


async def test_numbers_are_found_and_read_after_a_change_of_keys(
    api_for: ApiFor, operator_database: Database, app: Any
) -> None:
    unicef, item = await api_for("UNICEF"), tax()
    partner = await bare(unicef, country="SS")
    await unicef.made(of(partner), item)
    root: RootKeys = app.state.root

    def silent(step: str, done: int, total: int) -> None:
        """A report that nobody reads."""

    await rotate_encryption(operator_database, root, "partners", silent, settle_s=0)
    taken = await unicef.post(of(await bare(unicef, country="SS")), json=item)
    assert taken.json()["partner_id"] == partner["id"]
    opened = await unicef.read(of(partner, "restricted-identifiers"), headers=PURPOSE)
    assert opened["items"][0]["value"] == item["value"].upper()


async def test_a_sealed_number_opens_in_its_own_row_only(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    rows = []
    for _ in range(2):
        partner = await bare(unicef, country="SS")
        rows.append((partner, await unicef.made(of(partner), tax())))
    move = "UPDATE restricted_identifiers SET sealed = $2 WHERE id = $1"
    async with operator_database.connection() as connection:
        own, other = [
            await connection.fetchval(
                "SELECT sealed FROM restricted_identifiers WHERE id = $1", UUID(made["id"])
            )
            for _, made in rows
        ]
        await connection.execute(move, UUID(rows[0][1]["id"]), other)
    moved = await unicef.get(of(rows[0][0], "restricted-identifiers"), headers=PURPOSE)
    assert moved.status_code == 500
    async with operator_database.connection() as connection:
        await connection.execute(move, UUID(rows[0][1]["id"]), own)
