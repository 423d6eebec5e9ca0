"""An objection stands beside an assessment and a measure for whoever sees the statement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.core.db import Database
from tests.assessments.factories import PURPOSE, make_assessment, make_share
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.partners.flags.support import partner_api
from tests.partners.merges.support import merged, pair
from tests.partners.objections.test_objections import answer, objection_body, overdue
from tests.sanctions.factories import impose
from tests.support import Api, World

OBJECT = "/v1/self/objections"
ASSESSMENTS, ENTRIES = "/v1/assessments", "/v1/sanctions/entries"


async def beside(api: Api, url: str, statement: str, partner: str) -> dict[str, Any] | None:
    """What stands beside a statement; the list says the same as the single read."""
    one: dict[str, Any] | None = (await api.read(f"{url}/{statement}"))["contested"]
    items = (await api.read(f"{url}?partner_id={partner}"))["items"]
    (listed,) = [item for item in items if statement in (item.get("id"), item.get("entry_id"))]
    assert listed["contested"] == one
    return one


async def statement_of(api_for: ApiFor, kind: str, partner: str) -> tuple[str, str, Api]:
    """A statement of UNDP about the partner: where it is read, its id, who answers for it."""
    undp = await api_for("UNDP")
    if kind == "assessment":
        return ASSESSMENTS, (await make_assessment(undp, partner))["id"], undp
    return ENTRIES, (await impose(api_for, partner))["entry_id"], undp


@pytest.mark.parametrize("kind", ["assessment", "sanction_entry"])
async def test_raised_seen_overdue_answered_and_contested_again(
    kind: str, api_for: ApiFor, world: World, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    url, statement, owner = await statement_of(api_for, kind, partner)
    assert await beside(wfp, url, statement, partner) is None
    own = await partner_api(api_for, operator_database, world, partner)
    made = await own.made(OBJECT, objection_body(statement, kind))
    for reader in (wfp, owner):
        seen = await beside(reader, url, statement, partner)
        assert seen == {
            "status": "open",
            "since": made["raised_at"],
            "due_on": made["due_on"],
            "overdue": False,
        }
    (told,) = [
        one for one in (await own.read("/v1/self/statements"))["items"] if one["id"] == statement
    ]
    assert told["contested"] == seen
    await overdue(operator_database, made["id"])
    late = await beside(wfp, url, statement, partner)
    assert late is not None
    assert (late["overdue"], late["due_on"] < made["due_on"]) == (True, True)
    assert (await answer(owner, made, "partly")).status_code == 200
    answered = await beside(wfp, url, statement, partner)
    assert answered is not None
    assert (answered["status"], answered["overdue"]) == ("partly", False)
    second = await own.made(OBJECT, objection_body(statement, kind))
    again = await beside(wfp, url, statement, partner)
    assert again is not None
    assert (again["status"], again["since"]) == ("open", second["raised_at"])


@pytest.mark.parametrize("kind", ["assessment", "sanction_entry"])
async def test_one_that_is_withdrawn_vanishes(
    kind: str, api_for: ApiFor, world: World, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    url, statement, _ = await statement_of(api_for, kind, partner)
    own = await partner_api(api_for, operator_database, world, partner)
    made = await own.made(OBJECT, objection_body(statement, kind))
    assert await beside(wfp, url, statement, partner) is not None
    gone = await own.post(f"{OBJECT}/{made['id']}/withdrawal")
    assert gone.status_code == 200, gone.text
    assert await beside(wfp, url, statement, partner) is None


async def test_the_detail_says_so_too_and_no_old_copy_is_taken_for_right(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    partner = (await make_partner(undp))["id"]
    statement = (await make_assessment(undp, partner))["id"]
    await make_share(undp, statement)
    own = await partner_api(api_for, operator_database, world, partner)
    urls = {f"{ASSESSMENTS}/{statement}": {}, f"{ASSESSMENTS}/{statement}/detail": PURPOSE}

    async def tags() -> dict[str, str]:
        """The tag of each, which stands for the present body and for no other."""
        found = {}
        for url, headers in urls.items():
            got = await wfp.get(url, headers=headers)
            found[url] = got.headers["ETag"]
            again = await wfp.get(url, headers=headers | {"If-None-Match": found[url]})
            assert again.status_code == 304
        return found

    steps = [await tags()]
    made = await own.made(OBJECT, objection_body(statement, "assessment"))
    steps.append(await tags())
    detail = await wfp.read(f"{ASSESSMENTS}/{statement}/detail", headers=PURPOSE)
    assert detail["contested"]["status"] == "open"
    await overdue(operator_database, made["id"])
    steps.append(await tags())
    assert (await answer(undp, made)).status_code == 200
    steps.append(await tags())
    for url, headers in urls.items():
        assert len({step[url] for step in steps}) == len(steps)
        stale = await wfp.get(url, headers=headers | {"If-None-Match": steps[0][url]})
        assert stale.json()["contested"]["status"] == "rejected"


async def test_who_does_not_see_the_statement_does_not_see_that_it_is_contested(
    api_for: ApiFor,
) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    partner = (await make_partner(undp))["id"]
    url = f"/v1/partners/{partner}/objections"
    made = {}
    for level in ("AGENCY_ONLY", "RESTRICTED"):
        statement = (await make_assessment(undp, partner, confidentiality=level))["id"]
        body = objection_body(statement, "assessment", evidence=[str(uuid4())])
        made[level] = (await undp.made(url, body))["id"]

    async def listed(api: Api) -> set[str]:
        return {item["id"] for item in (await api.read(url))["items"]}

    assert await listed(undp) == set(made.values())
    assert await listed(wfp) == {made["RESTRICTED"]}
    hidden = await wfp.get(f"/v1/objections/{made['AGENCY_ONLY']}", headers=PURPOSE)
    absent = await wfp.get(f"/v1/objections/{uuid4()}", headers=PURPOSE)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "objection_not_found")
    assert absent.json()["code"] == hidden.json()["code"]


async def test_it_stays_beside_the_statement_when_its_partner_is_merged(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    statement = (await make_assessment(unicef, loser["id"]))["id"]
    own = await partner_api(api_for, operator_database, world, loser["id"])
    await own.made(OBJECT, objection_body(statement, "assessment"))
    await merged(api_for, loser, survivor)
    for profile in (loser, survivor):
        assert await beside(wfp, ASSESSMENTS, statement, profile["id"]) is not None


async def test_the_feed_says_nothing_of_it(
    api_for: ApiFor, world: World, operator_database: Database, settle: Settle
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    _, statement, _ = await statement_of(api_for, "sanction_entry", partner)
    own = await partner_api(api_for, operator_database, world, partner)
    await own.made(OBJECT, objection_body(statement, "sanction_entry"))
    await settle()
    async with operator_database.connection() as connection:
        fed = await connection.fetchval(
            "SELECT entry FROM feed_entries WHERE stream = 'inter_agency' AND entry_id = $1",
            statement,
        )
    assert json.loads(fed)["entry_id"] == statement
    assert "contested" not in json.loads(fed)


@contextmanager
def looked_up() -> Iterator[list[str]]:
    """Statements about objections that are sent meanwhile."""
    seen: list[str] = []

    def note(*args: Any) -> None:
        if "objections" in args[2]:
            seen.append(args[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("url", [ASSESSMENTS, ENTRIES])
async def test_a_page_looks_objections_up_once(url: str, api_for: ApiFor) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    partner = (await make_partner(undp))["id"]
    for _ in range(3):
        await make_assessment(undp, partner)
    await impose(api_for, partner)
    await impose(api_for, partner, "FAO")
    with looked_up() as seen:
        items = (await wfp.read(f"{url}?partner_id={partner}"))["items"]
    assert len(items) > 1
    assert len(seen) == 1
