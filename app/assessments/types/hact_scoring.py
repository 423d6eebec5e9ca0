"""Questionnaires of HACT micro-assessments as data, and how answers become a rating.

All arithmetic is exact: at a cut-off a rounded score would give another rating.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.assessments.types.base import Methodology, RatingLevel, Value

MAX_ANSWER = 4
QuestionCode = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Z0-9][A-Z0-9.]{0,7}$"), Field(examples=["A1"])
]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Rule):
    """A heading within an area; ratings are by area."""

    code: str
    title: str


class Area(_Rule):
    """A chapter of the questionnaire, with a rating of its own."""

    code: str
    title: str
    parts: tuple[Part, ...] = ()


class Question(_Rule):
    """One question: what holds at low risk, in the registry's own words."""

    code: QuestionCode
    area: str
    part: str | None = None
    key: bool = False
    key_confirmed: bool = Field(True, description="false: sources differ, or it is from memory")
    text: str


class Band(_Rule):
    """Below this share of the range the result is ``value``; the last band has no end."""

    below: Decimal | None = Field(gt=0, lt=1)
    value: Value


class Weights(_Rule):
    """What an answer of 2 and more counts, by question; an answer of 1 always counts 1."""

    key: int = Field(ge=1)
    other: int = Field(ge=1)


class Scoring(_Rule):
    """How a score becomes a rating.

    The score is points by applicable question. The range it is measured in begins at 1 and ends,
    by `formula`, at the highest score that these questions can reach with their weights, or at
    the highest answer, whatever the weights.
    """

    formula: Literal["share_of_reachable_range", "share_of_answer_range"]
    weights: Weights
    bands: tuple[Band, ...] = Field(min_length=1)


class Step(_Rule):
    """A value of the scheme's own scale."""

    value: Value
    level: RatingLevel | None


class Basis(_Rule):
    """What a rating without questionnaire may rest on, and which ratings it may give."""

    code: Value
    text: str
    values: tuple[Value, ...] = Field(min_length=1)
    needs_report: bool = False


class HactMethodology(Methodology):
    """A questionnaire with its scoring; or a scale alone, for reported or judged results."""

    basis: Value | None = Field(None, description="what its results rest on")
    scoring: Scoring | None = None
    scale: tuple[Step, ...] = Field(min_length=1)
    areas: tuple[Area, ...] = ()
    questions: tuple[Question, ...] = ()
    bases: tuple[Basis, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.scoring is None) != (not self.questions) or bool(self.bases) == bool(self.basis):
            raise ValueError("a questionnaire has scoring; a basis is given once or chosen")
        _unique("questions", [item.code for item in self.questions])
        _unique("areas", [item.code for item in self.areas])
        _unique("bases", [item.code for item in self.bases])
        _unique("scale", [item.value for item in self.scale])
        places = {(area.code, part) for area in self.areas for part in _parts(area)}
        if {(item.area, item.part) for item in self.questions} != places:
            raise ValueError("every area and part has questions, and every question its place")
        bands = self.scoring.bands if self.scoring else ()
        ends = [band.below for band in bands[:-1] if band.below is not None]
        gaps = len(ends) != max(0, len(bands) - 1) or (bands and bands[-1].below is not None)
        if gaps or ends != sorted(set(ends)):
            raise ValueError("bands rise strictly, and only the last has no end")
        used = {band.value for band in bands} | {v for item in self.bases for v in item.values}
        if not used <= set(self.levels()):
            raise ValueError("a value is not on the scale")
        return self

    def levels(self) -> dict[str, RatingLevel | None]:
        """Level of every value of the scale."""
        return {item.value: item.level for item in self.scale}


def _unique(name: str, codes: list[str]) -> None:
    if len(set(codes)) != len(codes):
        raise ValueError(f"{name} repeat a code")


def _parts(area: Area) -> list[str | None]:
    return [part.code for part in area.parts] or [None]


@dataclass(frozen=True, slots=True)
class Score:
    """What answers to some questions add up to."""

    applicable: int
    applicable_key: int
    points: int

    @property
    def value(self) -> Fraction:
        """Points by applicable question, exact. There must be one."""
        return Fraction(self.points, self.applicable)


def score(questions: Iterable[Question], answers: Mapping[str, int], weights: Weights) -> Score:
    """Add up the answers to ``questions``; what is not applicable does not count at all."""
    applicable = key = points = 0
    for question in questions:
        value = answers[question.code]
        if value == 0:
            continue
        weight = weights.key if question.key else weights.other
        applicable += 1
        key += question.key
        points += value if value == 1 else value * weight
    return Score(applicable, key, points)


def cut_offs(found: Score, scoring: Scoring) -> list[tuple[str, Fraction | None]]:
    """Each rating with the score below which it is given, for what was applicable."""
    top = Fraction(MAX_ANSWER)
    if scoring.formula == "share_of_reachable_range":
        others = found.applicable - found.applicable_key
        weighted = scoring.weights.key * found.applicable_key + scoring.weights.other * others
        top = Fraction(MAX_ANSWER * weighted, found.applicable)
    return [
        (band.value, None if band.below is None else 1 + Fraction(band.below) * (top - 1))
        for band in scoring.bands
    ]


def rating_of(found: Score, scoring: Scoring) -> str | None:
    """The value of the first band that the score lies below; None if nothing was applicable."""
    if found.applicable == 0:
        return None
    return next(
        value for value, below in cut_offs(found, scoring) if below is None or found.value < below
    )


def explained(found: Score, methodology: HactMethodology) -> dict[str, Any]:
    """What was counted and how it became a rating, in words and figures for people."""
    assert methodology.scoring is not None
    value = rating_of(found, methodology.scoring)
    said: dict[str, Any] = {
        "applicable_questions": found.applicable,
        "applicable_key_questions": found.applicable_key,
        "points": found.points,
        "score": None,
        "value": value,
        "level": None if value is None else methodology.levels()[value],
    }
    if value is not None:
        said["score"] = _decimal(found.value)
        said["below"] = {
            name: _decimal(end) for name, end in cut_offs(found, methodology.scoring) if end
        }
    return said


def _decimal(value: Fraction) -> str:
    """For people to read, to five places; the rating follows from the exact fraction."""
    return str((Decimal(value.numerator) / value.denominator).quantize(Decimal("0.00001")))
