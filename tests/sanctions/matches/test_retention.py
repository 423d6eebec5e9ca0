"""Pairs that were found to be none are erased after five years; confirmed ones stay."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.sanctions.matches.retention import RETENTION
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.matches.support import (
    REASON,
    URL,
    Rescreening,
    a_find,
    confirmed,
    matches_of,
    say,
)


async def test_only_what_is_due_goes_and_all_of_it(
    api_for: ApiFor,
    rescreening: Rescreening,
    worker_database: Database,
    operator_database: Database,
) -> None:
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    partner = (await make_partner(wfp))["id"]
    await rescreening.subject(partner, *(a_find(partner) for _ in range(4)))
    cleared, young, true, still_open = await matches_of(wfp, partner)
    await wfp.made(f"{URL}/{cleared['id']}/facts-request", {"kinds": ["founders"], **REASON})
    for match in (cleared, young):
        await say(wfp, match)
    await confirmed(wfp, reviewer, true)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE screening_matches SET settled_at = now() - interval '61 months' "
                 "WHERE id = ANY(:ids) AND settled_at IS NOT NULL"),
            {"ids": [UUID(one["id"]) for one in (cleared, true, still_open)]},
        )  # fmt: skip
    (rule,) = RETENTION
    async with worker_database.session() as session:
        due = await session.scalars(
            text(f"SELECT id FROM {rule.view} WHERE partner_id = :partner"),
            {"partner": UUID(partner)},
        )
        ids = list(due)
        assert [str(one) for one in ids] == [cleared["id"]]
        for statement in rule.statements:
            await session.execute(statement, {"ids": ids})
    left = {one["id"] for one in await matches_of(wfp, partner)}
    assert left == {one["id"] for one in (young, true, still_open)}
    for match in (young, true, still_open):
        with pytest.raises(DBAPIError, match="retention keeps"):
            async with worker_database.session() as session:
                await session.execute(rule.statements[-1], {"ids": [UUID(match["id"])]})
