"""Registrations that end soon: each notice once."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.core.db import Database
from app.partners.identifiers.expiry import notify_expiring
from tests.conftest import ApiFor
from tests.partners.identifiers.test_service import bare, of, unique_board


async def days_told(database: Database, partner: str) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT (data->>'days')::int AS days FROM outbox WHERE subject_id = $1 "
            "AND type = 'partner.identifier_expiring' ORDER BY id",
            UUID(partner),
        )
    return [row["days"] for row in rows]


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ([91], []),
        ([90], [90]),
        ([90, 61, 60, 31, 30, 1], [90, 60, 30]),
        ([20, 10], [30]),
        ([-1], []),
    ],
)
async def test_each_notice_is_given_once(
    left: list[int],
    told: list[int],
    api_for: ApiFor,
    worker_database: Database,
    operator_database: Database,
) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    today = datetime.now(UTC).date()
    body = {
        "scheme": "NAT_REG", "value": secrets.token_hex(5), "country": "KE",
        "authority": unique_board(), "expires_on": (today + timedelta(days=left[0])).isoformat(),
    }  # fmt: skip
    made = await unicef.made(of(partner), body)
    for days in left:
        async with operator_database.connection() as connection:
            # As time would have it: the row itself does not change.
            await connection.execute("ALTER TABLE partner_identifiers DISABLE TRIGGER USER")
            await connection.execute(
                "UPDATE partner_identifiers SET expires_on = $2 WHERE id = $1",
                UUID(made["id"]),
                today + timedelta(days=days),
            )
            await connection.execute("ALTER TABLE partner_identifiers ENABLE TRIGGER USER")
        for _ in range(2):
            await notify_expiring(worker_database)
    assert await days_told(operator_database, partner["id"]) == told


async def test_what_has_ended_gives_no_notice(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    soon = (datetime.now(UTC).date() + timedelta(days=5)).isoformat()
    body = {"scheme": "UNPP", "value": secrets.token_hex(6), "expires_on": soon}
    made = await unicef.made(of(partner), body)
    await unicef.post(f"{of(partner)}/{made['id']}/end", json={"reason": "expired"})
    await notify_expiring(worker_database)
    assert await days_told(operator_database, partner["id"]) == []
