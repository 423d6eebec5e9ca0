"""The watch fires for each kind of thing that an answer rests on, also where nobody writes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import Database
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.recognition.upkeep import forget_names
from app.recognition.watching import affected, clock, unknown
from app.sanctions.lists.importer import import_list
from app.sanctions.lists.streams import Terms, ensure_all
from app.sanctions.matches.rescreen import Rescreener
from tests.assessments.factories import make_assessment
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.objections.test_objections import answer as answer_objection
from tests.partners.objections.test_objections import objection_body
from tests.partners.people.factories import add_person
from tests.partners.verifications.factories import BAD, verify
from tests.recognition.support import (
    SMALL,
    cleared,
    codes,
    good_partner,
    lone_name,
    lone_partner,
    register,
)
from tests.recognition.test_policies import PSEA, put_in_force
from tests.recognition.watch import Watch, shift, status, told
from tests.recognition.watch import codes as causes
from tests.sanctions.lists.support import LinesSource, registered, write
from tests.sanctions.matches.support import Rescreening, a_find, match_of, say

LISTED = "zz_watch"
STANDING = {"shared_with": "WFP", "level": "detail", "purpose": "PARTNER_SELECTION"}


@pytest.fixture(scope="module")
def rescreening(app: FastAPI, worker_database: Database) -> Rescreening:
    return Rescreening(app, worker_database)


@pytest.fixture(scope="module")
def rescreener(app: FastAPI, worker_database: Database) -> Rescreener:
    return Rescreener(worker_database, KeyRing(app.state.root))


async def moments(watch: Watch, answer: dict[str, Any]) -> list[str]:
    """When the clock is to be asked about an answer."""
    async with watch.worker.session() as session:
        found = await session.scalars(
            text("SELECT ref FROM clearance_dependencies WHERE kind = 'time' "
                 "AND clearance_id = CAST(:id AS uuid) ORDER BY ref"),
            {"id": answer["clearance_id"]},
        )  # fmt: skip
        return list(found)


async def test_a_verification_and_an_objection_move_it(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    made = await make_assessment(unicef, partner)
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    assert answer["outcome"] == "CLEAR"
    await verify(unicef, partner, answers=BAD)
    assert await watch.settle() == 1
    assert causes(await status(wfp, answer)) == ["NOT_VERIFIED"]
    await watch.settle()
    # What waits for an answer is told and worsens nothing alone; that it is told needs the watch.
    url = f"/v1/partners/{partner}/objections"
    raised = await unicef.made(
        url, objection_body(made["id"], "assessment", evidence=[str(uuid4())])
    )
    assert await watch.settle() == 1
    assert (await answer_objection(unicef, raised)).status_code == 200
    assert await watch.settle() == 1
    assert causes(await status(wfp, answer)) == ["NOT_VERIFIED"]


async def test_a_match_moves_it_each_way(
    api_for: ApiFor, watch: Watch, rescreening: Rescreening
) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    answer = await cleared(wfp, {"id": partner})
    await rescreening.subject(partner, a_find(partner))
    assert await watch.settle() == 1
    assert causes(await status(wfp, answer)) == ["POTENTIAL_MATCH_OPEN"]
    later = await cleared(wfp, {"id": partner})
    await say(wfp, await match_of(wfp, partner))
    assert await watch.settle() == 2
    assert (await status(wfp, answer))["status"] == "open"
    assert causes(await status(wfp, later)) == ["POTENTIAL_MATCH_OPEN"]
    assert (await status(wfp, later))["status"] == "improved"


async def test_a_profile_that_changes_is_looked_at_again(api_for: ApiFor, watch: Watch) -> None:
    wfp = await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    await make_assessment(await api_for("UNICEF"), partner)
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    assert answer["outcome"] == "CLEAR"
    await register(await api_for("UNICEF"), partner, certificates=[])
    await watch.settle()
    assert "REGISTRATION_MISSING" in causes(await status(wfp, answer))


async def test_a_policy_that_begins_and_ends_moves_the_answers_of_its_agency(
    api_for: ApiFor, watch: Watch
) -> None:
    unhcr, wfp = await api_for("UNHCR"), await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    mine, other = [await cleared(api, {"id": partner}, **SMALL) for api in (unhcr, wfp)]
    assert "NO_PSEA" in codes(mine)
    await watch.settle()
    lenient = PSEA | {"gap": {"regular": "CLEAR_WITH_CONDITIONS", "emergency": "REFER"}}
    policy = await put_in_force(api_for, "UNHCR", "PSEA", lenient)
    await watch.settle()
    now = await status(unhcr, mine)
    assert (now["status"], now["outcome_now"]) == ("improved", "CLEAR_WITH_CONDITIONS")
    assert (await status(wfp, other))["version"] == 1
    # It ends: the one before holds again, and nobody writes that.
    yesterday = utc_now().date() - timedelta(days=1)
    await shift(
        watch.operator,
        "UPDATE recognition_policies SET effective_from = '2020-01-01', effective_to = :day "
        "WHERE id = CAST(:id AS uuid)",
        day=yesterday,
        id=policy,
    )
    await shift(
        watch.operator,
        "INSERT INTO clearance_watch VALUES ('policies', :day) ON CONFLICT (name) "
        "DO UPDATE SET state = excluded.state",
        day=yesterday.isoformat(),
    )
    await watch.settle()
    assert (await status(unhcr, mine))["status"] == "open"
    assert [one["status"] for one in await told(unhcr, mine)] == ["improved", "open"]


async def test_what_grows_too_old_is_noticed_on_its_day(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    today = utc_now().date()
    made = await make_assessment(unicef, partner)
    soon = today + timedelta(days=9)
    await shift(
        watch.operator,
        "UPDATE assessments SET valid_until = :day WHERE id = CAST(:id AS uuid)",
        id=made["id"],
        day=soon,
    )
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    assert answer["outcome"] == "CLEAR"
    [moment] = await moments(watch, answer)
    await watch.settle()
    assert moment.startswith((soon + timedelta(days=1)).isoformat())
    assert await watch.settle() == 0
    await shift(
        watch.operator,
        "UPDATE assessments SET valid_until = :day WHERE id = CAST(:id AS uuid)",
        id=made["id"],
        day=today - timedelta(days=1),
    )
    assert (await status(wfp, answer))["status"] == "open"
    # That day comes for what other tests left, too.
    await clock.look(watch.worker, utc_now() + timedelta(days=11))
    assert await watch.settle() >= 1
    assert causes(await status(wfp, answer)) == ["PSEA_EXPIRED"]


async def test_a_list_that_grows_stale_worsens_until_it_is_checked(
    api_for: ApiFor, watch: Watch
) -> None:
    wfp = await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    await make_assessment(await api_for("UNICEF"), partner)
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    await watch.settle()
    checked = "UPDATE list_sources SET last_success = :at WHERE code = 'unsc'"
    await shift(watch.operator, checked, at=utc_now() - timedelta(days=30))
    await watch.settle()
    now = await status(wfp, answer)
    assert (now["status"], causes(now)) == ("worsened", ["LIST_STALE"])
    given = await cleared(wfp, {"id": partner}, **SMALL)
    assert given["list"]["stale_sources"] == ["unsc"]
    # Checked again, with nothing new: no issue, and no event.
    await shift(watch.operator, checked, at=utc_now())
    await watch.settle()
    assert (await status(wfp, answer))["status"] == "open"
    assert (await status(wfp, given))["status"] == "improved"
    assert await watch.settle() == 0


async def test_a_name_without_a_profile_waits_for_one(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    name, vendor = lone_name(), f"KE-NCB-{uuid4().hex[:8]}".upper()
    by_name = await cleared(wfp, {"name": name, "country": "KEN"})
    by_number = await cleared(wfp, {"identifier": {"scheme": "ORG_ID", "value": vendor}})
    other = await cleared(wfp, {"name": lone_name(), "country": "KEN"})
    assert codes(by_name)[0] == "IDENTITY_UNKNOWN"
    await watch.settle()
    await make_partner(
        unicef,
        legal_name=name,
        aliases=[],
        acronym=None,
        identifiers=[{"scheme": "ORG_ID", "value": vendor}],
    )
    assert await watch.settle() == 2
    for answer in (by_name, by_number):
        now = await status(wfp, answer)
        assert now["status"] == "worsened", "other reasons came in its place"
        assert "IDENTITY_UNKNOWN" not in causes(now)
    assert (await status(wfp, other))["version"] == 1


async def test_a_name_without_a_profile_is_found_on_a_new_list(
    api_for: ApiFor, watch: Watch, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wfp = await api_for("WFP")
    name = lone_name()
    answer = await cleared(wfp, {"name": name, "country": "KEN"})
    other = await cleared(wfp, {"name": lone_name(), "country": "KEN"})
    await watch.settle()
    with registered(LinesSource(LISTED, audience="shared", shrink_limit=1.0)):
        await ensure_all(watch.worker, Terms())
        party = {"key": "1", "names": [name], "kind": "organisation"}
        path = write(tmp_path / LISTED, LISTED, [party], "2026-01-01T00:00:00+00:00")
        await import_list(watch.worker, LISTED, path)
        await watch.settle()
        now = await status(wfp, answer)
        assert (now["status"], causes(now)) == ("worsened", ["POTENTIAL_MATCH_OPEN"])
        assert (await status(wfp, other))["version"] == 1
        # Of a long list not every name is looked for.
        monkeypatch.setattr(unknown, "_MOST", 0)
        async with watch.worker.session() as session:
            event = await session.scalar(
                select(OutboxEvent)
                .where(OutboxEvent.type == EventType.LIST_CHANGED.value)
                .where(OutboxEvent.data["source"].astext == LISTED)
            )
            assert event is not None
            assert await unknown.queue(session, [event]) == [event.at]
            await affected.put(session, [affected.about("nameless", "", event.at)])
        assert await watch.settle() >= 2


async def test_what_a_name_is_found_by_is_forgotten_when_it_is_of_no_use(
    api_for: ApiFor, watch: Watch
) -> None:
    wfp = await api_for("WFP")
    over, still = [await cleared(wfp, {"name": lone_name(), "country": "KEN"}) for _ in range(2)]
    await shift(
        watch.operator,
        "UPDATE clearance_dependencies SET until = now() WHERE clearance_id = CAST(:id AS uuid)",
        id=over["clearance_id"],
    )
    await forget_names(watch.worker)
    assert await _names(watch, over) == 0
    assert await _names(watch, still) > 0
    with pytest.raises(DBAPIError, match="append-only"):
        async with watch.worker.session() as session:
            await session.execute(
                text("DELETE FROM clearance_dependencies WHERE clearance_id = :id"),
                {"id": UUID(still["clearance_id"])},
            )


async def _names(watch: Watch, answer: dict[str, Any]) -> Any:
    async with watch.operator.session() as session:
        await session.execute(text("SET LOCAL row_security = off"))
        return await session.scalar(
            text(
                "SELECT count(*) FROM clearance_dependencies WHERE kind = 'name' "
                "AND clearance_id = :id"
            ),
            {"id": UUID(answer["clearance_id"])},
        )


async def test_a_standing_share_that_ends_is_a_note(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    given = await unicef.made("/v1/sharing-policies", STANDING | {"partner_id": partner})
    made = await make_assessment(unicef, partner)
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    await watch.settle()
    assert (await unicef.delete(f"/v1/sharing-policies/{given['id']}")).status_code == 204
    await watch.settle()
    now = await status(wfp, answer)
    assert (now["status"], now["outcome_now"]) == ("open", "CLEAR")
    assert now["changed_facts"] == [
        {"kind": "assessment", "id": made["id"], "what": "not_viewable"}
    ]


async def test_people_who_were_not_compared_yet_are_never_clear(
    api_for: ApiFor, watch: Watch, rescreener: Rescreener
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    await make_assessment(unicef, partner)
    # Others' tests leave hundreds of partners to be compared, which would take minutes here.
    await shift(watch.operator, "DELETE FROM rescreen_tasks")
    before = await cleared(wfp, {"id": partner}, **SMALL)
    assert before["outcome"] == "CLEAR"
    person = await add_person(unicef, partner, role="head")
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    assert (answer["outcome"], codes(answer)) == ("REFER", ["LIST_STALE"])
    assert answer["reasons"][0]["source"] == "people"
    await watch.settle()
    assert (await status(wfp, before))["status"] == "open", "being worked off worsens nothing"
    while await rescreener.round():
        continue
    assert (await cleared(wfp, {"id": partner}, **SMALL))["outcome"] == "CLEAR"
    last = (await moments(watch, answer))[-1]
    await clock.look(watch.worker, datetime.fromisoformat(last))
    await watch.settle()
    now = await status(wfp, answer)
    assert (now["status"], now["outcome_now"]) == ("improved", "CLEAR")
    # A listed party that waits to be compared with people is no better.
    async with watch.worker.session() as session:
        await session.execute(
            text("INSERT INTO rescreen_tasks (kind, subject_id) VALUES ('entry', uuidv7())")
        )
    assert (await cleared(wfp, {"id": partner}, **SMALL))["outcome"] == "REFER"
    while await rescreener.round():
        continue
    assert (await cleared(wfp, {"id": partner}, **SMALL))["outcome"] == "CLEAR"
    assert person["id"] not in str(answer)
