"""Whatever the order, whoever acts: the gates of due process hold, and the list says no more.

Walks of steps taken by persons at random, half of them where the model forbids it. The model below
is the due process in thirty lines, written down again from the field's rules; the service must
answer as it does, and the list must show what it says.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from app.core.db import Database
from tests.conftest import ApiFor
from tests.sanctions.cases.support import DECISION, NOTICE, REASON, REPLY, REVIEW, Case, day, fourth
from tests.sanctions.cases.test_recorded import CERTIFICATE
from tests.sanctions.cases.test_recorded import URL as RECORDED
from tests.sanctions.cases.test_recorded import body as record_body
from tests.support import Api, World

OPEN = ("NOTICE_ISSUED", "REPLY_RECORDED", "UNDER_REVIEW")
INVESTIGATOR = "UNDP"
ENDLESS = {"measure": "DEBARMENT_CONDITIONAL_RELEASE", "effective_to": None}


@dataclass
class Model:
    """What is true of a case; every step says whether it may be taken, and then what follows."""

    state: str = "DRAFT"
    period_open: bool = False
    against: bool = False
    reviewer: str = ""
    decider: str = ""
    sent: bool = False
    interims: int = 0
    endless: bool = False
    measure: str = ""  # status on the list
    appeal: str = ""  # open, decided
    release: dict[str, str] = field(default_factory=dict)  # who recorded and verified, if open

    def notice(self, who: str, recent: bool) -> bool:
        if self.state != "DRAFT":
            return False
        self.state, self.period_open = "NOTICE_ISSUED", recent
        return True

    def reply(self, who: str, _: bool) -> bool:
        if self.state != "NOTICE_ISSUED":
            return False
        self.state = "REPLY_RECORDED"
        return True

    def review(self, who: str, against: bool) -> bool:
        waits = self.state == "NOTICE_ISSUED" and self.period_open
        if self.state not in OPEN[:2] or waits or who == INVESTIGATOR:
            return False
        self.state, self.reviewer, self.against = "UNDER_REVIEW", who, against
        return True

    def decision(self, who: str, endless: bool) -> bool:
        if self.state != "UNDER_REVIEW" or who in (INVESTIGATOR, self.reviewer) or self.against:
            return False
        self.state, self.decider, self.endless, self.measure = "IMPOSED", who, endless, "ACTIVE"
        return True

    def dismissal(self, who: str, _: bool) -> bool:
        if self.state not in OPEN or who in (INVESTIGATOR, self.reviewer):
            return False
        self.state = "DISMISSED"
        return True

    def withdrawal(self, who: str, _: bool) -> bool:
        if self.state not in ("DRAFT", "RECORDED"):
            return False
        self.state = "WITHDRAWN"
        return True

    def certificate(self, who: str, _: bool) -> bool:
        if self.state != "RECORDED" or who == INVESTIGATOR:
            return False
        self.state, self.decider, self.measure = "IMPOSED", who, "ACTIVE"
        return True

    def interim(self, who: str, _: bool) -> bool:
        if self.state not in OPEN or who == INVESTIGATOR or self.interims == 2:
            return False
        self.interims += 1
        return True

    def decision_notice(self, who: str, _: bool) -> bool:
        if self.state != "IMPOSED" or self.sent:
            return False
        self.sent = True
        return True

    def appealed(self, who: str, _: bool) -> bool:
        if self.state != "IMPOSED" or self.appeal == "open":
            return False
        self.appeal = "open"
        return True

    def appeal_decision(self, who: str, overturned: bool) -> bool:
        parts = (INVESTIGATOR, self.reviewer, self.decider)
        if self.appeal != "open" or who in parts:
            return False
        self.appeal = "decided"
        if overturned and self.measure == "ACTIVE":
            self.measure = "LIFTED"
        return True

    def measure_review(self, who: str, _: bool) -> bool:
        return self.endless and self.measure == "ACTIVE"

    def evidence(self, who: str, _: bool) -> bool:
        if self.measure != "ACTIVE" or self.release:
            return False
        self.release = {"recorded": who}
        return True

    def verification(self, who: str, holds: bool) -> bool:
        if not self.release or "verified" in self.release or who == self.release["recorded"]:
            return False
        self.release |= {"verified": who, "holds": "yes" if holds else ""}
        return True

    def release_decision(self, who: str, released: bool) -> bool:
        if "verified" not in self.release or who in self.release.values():
            return False
        if released and (not self.release["holds"] or self.measure != "ACTIVE"):
            return False
        self.release = {}
        if released:
            self.measure = "RELEASED"
        return True


STEPS = [name for name, value in vars(Model).items() if callable(value) and name[0] != "_"]
_INTERIMS = [(0, 30), (31, 60), (61, 90)]


class Walk:
    """One case, the persons who act on it, and what has become of it so far."""

    def __init__(self, case: Case, model: Model, persons: dict[str, Api], stranger: Api) -> None:
        self.case, self.model, self.persons, self.stranger = case, model, persons, stranger
        self.ids = {"appeal": str(uuid4()), "release": str(uuid4())}
        self.versions = {"appeal": 1, "release": 1}
        self.trail: list[tuple[str, str, bool]] = []

    async def step(self, name: str, who: str, flag: bool) -> None:
        self.trail.append((name, who, flag))
        path, body, known = self._request(name, flag)
        headers = {}
        if name == "decision":
            headers = {"If-Match": f'"v{(await self.case.read())["version"]}"'}
        elif known and path.endswith("/decision"):
            headers = {"If-Match": f'"v{self.versions[known]}"'}
        url = f"{self.case.url}/{path}"
        answer = await self.persons[who].post(url, json=body, headers=headers)
        allowed = getattr(self.model, name)(who, flag)
        expected = {201} if allowed else {409, 404}
        assert answer.status_code in expected, f"{self.trail[-9:]} {answer.json()}"
        if allowed and known:
            self.ids[known] = answer.json()["id"]
            self.versions[known] = answer.json()["version"]

    def _request(self, name: str, flag: bool) -> tuple[str, dict[str, Any], str]:
        appeal, release = (f"{kind}s/{self.ids[kind]}" for kind in ("appeal", "release"))
        start, end = _INTERIMS[self.model.interims]
        decision = DECISION | ENDLESS if flag else DECISION
        requests: dict[str, tuple[str, dict[str, Any], str]] = {
            "notice": ("notice", NOTICE | ({"sent_on": day()} if flag else {}), ""),
            "reply": ("reply", REPLY | {"received_on": day()}, ""),
            "review": (
                "review",
                REVIEW | ({"recommendation": "do_not_impose"} if flag else {}),
                "",
            ),
            "decision": ("decision", {k: v for k, v in decision.items() if v is not None}, ""),
            "dismissal": ("dismissal", REASON, ""),
            "withdrawal": ("withdrawal", REASON, ""),
            "certificate": ("certificate", CERTIFICATE, ""),
            "interim": (
                "interim-suspensions",
                {"effective_from": day(start), "until_on": day(end)} | REASON,
                "",
            ),
            "decision_notice": ("decision-notice", {"sent_on": day(), "summary": "Canary"}, ""),
            "appealed": ("appeals", {"filed_on": day(), "text": "Canary"}, "appeal"),
            "appeal_decision": (
                f"{appeal}/decision",
                {"outcome": "overturned" if flag else "upheld"} | REASON,
                "appeal",
            ),
            "measure_review": ("measure-reviews", {"note": "Canary"}, ""),
            "evidence": ("releases", {"text": "Canary"}, "release"),
            "verification": (
                f"{release}/verification",
                {"verified": flag, "note": "Canary"},
                "release",
            ),
            "release_decision": (
                f"{release}/decision",
                {"outcome": "released" if flag else "refused"} | REASON,
                "release",
            ),
        }
        return requests[name]

    async def check(self) -> None:
        """The case is where the model has it, and others see the measure and nothing else."""
        read = await self.case.read()
        assert read["state"] == self.model.state, self.trail
        url = f"/v1/sanctions/entries?limit=200&partner_id={self.case.partner}"
        seen = [one["status"] for one in (await self.stranger.read(url))["items"]]
        assert seen == ([self.model.measure] if self.model.measure else []), self.trail
        assert (await self.stranger.get(self.case.url)).status_code == 404
        own = [one["status"] for one in (await self.persons["UNDP"].read(url))["items"]]
        if self.model.state in ("IMPOSED", "DISMISSED", "WITHDRAWN"):
            # No suspension outlives its case.
            assert own.count("ACTIVE") == (self.model.measure == "ACTIVE"), self.trail
        assert own.count("ACTIVE") <= 1, self.trail


async def _walk(
    start: Callable[[], Any], persons: dict[str, Api], stranger: Api, seed: int, steps: int
) -> set[str]:
    case, model = await start()
    walk, dice = Walk(case, model, persons, stranger), random.Random(seed)
    states = set()
    for number in range(steps):
        flag = dice.random() < 0.3
        pairs = [(name, who) for name in STEPS for who in persons]
        likely = [pair for pair in pairs if _possible(model, *pair, flag)]
        name, who = dice.choice(likely if likely and dice.random() < 0.6 else pairs)
        await walk.step(name, who, flag)
        states.add(model.state)
        if number % 4 == 3:
            await walk.check()
    await walk.check()
    return states | {model.measure}


def _possible(model: Model, name: str, who: str, flag: bool) -> bool:
    """Whether this person could take this step now; asked of a copy."""
    copy = Model(**(vars(model) | {"release": dict(model.release)}))
    return bool(getattr(copy, name)(who, flag))


async def _walks(
    api_for: ApiFor, database: Database, world: World, seeds: range, steps: int
) -> set[str]:
    persons = {name: await api_for(name) for name in ("UNDP", "UNDP_REVIEWER", "UNDP_APPROVER")}
    persons["UNDP_SAO4"] = await fourth(api_for, database, world)
    stranger, states = await api_for("WFP"), set()

    async def full() -> tuple[Case, Model]:
        return await Case.open(api_for), Model()

    async def recorded() -> tuple[Case, Model]:
        partner = (await full())[0].partner
        made = await persons["UNDP"].made(RECORDED, record_body(partner))
        return Case(api_for, "UNDP", made), Model(state="RECORDED", sent=True)

    for seed in seeds:
        start = recorded if seed % 5 == 4 else full
        states |= await _walk(start, persons, stranger, seed, steps)
    return states


async def test_every_order_of_steps_keeps_the_gates(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    states = await _walks(api_for, operator_database, world, range(10), 16)
    # The walks came somewhere.
    assert states >= {"DISMISSED", "IMPOSED", "ACTIVE"}


@pytest.mark.drill
@pytest.mark.timeout(1_800)
async def test_every_order_of_steps_keeps_the_gates_at_length(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    states = await _walks(api_for, operator_database, world, range(100, 220), 36)
    assert states >= {"DISMISSED", "IMPOSED", "WITHDRAWN", "ACTIVE", "LIFTED", "RELEASED"}
