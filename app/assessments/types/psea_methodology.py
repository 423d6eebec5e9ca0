"""Editions of the PSEA tools as data: standards, points, cut-offs, kinds of evidence."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.assessments.types.base import Methodology, RatingLevel, Value

ItemCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z_]{0,49}$")]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Rule):
    """A code and what it means."""

    code: ItemCode
    text: str


class Standard(_Rule):
    """One standard of the tool; one that may be left out is left out for want of sub-partners."""

    number: int = Field(ge=1)
    code: str
    text: str
    na_allowed: bool = False
    evidence: tuple[ItemCode, ...]


class Band(_Rule):
    """From ``min_points`` on, the result is ``value``."""

    min_points: int = Field(ge=0)
    value: Value
    level: RatingLevel


class CutOffs(_Rule):
    """Bands, best first, for one number of applicable standards."""

    applicable: int = Field(ge=1)
    bands: tuple[Band, ...] = Field(min_length=1)


class SpecialRating(_Rule):
    """A result that is judged, not computed."""

    value: Value
    level: RatingLevel | None
    text: str


class PseaMethodology(Methodology):
    """Standards, points, cut-offs and special ratings of one edition of the tool."""

    results: dict[str, int] = Field(min_length=1, description="points of each result")
    standards: tuple[Standard, ...] = Field(min_length=1)
    cut_offs: tuple[CutOffs, ...] = Field(min_length=1)
    special_ratings: tuple[SpecialRating, ...] = ()
    evidence: tuple[Item, ...] = ()
    local_reasons: tuple[Item, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        count = len(self.standards)
        if [item.number for item in self.standards] != list(range(1, count + 1)):
            raise ValueError("standards are numbered from 1 without gap")
        optional = sum(item.na_allowed for item in self.standards)
        wanted = list(range(count, count - optional - 1, -1))
        if [item.applicable for item in self.cut_offs] != wanted:
            raise ValueError("there are cut-offs for each number of applicable standards")
        for item in self.cut_offs:
            floors = [band.min_points for band in item.bands]
            if floors != sorted(set(floors), reverse=True):
                raise ValueError("bands fall strictly")
            if floors[-1] != item.applicable * min(self.results.values()):
                raise ValueError("the worst band begins at the fewest points there can be")
            if floors[0] > item.applicable * max(self.results.values()):
                raise ValueError("the best band can be reached")
        if {code for item in self.standards for code in item.evidence} != set(self.kinds()):
            raise ValueError("every kind of evidence is of a standard, and none is unknown")
        return self

    def kinds(self) -> list[str]:
        """Codes of all kinds of evidence."""
        return [item.code for item in self.evidence]

    def levels(self) -> dict[str, RatingLevel | None]:
        """Level of every value a report may state."""
        bands: dict[str, RatingLevel | None] = {
            band.value: band.level for item in self.cut_offs for band in item.bands
        }
        return bands | {item.value: item.level for item in self.special_ratings}
