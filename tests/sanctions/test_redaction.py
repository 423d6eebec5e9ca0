"""Words of measures, cases and matches: hidden by one person, destroyed or brought back by two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from tests.audit.support import add_officer, events_of
from tests.audit.test_holds import set_hold
from tests.audit.test_redaction import CONFIRM, UNDO, decide
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.sanctions.cases.support import Case, code
from tests.sanctions.entries.support import shift
from tests.sanctions.factories import ended, impose
from tests.sanctions.matches.support import URL as MATCHES
from tests.sanctions.matches.support import Rescreening, a_find, detail_of, match_of
from tests.support import Api, World

ENTRIES = "/v1/sanctions/entries"
HIDE = {"reason": "Canary: it names a witness."}
PERSON = {"names": ["Canary Person"], "nationalities": ["KEN"]}
ASKED = {"kinds": ["other_names"], "reason": "Canary: a witness said so."}

Words = Callable[[ApiFor, Database, World], Awaitable[tuple[str, str]]]
"""Makes words: the URL that is redacted, and that of the record."""


async def _act(api_for: ApiFor, operator: Database, world: World) -> tuple[str, str]:
    entry = await impose(api_for)
    act = await ended(api_for, entry, "annul", decision="reject")
    url = f"{ENTRIES}/{entry['entry_id']}"
    return f"{url}/texts/{act['id']}", f"{url}/acts"


async def _condition(api_for: ApiFor, operator: Database, world: World) -> tuple[str, str]:
    entry = await impose(api_for, conditions=[{"condition": "Repay."}])
    url, condition = f"{ENTRIES}/{entry['entry_id']}", entry["conditions"][0]["id"]
    await _verify(api_for, url, condition, "breached", 1)
    return f"{url}/texts/{condition}", url


async def _verify(api_for: ApiFor, url: str, condition: str, state: str, version: int) -> None:
    done = await (await api_for("UNDP_APPROVER")).post(
        f"{url}/conditions/{condition}/verification",
        json={"state": state, "note": "Canary: the cashier saw it."},
        headers={"If-Match": f'"v{version}"'},
    )
    assert done.status_code == 200, done.text


async def _recognition(api_for: ApiFor, operator: Database, world: World) -> tuple[str, str]:
    entry = await impose(api_for, agency="WFP")
    url = f"{ENTRIES}/{entry['entry_id']}"
    body = {"decision": "recognise", "reason": "Canary: as the cashier told us."}
    made = await (await api_for("UNDP_APPROVER")).made(f"{url}/recognitions", body)
    return f"{url}/texts/{made['id']}", url


async def _lift(api_for: ApiFor, operator: Database, world: World) -> tuple[str, str]:
    """Of a measure in custody, whose case lies elsewhere."""
    entry = await impose(api_for, agency="FAO")
    await shift(operator, entry, custodian_agency=f"'{world.agencies['UNDP']}'")
    url = f"{ENTRIES}/{entry['entry_id']}"
    done = await (await api_for("UNDP_APPROVER")).post(
        f"{url}/lift",
        json={"reason": "Canary: the cashier took it back."},
        headers={"If-Match": '"v1"'},
    )
    assert done.status_code == 201, done.text
    return f"{url}/texts/{entry['entry_id']}", url


async def _individual(api_for: ApiFor, operator: Database, world: World) -> tuple[str, str]:
    case = await Case.open(api_for)
    body = {"relation": "PRINCIPAL", "individual": PERSON}
    made = await (await case.investigator()).made(f"{case.url}/respondents", body)
    return f"{case.url}/respondents/{made['respondents'][1]['id']}", case.url


_ACTS = "sanction_entry_acts"
EACH: dict[str, tuple[Words, tuple[tuple[str, str], ...]]] = {
    "entry_act": (_act, ((_ACTS, "sealed"), (_ACTS, "sealed_decision"))),
    "entry_condition": (_condition, (("sanction_conditions", "sealed"),)),
    "entry_recognition": (_recognition, (("sanction_recognitions", "reason"),)),
    "entry_lift": (_lift, (("sanction_entries", "sealed_end_reason"),)),
    "case_individual": (_individual, (("sanction_respondents", "sealed"),)),
}


async def _stored(operator: Database, kind: str, word: str) -> list[Any]:
    """What lies at the places of these words."""
    async with operator.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        return [
            await session.scalar(
                text(f"SELECT {column} FROM {table} WHERE id = :id"), {"id": UUID(word)}
            )
            for table, column in EACH[kind][1]
        ]


async def _hidden(operator: Database, word: str) -> int:
    async with operator.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        sql = "SELECT count(*) FROM hidden_words WHERE subject_id = :id"
        return int(await session.scalar(text(sql), {"id": UUID(word)}) or 0)


@pytest.mark.parametrize("kind", EACH)
async def test_one_hides_a_second_brings_back_or_destroys(
    api_for: ApiFor, operator_database: Database, database: Database, world: World, kind: str
) -> None:
    url, record = await EACH[kind][0](api_for, operator_database, world)
    undp, other, wfp = [await api_for(name) for name in ("UNDP", "UNDP_REVIEWER", "WFP_REVIEWER")]
    word = url.rsplit("/", 1)[1]
    before = await _stored(operator_database, kind, word)
    assert all(before)
    # Nobody but whose words they are; and what is no such thing is not there, either.
    assert (await wfp.post(f"{url}/redaction", json=HIDE)).status_code == 404
    wrong = url.replace(word, str(uuid4()))
    assert (await undp.post(f"{wrong}/redaction", json=HIDE)).status_code == 404
    hidden = await undp.made(f"{url}/redaction", HIDE)
    assert (hidden["subject_kind"], hidden["subject_id"]) == (kind, word)
    assert not any(await _stored(operator_database, kind, word))
    assert "Canary" not in str(await undp.read(record)).replace(HIDE["reason"], "")
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(text("SELECT * FROM hidden_words"))
    again = await other.post(f"{url}/redaction", json=HIDE)
    assert code(again) == (409, "redaction_exists")
    assert code(await decide(undp, url, CONFIRM)) == (409, "same_person")
    assert (await decide(other, url, UNDO, 7)).status_code == 412
    assert (await decide(wfp, url, UNDO)).status_code == 404
    assert (await decide(other, url, UNDO)).status_code == 201
    assert await _stored(operator_database, kind, word) == before
    assert await _hidden(operator_database, word) == 0
    await undp.made(f"{url}/redaction", HIDE)
    assert (await decide(other, url, CONFIRM)).status_code == 201
    assert not any(await _stored(operator_database, kind, word))
    assert await _hidden(operator_database, word) == 0
    assert code(await decide(other, url, UNDO, 2)) == (409, "redaction_decided")
    assert code(await undp.post(f"{url}/redaction", json=HIDE)) == (409, "redaction_exists")
    await undp.read(record)
    names = [row.event for row in await events_of(operator_database, hidden["record_id"])]
    assert names.count("redaction:content:hide") == 2
    assert "redaction:content:destroy" in names


async def test_acts_and_recognitions_say_that_their_reasons_are_hidden(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    url, acts = await _act(api_for, operator_database, world)
    (act,) = (await undp.read(acts))["items"]
    assert (act["redacted"], bool(act["reason"]), bool(act["decision_reason"])) == (
        False,
        True,
        True,
    )
    await undp.made(f"{url}/redaction", HIDE)
    (act,) = (await undp.read(acts))["items"]
    assert (act["redacted"], act["reason"], act["decision_reason"]) == (True, None, None)
    url, entry = await _recognition(api_for, operator_database, world)
    await undp.made(f"{url}/redaction", HIDE)
    for reader in (undp, wfp):
        (said,) = (await reader.read(entry))["recognitions"]
        assert (said["decision"], said["redacted"], said["reason"]) == ("recognise", True, None)
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        sql = "SELECT count(*) FROM idempotency_keys WHERE route LIKE :route"
        route = {"route": f"{entry}/recognitions"}
        assert await session.scalar(text(sql), route) == 0, "a stored answer repeats the reason"


async def test_a_note_that_is_written_later_is_hidden_once_more(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    undp, other = await api_for("UNDP"), await api_for("UNDP_REVIEWER")
    url, entry = await _condition(api_for, operator_database, world)
    word = url.rsplit("/", 1)[1]
    await undp.made(f"{url}/redaction", HIDE)
    await _verify(api_for, entry, word, "met", 2)
    (later,) = await _stored(operator_database, "entry_condition", word)
    # What was brought back does not take the place of what was found since.
    assert (await decide(other, url, UNDO)).status_code == 201
    assert await _stored(operator_database, "entry_condition", word) == [later]
    await undp.made(f"{url}/redaction", HIDE)
    assert (await decide(other, url, CONFIRM)).status_code == 201
    assert await _stored(operator_database, "entry_condition", word) == [b""]


async def test_what_is_under_a_hold_stays_hidden(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    undp, other = await api_for("UNDP"), await api_for("UNDP_REVIEWER")
    entry = await impose(api_for)
    act = await ended(api_for, entry, "annul", decision="reject")
    url = f"{ENTRIES}/{entry['entry_id']}/texts/{act['id']}"
    await undp.made(f"{url}/redaction", HIDE)
    legal = await api_for(await add_officer(operator_database, world, "UNDP", "LEGAL7", "LEGAL"))
    await set_hold(legal, entry["partner_id"], "partner")
    assert code(await decide(other, url, CONFIRM)) == (409, "legal_hold")
    assert await _hidden(operator_database, act["id"]) == 2


async def test_nobody_is_listed_whose_facts_are_hidden(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    undp, other = await case.investigator(), await case.reviewer()
    body = {"relation": "PRINCIPAL", "individual": PERSON}
    person = (await undp.made(f"{case.url}/respondents", body))["respondents"][1]["id"]
    url = f"{case.url}/respondents/{person}"
    main = (await case.read())["respondents"][0]["id"]
    no_facts = f"{case.url}/respondents/{main}/redaction"
    assert (await undp.post(no_facts, json=HIDE)).status_code == 404
    await case.imposed()
    await case.to_review(respondent_id=person)
    await undp.made(f"{url}/redaction", HIDE)
    (shown,) = (await case.read())["individuals"]
    assert (shown["facts"], shown["redacted"]) == (None, True)
    assert code(await case.decide(respondent_id=person)) == (409, "individual_redacted")
    assert (await decide(other, url, UNDO)).status_code == 201
    done = await case.decide(respondent_id=person)
    assert (done.status_code, done.json()["individual"]["names"]) == (201, PERSON["names"])
    # What is on the list is its own record: the file's facts may go, the measure stands as it is.
    await undp.made(f"{url}/redaction", HIDE)
    assert (await decide(other, url, CONFIRM)).status_code == 201
    entry = await undp.read(f"{ENTRIES}/{done.json()['entry_id']}")
    assert entry["individual"]["names"] == PERSON["names"]


async def test_what_a_partner_was_asked_and_answered(
    app: FastAPI,
    api_for: ApiFor,
    worker_database: Database,
    operator_database: Database,
    world: World,
) -> None:
    undp, other, wfp = [await api_for(name) for name in ("UNDP", "UNDP_REVIEWER", "WFP")]
    partner, own = await claimed_partner(api_for, world)
    await Rescreening(app, worker_database).subject(partner, a_find(partner))
    match = await match_of(undp, partner)
    asked = await undp.made(f"{MATCHES}/{match['id']}/facts-request", ASKED)
    facts = {"facts": {"other_names": "Canary Amani"}}
    await own.made(f"/v1/self/facts-requests/{asked['id']}/answer", facts)
    url = f"{MATCHES}/{match['id']}/facts-requests/{asked['id']}"
    assert (await wfp.post(f"{url}/redaction", json=HIDE)).status_code == 404
    await undp.made(f"{url}/redaction", HIDE)
    (shown,) = (await detail_of(undp, match))["facts_requests"]
    assert (shown["state"], shown["facts"], shown["redacted"]) == ("answered", None, True)
    assert await _hidden(operator_database, asked["id"]) == 2
    assert (await decide(other, url, UNDO)).status_code == 201
    (shown,) = (await detail_of(undp, match))["facts_requests"]
    assert (shown["facts"], shown["redacted"]) == (facts["facts"], False)
    await undp.made(f"{url}/redaction", HIDE)
    assert (await decide(other, url, CONFIRM)).status_code == 201
    assert await _hidden(operator_database, asked["id"]) == 0


async def test_words_whose_measure_is_erased_go_with_it(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    undp: Api = await api_for("UNDP")
    url, _ = await _act(api_for, operator_database, world)
    word = url.rsplit("/", 1)[1]
    await undp.made(f"{url}/redaction", HIDE)
    assert await _hidden(operator_database, word) == 2
    acts = "ALTER TABLE sanction_entry_acts"
    async with operator_database.session() as session:
        for sql in (
            f"{acts} DISABLE TRIGGER sanction_entry_acts_due, NO FORCE ROW LEVEL SECURITY",
            f"DELETE FROM sanction_entry_acts WHERE id = '{word}'",
            f"{acts} ENABLE TRIGGER sanction_entry_acts_due, FORCE ROW LEVEL SECURITY",
        ):
            await session.execute(text(sql))
    assert await _hidden(operator_database, word) == 0
