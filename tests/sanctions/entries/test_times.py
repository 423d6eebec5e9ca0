"""Two times: what was valid on a day, and what the registry knew at an instant."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.sanctions.entries.models import EntryColumns, SanctionEntry, SanctionEntryFormer
from tests.conftest import ApiFor
from tests.sanctions.entries.support import day, lift, measure, new_partner, shift, version
from tests.sanctions.factories import ended


@pytest.mark.parametrize(
    ("terms", "on", "status"),
    [
        ({"effective_from": day(5), "effective_to": day(9)}, day(0), "PENDING"),
        ({"effective_from": day(5), "effective_to": day(9)}, day(4), "PENDING"),
        ({"effective_from": day(5), "effective_to": day(9)}, day(5), "ACTIVE"),
        ({"effective_from": day(5), "effective_to": day(9)}, day(9), "ACTIVE"),
        ({"effective_from": day(5), "effective_to": day(9)}, day(10), "EXPIRED"),
        ({"effective_from": day(5), "effective_to": day(5)}, day(5), "ACTIVE"),
    ],
)
async def test_the_status_is_what_the_day_says(
    terms: dict[str, str], on: str, status: str, api_for: ApiFor, database: Database
) -> None:
    async with database.session() as session:
        found = await session.scalar(
            text("SELECT sanction_status(:a, :b, NULL, NULL, false, :c)"),
            {
                "a": date.fromisoformat(terms["effective_from"]),
                "b": date.fromisoformat(terms["effective_to"]),
                "c": date.fromisoformat(on),
            },
        )
    assert found == status


async def test_one_reading_of_the_dates(api_for: ApiFor) -> None:
    entry = await measure(api_for, effective_from=day(5), effective_to=day(9))
    assert (entry["status"], entry["next_transition_at"]) == (
        "PENDING",
        f"{day(5)}T00:00:00.000000Z",
    )
    wfp, url = await api_for("WFP"), f"/v1/sanctions/entries/{entry['entry_id']}"
    later = await wfp.read(f"{url}?on={day(6)}")
    assert (later["status"], later["next_transition_at"]) == (
        "ACTIVE",
        f"{day(10)}T00:00:00.000000Z",
    )
    over = await wfp.read(f"{url}?on={day(10)}")
    assert (over["status"], over["ended_on"], over["next_transition_at"]) == (
        "EXPIRED",
        day(9),
        None,
    )


async def test_a_list_of_a_day_holds_what_was_valid_on_it(api_for: ApiFor) -> None:
    partner = await new_partner(api_for)
    first = await measure(api_for, partner, effective_to=day(9))
    second = await measure(api_for, partner, effective_from=day(10), effective_to=day(20))
    wfp, url = await api_for("WFP"), f"/v1/sanctions/entries?partner_id={partner}"

    async def ids(query: str = "") -> list[str]:
        return [one["entry_id"] for one in (await wfp.read(url + query))["items"]]

    assert sorted(await ids()) == sorted([first["entry_id"], second["entry_id"]])
    assert await ids(f"&on={day(9)}") == [first["entry_id"]]
    assert await ids(f"&on={day(10)}") == [second["entry_id"]]
    assert await ids(f"&on={day(21)}") == []
    assert await ids(f"&on={day(10)}&status=EXPIRED") == [first["entry_id"]]
    assert await ids("&status=PENDING") == [second["entry_id"]]
    assert await ids("&regime=VENDOR") == []


async def test_what_was_known_then_stays_known(api_for: ApiFor) -> None:
    before = datetime.now(UTC).isoformat().replace("+", "%2B")
    entry = await measure(api_for)
    wfp, url = await api_for("WFP"), f"/v1/sanctions/entries/{entry['entry_id']}"
    await asyncio.sleep(0.01)
    then = datetime.now(UTC).isoformat().replace("+", "%2B")
    await asyncio.sleep(0.01)
    assert (await lift(api_for, entry)).status_code == 201
    assert (await wfp.read(url))["status"] == "LIFTED"
    known = await wfp.read(f"{url}?as_of={then}")
    assert (known["status"], known["version"], known["ended_on"]) == ("ACTIVE", 1, None)
    # It was in force until the day of the lift, and we know that now.
    assert (await wfp.read(f"{url}?on={day(-1)}"))["status"] == "ACTIVE"
    assert (await wfp.get(f"{url}?as_of={before}")).status_code == 404
    listed = f"/v1/sanctions/entries?partner_id={entry['partner_id']}&status=ACTIVE"
    assert (await wfp.read(listed))["items"] == []
    assert len((await wfp.read(f"{listed}&as_of={then}"))["items"]) == 1


async def test_the_history_has_every_row_in_order_without_gaps(api_for: ApiFor) -> None:
    entry = await measure(api_for)
    url = f"/v1/sanctions/entries/{entry['entry_id']}"
    approver, wfp = await api_for("UNDP_APPROVER"), await api_for("WFP")
    for number in (1, 2):
        done = await approver.patch(
            url, json={"contact_office": f"Office {number}"}, headers=version(entry)
        )
        entry = done.json()
    await lift(api_for, entry)
    items = (await wfp.read(f"{url}/history"))["items"]
    assert [one["version"] for one in items] == [1, 2, 3, 4]
    assert [one["terms"]["contact_office"] for one in items] == [
        None,
        "Office 1",
        *["Office 2"] * 2,
    ]
    assert [one["status_then"] for one in items] == ["ACTIVE", "ACTIVE", "ACTIVE", "LIFTED"]
    ends = [one["recorded_to"] for one in items]
    assert ends == [one["recorded_from"] for one in items[1:]] + [None]
    first = await wfp.read(f"{url}/history?limit=1")
    more = await wfp.read(f"{url}/history?limit=200&cursor={first['next_cursor']}")
    assert [one["version"] for one in first["items"] + more["items"]] == [1, 2, 3, 4]
    assert (await wfp.get(f"/v1/sanctions/entries/{uuid4()}/history")).status_code == 404


async def test_no_path_changes_a_measure_and_forgets_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    """Not even a statement of the operator; what the worker has told is no change."""
    entry = UUID((await measure(api_for))["entry_id"])
    async with operator_database.session() as session:
        for change in ("announced = 'PENDING'", "legal_reference = 'A'", "legal_reference = 'B'"):
            await session.execute(
                text(f"UPDATE sanction_entries SET {change} WHERE id = :id"), {"id": entry}
            )
    async with operator_database.session() as session:
        kept = (
            await session.execute(
                text(
                    "SELECT legal_reference, recorded_to > recorded_from AS lasted "
                    "FROM sanction_entry_history WHERE id = :id ORDER BY recorded_from"
                ),
                {"id": entry},
            )
        ).all()
        assert [tuple(row) for row in kept] == [(None, True), ("A", True)]
    for statement in ("UPDATE sanction_entry_history SET legal_reference = 'C'",
                      "DELETE FROM sanction_entry_history"):  # fmt: skip
        with pytest.raises(
            Exception, match=r"append-only|retention keeps|not be changed|insert-only"
        ):
            async with operator_database.session() as session:
                await session.execute(text(f"{statement} WHERE id = :id"), {"id": entry})


def test_a_former_row_has_all_that_is_known() -> None:
    """A column added to the one and not to the other would be forgotten."""
    # Whose measure it is never changes.
    apart = {"announced", "sealed_end_reason", "respondent_id"}
    now = {column.name for column in SanctionEntry.__table__.columns}
    former = {column.name for column in SanctionEntryFormer.__table__.columns}
    assert now - apart == former - {"recorded_to"}
    assert set(EntryColumns.__annotations__) < now


async def test_status_and_valid_days_never_disagree(operator_database: Database) -> None:
    """Every small case: in force by the range exactly where the status is ACTIVE."""
    start = date(2026, 3, 1)
    wrong = []
    async with operator_database.session() as session:
        valid = await session.scalar(
            text(
                "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d JOIN pg_attribute a "
                "ON a.attrelid = d.adrelid AND a.attnum = d.adnum "
                "WHERE a.attrelid = 'sanction_entries'::regclass AND a.attname = 'valid'"
            )
        )
        rows = await session.execute(
            text(
                "SELECT r.*, r.valid @> n AS inside, sanction_next_day(r.valid, n) AS next_day, "
                "n, sanction_status(r.effective_from, r.effective_to, r.ended_on, 'lifted', "
                "r.voided_at IS NOT NULL, n) AS status "
                f"FROM (SELECT *, {valid} AS valid FROM (SELECT f AS effective_from, "
                "t AS effective_to, o AS ended_on, CASE WHEN v THEN now() END AS voided_at "
                "FROM unnest(CAST(:days AS date[])) f, "
                "unnest(CAST(:days AS date[]) || NULL::date) t, "
                "unnest(CAST(:days AS date[]) || NULL::date) o, "
                "unnest('{true,false}'::boolean[]) v) x) r, unnest(CAST(:days AS date[])) n "
                "WHERE coalesce(effective_to >= effective_from, true) "
                "AND coalesce(ended_on <= effective_to + 1, true)"
            ),
            {"days": [start + timedelta(days=n) for n in range(6)]},
        )
        for row in rows:
            if (row.status == "ACTIVE") != row.inside:
                wrong.append(tuple(row))
            if row.next_day is not None and row.next_day <= row.n:
                wrong.append(tuple(row))
    assert wrong == []


async def test_a_day_past_the_end_needs_no_worker(
    api_for: ApiFor, operator_database: Database
) -> None:
    entry = await measure(api_for)
    await shift(operator_database, entry, effective_to="current_date - 1")
    wfp = await api_for("WFP")
    assert (await wfp.read(f"/v1/sanctions/entries/{entry['entry_id']}"))["status"] == "EXPIRED"
    assert (await lift(api_for, entry)).json()["code"] == "entry_ended"


async def test_an_annulled_measure_was_never_in_force_but_was_known(api_for: ApiFor) -> None:
    entry = await measure(api_for)
    await asyncio.sleep(0.01)
    then = datetime.now(UTC).isoformat().replace("+", "%2B")
    done = await ended(api_for, entry, "annul")
    assert (done["state"], done["entry_status"]) == ("approved", "ANNULLED")
    url = f"/v1/sanctions/entries/{entry['entry_id']}"
    wfp, undp = await api_for("WFP"), await api_for("UNDP")
    for on in (day(-2), day(0), day(30)):
        assert (await wfp.read(f"{url}?on={on}"))["status"] == "ANNULLED"
    assert (await wfp.read(url))["practices"] == []
    assert (await undp.read(url))["practices"] == ["FRAUDULENT"]
    assert (await wfp.get(f"{url}/history")).status_code == 404
    assert (await undp.get(f"{url}/history")).status_code == 200
    assert (await wfp.read(f"{url}?as_of={then}"))["status"] == "ACTIVE"


@pytest.mark.parametrize(
    "query",
    [
        *("on=2026-02-30", "on=x", "as_of=2026-01-01", "as_of=2026-01-01T00:00:00"),
        *("status=active", "regime=X", "on=2026-01-01&on=x", "other=1"),
    ],
)
async def test_times_that_are_none_are_refused(query: str, api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    assert (await wfp.get(f"/v1/sanctions/entries?{query}")).status_code == 422
