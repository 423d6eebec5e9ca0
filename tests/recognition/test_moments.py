"""When an answer may be another by itself: over the whole book of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from app.recognition.decide import Facts, Verdict, decide
from app.recognition.moments import SOON, first_moment
from app.recognition.reading import facts_on
from tests.recognition.cases import Case, cases

BOOK = cases()


def at(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


@pytest.mark.parametrize("case", BOOK, ids=lambda case: case.name)
def test_nothing_changes_by_itself_before_the_first_moment(case: Case) -> None:
    facts, given = case.facts, decide(case.facts)
    moment = first_moment(facts, at(facts.today), at(facts.today))
    if facts.stale_sources and {"index", "people"} & {*facts.stale_sources}:
        assert moment == at(facts.today) + SOON
        return
    last = facts.today + timedelta(days=20_000) if moment is None else moment.date()
    before = facts.today if moment is None else last - timedelta(days=1)
    for day in (facts.today, before, last if moment is None else before):
        again = decide(facts_on(facts, day))
        # When a waiver would end moves with the day, and means the same.
        assert (again.outcome, alone(again)) == (given.outcome, alone(given)), day
    assert moment is None or moment > at(facts.today)


def alone(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [(one["code"], one["source"], one["detail"]["alone"]) for one in verdict.reasons]


def good() -> Facts:
    return next(case.facts for case in BOOK if case.name == "nothing adverse is known")


def test_the_good_partner_is_not_good_for_ever() -> None:
    facts = good()
    found, days = [decide(facts).outcome], []
    for _ in range(20):
        moment = first_moment(facts, at(facts.today), at(facts.today))
        if moment is None:
            break
        days.append(moment.date())
        facts = facts_on(facts, moment.date())
        found.append(decide(facts).outcome)
    assert days == sorted({*days})
    assert (found[0], found[-1]) == ("CLEAR", "REFER")
    assert "CLEAR" not in found[found.index("REFER") :]


def test_a_certificate_that_ends_is_a_moment() -> None:
    facts = good()
    assert facts.partner is not None
    soon = facts.today + timedelta(days=3)
    ends = {**facts.partner, "registration": {"state": "valid", "until": soon.isoformat()}}
    facts = replace(facts, partner=ends)
    moment = first_moment(facts, at(facts.today), at(facts.today))
    assert moment == datetime.combine(soon + timedelta(days=1), time(), UTC)
    later = decide(facts_on(facts, moment.date()))
    assert [one["code"] for one in later.reasons] == ["REGISTRATION_EXPIRED"]
    assert decide(facts_on(facts, soon)).outcome == "CLEAR"


def test_the_longer_it_waits_the_later_it_is_asked_again() -> None:
    facts = replace(good(), stale_sources=["people"])
    asked = at(facts.today)
    assert first_moment(facts, asked, asked) == asked + SOON
    later = asked + timedelta(hours=1)
    assert first_moment(facts, asked, later) == later + timedelta(hours=1)
