"""Sealed values, the log of readings, and what the floor above is shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import service
from app.assessments.detail import seal_context
from app.core.crypto import KeyRing, RootKey, Undecipherable
from app.core.db import Database
from app.core.settings import Settings
from tests.assessments.factories import (
    PURPOSE,
    SECRET,
    make_assessment,
    make_share,
    psea_detail,
    request_body,
)
from tests.assessments.support import TABLES, as_superuser, run
from tests.conftest import ApiFor
from tests.support import World


async def test_a_dump_does_not_say_what_the_detail_says(
    api_for: ApiFor, settings: Settings
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made)
    await wfp.read(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    asked = await wfp.made("/v1/access-requests", request_body(made, purpose="AUDIT"))
    await unicef.post(
        f"/v1/access-requests/{asked['id']}/decision",
        json={"decision": "deny", "reason": "Canary: under revision"},
        headers={"If-Match": '"v1"'},
    )
    async with as_superuser(settings) as connection:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        tables = {row[0] for row in names}
        assert {*TABLES, "audit_events", "outbox", "idempotency_keys"} <= tables
        found: list[tuple[str, str]] = []
        for table in sorted(tables):
            rows = await connection.fetch(f'SELECT t::text FROM "{table}" t')
            # bytea is printed in hex, so look for that as well.
            for needle in ("Canary", b"Canary".hex(), "not_met", "wardens"):
                found += [(table, needle) for row in rows if needle in row[0]]
    assert found == []


async def test_sealed_values_do_not_move(
    api_for: ApiFor, database: Database, world: World, root_key: Any
) -> None:
    unicef = await api_for("UNICEF")
    one, two = [UUID((await make_assessment(unicef))["id"]) for _ in range(2)]
    owner = world.agencies["UNICEF"]
    keyring = KeyRing(RootKey.load(root_key))
    async with database.session(owner) as session:
        sealed = await session.scalar(
            text("SELECT sealed FROM assessment_details WHERE assessment_id = :id"), {"id": one}
        )
        assert SECRET.encode() in await keyring.open(session, seal_context(one, 1, owner), sealed)
        for context in (
            seal_context(two, 1, owner),
            seal_context(one, 2, owner),
            seal_context(one, 1, world.agencies["WFP"]),
        ):
            with pytest.raises(Undecipherable):
                await keyring.open(session, context, sealed)
        kept = await session.scalar(
            text("SELECT sealed FROM assessment_details WHERE assessment_id = :id"), {"id": two}
        )
    move = "UPDATE assessment_details SET sealed = :sealed WHERE assessment_id = :id"
    await run(database, owner, move, sealed=sealed, id=two)
    answer = await unicef.get(f"/v1/assessments/{two}/detail")
    assert answer.status_code == 500
    assert SECRET not in answer.text
    # The reading that failed left no trace, as nothing was read.
    assert (await unicef.read(f"/v1/assessments/{two}/disclosures"))["items"] == []
    await run(database, owner, move, sealed=kept, id=two)


async def test_a_reading_is_stored_before_it_is_answered(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made)
    await wfp.read(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    sql = (
        "SELECT agency_id, purpose, basis, person_id FROM audit_events "
        "WHERE subject_id = :id AND event = 'assessment:detail:read'"
    )
    for agency in ("UNICEF", "WFP"):
        (row,) = await run(database, world.agencies[agency], sql, id=UUID(made))
        assert tuple(row) == (
            world.agencies["WFP"],
            "PARTNER_SELECTION",
            "share",
            world.persons["WFP"],
        )
    assert not await run(database, world.agencies["FAO"], sql, id=UUID(made))


async def test_recognition_sees_final_summaries_as_its_agency_may(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef, detail=psea_detail(6))
    partner = made["partner_id"]
    await make_assessment(unicef, partner, status="draft")
    private = await make_assessment(unicef, partner, confidentiality="AGENCY_ONLY")

    async def facts(session: AsyncSession) -> list[dict[str, Any]]:
        return await service.summaries_for(session, UUID(partner))

    async with database.session(world.agencies["WFP"]) as session:
        (seen,) = await facts(session)
    assert (seen.pop("adjusted"), seen.pop("country")) == (None, "KEN")
    assert seen == {name: made[name] for name in seen}
    assert {"id", "rating", "valid_until", "version", "confidentiality"} <= seen.keys()
    async with database.session(world.agencies["UNICEF"]) as session:
        assert {item["id"] for item in await facts(session)} == {made["id"], private["id"]}
    async with database.session(world.agencies["WFP"]) as session:
        assert await service.summaries_for(session, uuid4()) == []
