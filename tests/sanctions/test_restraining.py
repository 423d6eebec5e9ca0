"""A blocking measure holds its partner back from its first day to its last, and no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.restraints import Reason
from app.sanctions.entries.expiry import expire_entries
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.verifications.factories import complete_partner, put
from tests.sanctions.factories import impose, reviewed_case


def day(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


async def standing(api_for: ApiFor, partner: str) -> dict[str, Any]:
    return await (await api_for("WFP")).read(f"/v1/partners/{partner}/standing")


async def lift(api_for: ApiFor, entry: dict[str, Any]) -> None:
    answer = await (await api_for("UNDP_APPROVER")).post(
        f"/v1/sanctions/entries/{entry['entry_id']}/lift",
        json={"reason": "Served."},
        headers={"If-Match": f'"v{entry["version"]}"'},
    )
    assert answer.status_code == 201, answer.text


async def test_a_measure_locks_at_once_until_the_end_of_its_last_day(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await complete_partner(unicef, operator_database)
    await impose(api_for, partner, effective_from=day(-3), effective_to=day(9))
    now = await standing(api_for, partner)
    assert (now["locked"], now["lock_reasons"]) == (True, ["SANCTION"])
    (held,) = now["restraints"]
    assert held["since"] == f"{day(-3)}T00:00:00.000000Z"
    assert held["until"] == f"{day(10)}T00:00:00.000000Z"


@pytest.mark.parametrize(
    "terms",
    [
        {"measure": "CENSURE", "effective_to": None},
        {"measure": "DEBARMENT_FIXED", "effective_from": day(2), "effective_to": day(9)},
    ],
)
async def test_one_that_blocks_nobody_or_not_yet_does_not(
    terms: dict[str, Any], api_for: ApiFor
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    await impose(api_for, partner, **terms)
    assert (await standing(api_for, partner))["locked"] is False


async def test_lifting_one_measure_leaves_another_agencys_and_every_other_reason(
    api_for: ApiFor, operator_database: Database
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    first = await impose(api_for, partner)
    await impose(api_for, partner, "FAO")
    await put(operator_database, partner, Reason.RED_FLAG)
    await lift(api_for, first)
    now = await standing(api_for, partner)
    assert [one["reason"] for one in now["restraints"]].count("SANCTION") == 1
    assert now["lock_reasons"] == ["RED_FLAG", "SANCTION"]


async def test_a_measure_on_the_headquarters_holds_its_country_profiles_back_with_their_own_reasons(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    head = (await make_partner(unicef, partner_type="NGO_INTL", country="CHE"))["id"]
    office = (await make_partner(unicef, partner_type="NGO_INTL", hq_id=head))["id"]
    entry = await impose(api_for, head)
    await put(operator_database, office, Reason.RED_FLAG)
    held = {one["reason"]: one for one in (await standing(api_for, office))["restraints"]}
    assert held["SANCTION"]["inherited_from"] == head
    assert held["RED_FLAG"]["inherited_from"] is None
    assert (await standing(api_for, head))["lock_reasons"] == ["SANCTION"], "nothing passes up"
    await lift(api_for, entry)
    assert (await standing(api_for, head))["locked"] is False
    now = await standing(api_for, office)
    assert (now["locked"], now["lock_reasons"]) == (True, ["RED_FLAG"])


async def test_a_measure_that_is_handed_over_holds_on_until_its_custodian_lifts_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    entry = await impose(api_for, partner)
    # As `hand_over` does when the imposing agency has withdrawn.
    async with operator_database.session() as session:
        await session.execute(
            text(
                "UPDATE sanction_entries SET version = version + 1, custodian_agency = "
                "(SELECT id FROM agencies WHERE code = 'FAO') WHERE id = :id"
            ),
            {"id": UUID(entry["entry_id"])},
        )
    assert (await standing(api_for, partner))["lock_reasons"] == ["SANCTION"]
    answer = await (await api_for("FAO_APPROVER")).post(
        f"/v1/sanctions/entries/{entry['entry_id']}/lift",
        json={"reason": "Served."},
        headers={"If-Match": '"v2"'},
    )
    assert answer.status_code == 201, answer.text
    assert (await standing(api_for, partner))["restraints"] == []


async def test_a_lift_that_was_all_unlocks(api_for: ApiFor) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    await lift(api_for, await impose(api_for, partner))
    assert (await standing(api_for, partner))["locked"] is False


async def test_a_decision_that_fails_holds_nobody_back(api_for: ApiFor) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    case = await reviewed_case(api_for, partner)
    answer = await (await api_for("UNDP_APPROVER")).post(
        f"/v1/sanctions/cases/{case['id']}/decision",
        json={"measure": "DEBARMENT_FIXED", "reason": "x", "effective_from": day(-3)},
        headers={"If-Match": f'"v{case["version"]}"'},
    )
    assert answer.status_code >= 400
    assert (await standing(api_for, partner))["locked"] is False


async def test_the_worker_ends_the_restraint_with_the_measure(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    entry = await impose(api_for, partner, effective_from=day(-3), effective_to=day(1))
    async with operator_database.session() as session:
        for change in (
            "UPDATE sanction_entries SET effective_to = current_date - 1 WHERE id = :id",
            # Held on, so that it is the worker who ends it and not the time.
            "UPDATE restraints SET until = NULL WHERE source_id = :id",
        ):
            await session.execute(text(change), {"id": UUID(entry["entry_id"])})
    assert (await standing(api_for, partner))["locked"] is True
    await expire_entries(worker_database)
    assert (await standing(api_for, partner))["restraints"] == []
