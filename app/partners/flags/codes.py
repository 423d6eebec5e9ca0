"""Periods, lengths and bases of flags: versioned data (codes.yaml) beside the code lists."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from app.core import codelists, datafiles

_CATEGORIES = tuple(item.code for item in codelists.current("flag_categories").items)
RISK_CATEGORIES = tuple(item.code for item in codelists.current("risk_categories").items)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Periods(_Data):
    """Months until a review, of a red flag, and the longest until a review."""

    review_months: int
    red_months: int
    longest_review_months: int


class Lengths(_Data):
    """Fewest characters of a flag's text, of its factual basis, and of a comment."""

    text: int
    basis: int
    comment: int


class FlagCodes(_Data):
    """One version of the rules; ``basis_kinds`` maps a code to its label in English."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    system_categories: tuple[str, ...]
    basis_kinds: dict[str, str]
    periods: Periods
    lengths: Lengths

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not set(_CATEGORIES) >= set(self.system_categories):
            raise ValueError("a system category is no category")
        return self

    @property
    def given_categories(self) -> tuple[str, ...]:
        """Categories that agencies give."""
        return tuple(code for code in _CATEGORIES if code not in self.system_categories)


CODES = FlagCodes.model_validate(datafiles.read("app.partners.flags", "codes.yaml"))
