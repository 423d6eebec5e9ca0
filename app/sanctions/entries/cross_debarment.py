"""Would a debarment be enforced under an agreement between institutions? Pure.

The conditions are data (data/cross_debarment.yaml). What is not known counts as not met: nobody
is kept out on a condition that nobody could check.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.core import datafiles
from app.core.clock import add_months


class Conditions(BaseModel):
    """One agreement's conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    confirmed: bool
    practices: frozenset[str]
    more_than_months: int
    public: bool
    within_years_of_practice: int
    original: bool
    original_confirmed: bool
    measures: frozenset[str]


class ListedReading(BaseModel):
    """How the measures that external lists publish are read: words to codes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: frozenset[str]
    source: str
    confirmed: bool
    agreement: str
    public: bool
    measures: dict[str, str]
    practices: dict[str, str]
    derived: tuple[str, ...]


class CrossDebarment(BaseModel):
    """All agreements of one version, and the lists that are weighed by them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    sets: dict[str, Conditions]
    listed: tuple[ListedReading, ...]


AGREEMENTS = CrossDebarment.model_validate(
    datafiles.read("app.sanctions", "data/cross_debarment.yaml")
)


@dataclass(frozen=True, slots=True)
class Debarment:
    """What is asked of a measure, of an agency or of a published list. None: not known.

    ``effective_to`` None with ``effective_from`` known: without an end. ``original``: not taken
    over from another institution's or a national decision.
    """

    measure: str
    practices: Collection[str]
    effective_from: date | None
    effective_to: date | None
    public: bool
    decided_on: date | None
    practice_ended_on: date | None
    original: bool | None


def unmet(debarment: Debarment, agreement: str) -> list[str]:
    """Codes of the conditions that are not met, in the order of the agreement; empty: enforced.

    Codes: NOT_A_DEBARMENT, PRACTICE, PERIOD, PUBLIC, TOO_LATE, NOT_ORIGINAL. Raises KeyError for
    an agreement that there is not.
    """
    wanted = AGREEMENTS.sets[agreement]
    found = {
        "NOT_A_DEBARMENT": debarment.measure in wanted.measures,
        "PRACTICE": bool(wanted.practices & set(debarment.practices)),
        "PERIOD": _long_enough(debarment, wanted.more_than_months),
        "PUBLIC": debarment.public or not wanted.public,
        "TOO_LATE": _in_time(debarment, wanted.within_years_of_practice),
        "NOT_ORIGINAL": debarment.original is True or not wanted.original,
    }
    return [code for code, met in found.items() if not met]


def weighed(debarment: Debarment, agreement: str) -> dict[str, Any]:
    """Whether it would be enforced, as it is served: conditions that are not met, and which of them
    only because what they ask is not known. Raises KeyError as `unmet`.
    """
    failed = unmet(debarment, agreement)
    open_questions = {
        "PRACTICE": not debarment.practices,
        "PERIOD": debarment.effective_from is None,
        "TOO_LATE": None in (debarment.decided_on, debarment.practice_ended_on),
        "NOT_ORIGINAL": debarment.original is None,
    }
    unknown = [code for code in failed if open_questions.get(code)]
    return {
        "agreement": agreement,
        "satisfied": not failed,
        "unmet": failed,
        "unknown": unknown,
    }


def weighed_listed(source: str, measures: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same of each measure of a listed party, as far as its list carries the facts; of a list
    that no agreement is about, nothing.
    """
    readings = [one for one in AGREEMENTS.listed if source in one.sources]
    return [
        weighed(_listed(reading, measure), reading.agreement) | {"measure": number}
        for reading in readings
        for number, measure in enumerate(measures)
    ]


def _listed(reading: ListedReading, measure: Mapping[str, Any]) -> Debarment:
    said = str(measure.get("measure") or "").lower()
    grounds = f"{measure.get('programme') or ''} {measure.get('grounds') or ''}".lower()
    codes = [code for word, code in reading.measures.items() if word in said]
    derived = any(word in f"{said} {grounds}" for word in reading.derived)
    until = measure.get("until")
    # A list that gives no last day, and does not say that there is none, gives no period.
    period = bool(until) or bool(measure.get("indefinite"))
    since = measure.get("since") if period else None
    return Debarment(
        measure=codes[0] if codes else "",
        practices=[code for word, code in reading.practices.items() if word in grounds],
        effective_from=date.fromisoformat(str(since)) if since else None,
        effective_to=date.fromisoformat(str(until)) if until else None,
        public=reading.public,
        decided_on=None,
        practice_ended_on=None,
        original=False if derived else bool(measure.get("imposed_by")) or None,
    )


def _long_enough(debarment: Debarment, months: int) -> bool:
    if debarment.effective_from is None:
        return False
    if debarment.effective_to is None:
        return True
    # Its last day is part of it: a year from 1 March lasts until the last of February.
    return debarment.effective_to >= add_months(debarment.effective_from, months)


def _in_time(debarment: Debarment, years: int) -> bool:
    if debarment.decided_on is None or debarment.practice_ended_on is None:
        return False
    return debarment.decided_on <= add_months(debarment.practice_ended_on, 12 * years)
