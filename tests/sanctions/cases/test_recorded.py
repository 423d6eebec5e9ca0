"""Decisions taken outside the registry: real days, two persons, nothing invented."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.cases.support import CASES, REASON, code, day
from tests.support import World

URL = "/v1/sanctions/recorded-decisions"
LINES = (
    "notice_given",
    "reply_possible",
    "decided_by_another_than_investigated",
    "reasons_given",
    "appeal_route_given",
)
CERTIFICATE = dict.fromkeys(LINES, True) | {"statement": "Canary: file seen."}


def body(partner: str, **more: Any) -> dict[str, Any]:
    return {
        "partner_id": partner,
        "practices": ["FRAUDULENT"],
        "legal_reference": "VRC 2024/17",
        "document_sha256": hashlib.sha256(b"decision").hexdigest(),
        "decided_on": "2024-09-30",
        "notice_sent_on": "2024-04-02",
        "terms": {
            "measure": "DEBARMENT_FIXED",
            "effective_from": "2024-10-01",
            "effective_to": day(300),
        },
    } | more


async def test_a_second_person_certifies_and_the_entry_says_recorded(api_for: ApiFor) -> None:
    undp, approver = await api_for("UNDP"), await api_for("UNDP_APPROVER")
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    made = await undp.made(URL, body(partner))
    assert (made["state"], made["track"], made["finding_on"]) == ("RECORDED", "RECORDED", None)
    assert (made["reply_due_on"], made["reply_received_on"]) == (None, None)
    url = f"{CASES}/{made['id']}/certificate"
    assert (await undp.read(f"/v1/sanctions/entries?partner_id={partner}"))["items"] == []
    assert code(await undp.post(url, json=CERTIFICATE)) == (409, "same_person")
    entry = await approver.made(url, CERTIFICATE)
    assert (entry["procedure"], entry["decided_on"]) == ("recorded", "2024-09-30")
    assert entry["effective_from"] == "2024-10-01"
    assert code(await approver.post(url, json=CERTIFICATE)) == (409, "step_out_of_order")
    # No step of the full process is taken on it.
    for path in ("notice", "reply"):
        step = {"sent_on": "2024-04-02", "summary": "S"}
        reply = {"received_on": "2024-04-02", "text": "T"}
        answer = await undp.post(
            f"{CASES}/{made['id']}/{path}", json=step if path == "notice" else reply
        )
        assert code(answer) == (409, "step_out_of_order")


@pytest.mark.parametrize("line", LINES)
async def test_without_due_process_nothing_is_certified(api_for: ApiFor, line: str) -> None:
    url = f"{CASES}/01890000-0000-4000-8000-000000000000/certificate"
    answer = await (await api_for("UNDP_APPROVER")).post(url, json=CERTIFICATE | {line: False})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"decided_on": day(1)}, "date_not_possible"),
        ({"notice_sent_on": "2024-10-02"}, "date_not_possible"),
        ({"finding_on": "2024-05-01"}, "date_not_possible"),
        ({"decision_sent_on": "2024-09-01"}, "date_not_possible"),
        ({"document_sha256": "abc"}, "invalid_request"),
        ({"legal_reference": ""}, "invalid_request"),
        ({"decided_on": None}, "invalid_request"),
    ],
)
async def test_days_follow_each_other_and_none_lies_ahead(
    api_for: ApiFor, change: dict[str, Any], refused: str
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    answer = await (await api_for("UNDP")).post(URL, json=body(partner) | change)
    assert code(answer) == (422, refused)


async def test_two_persons_hold_in_the_database(
    api_for: ApiFor, database: Database, world: World
) -> None:
    undp = await api_for("UNDP")
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    made = await undp.made(URL, body(partner))
    for person, gate in (("UNDP", "decider_apart"), ("WFP", "sanction_own_person")):
        with pytest.raises(IntegrityError, match=gate):
            async with database.session(world.agencies["UNDP"]) as session:
                await session.execute(
                    text(
                        "UPDATE sanction_respondents SET state = 'IMPOSED', decider_id = :person "
                        "WHERE case_id = :id"
                    ),
                    {"person": world.persons[person], "id": made["id"]},
                )
    withdrawn = await undp.made(f"{CASES}/{made['id']}/withdrawal", REASON)
    assert withdrawn["state"] == "WITHDRAWN"
