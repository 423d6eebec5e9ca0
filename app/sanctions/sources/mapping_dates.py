"""How a mapped list writes its dates."""

import re
from datetime import date
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.sanctions.sources.base import ListedDate

_TOKENS = {
    "%d": r"(?P<d>\d{1,2})",
    "%m": r"(?P<m>\d{1,2})",
    "%Y": r"(?P<Y>\d{4})",
    "%B": r"(?P<B>[^\W\d_]{1,20}\.?)",
    "%A": r"[^\W\d_]{1,20}",
}
_TOKEN = re.compile("%.|%$", re.DOTALL)
_MAX = 60
"""Characters of a date: a longer text is none."""


class DateRules(BaseModel):
    """Formats, names of months, and what stands for no end.

    %d day, %m month in digits, %Y year in four, %B month by its name in ``months``, %A a word that
    is passed over (the day of the week). All else stands for itself, whatever its case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    formats: tuple[Annotated[str, Field(min_length=2, max_length=40)], ...] = ("%Y-%m-%d",)
    months: dict[str, Annotated[int, Field(ge=1, le=12)]] = {}
    endless: tuple[str, ...] = ()
    far_year: int = Field(2900, ge=2100, le=9999)

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for text in formats:
            found = _TOKEN.findall(text)
            if unknown := [token for token in found if token not in _TOKENS]:
                raise ValueError(f"{unknown[0]} in {text}: only %d %m %Y %B %A are known")
            once = [token for token in found if token != "%A"]  # noqa: S105 - no password
            if len(once) != len(set(once)) or "%Y" not in found or {"%m", "%B"} <= set(found):
                raise ValueError(f"{text}: a year, and each part of a date at most once")
        return formats

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        found = []
        for text in self.formats:
            literal = _TOKEN.split(text)
            tokens = [*_TOKEN.findall(text), ""]
            pattern = "".join(
                re.escape(part) + _TOKENS.get(token, "")
                for part, token in zip(literal, tokens, strict=True)
            )
            found.append(re.compile(pattern, re.IGNORECASE))
        return tuple(found)

    @cached_property
    def _months(self) -> dict[str, int]:
        return {name.casefold(): number for name, number in self.months.items()}

    def _read(self, text: str) -> tuple[int, int | None, int | None] | None:
        """Year, month, day, as far as the first format that fits says them."""
        for pattern in self._patterns if len(text) <= _MAX else ():
            if match := pattern.fullmatch(text):
                parts = match.groupdict()
                named = parts.get("B")
                month = self._months.get(named.casefold()) if named else parts.get("m")
                if named and month is None:
                    continue
                day = parts.get("d")
                return int(parts["Y"]), int(month) if month else None, int(day) if day else None
        return None

    def day(self, text: str) -> date | None:
        """The day a text says; None if it says less than a day, or what no format reads."""
        read = self._read(text)
        try:
            return date(read[0], read[1], read[2]) if read and read[1] and read[2] else None
        except ValueError:
            return None

    def is_endless(self, text: str) -> bool:
        """Whether a text stands for no end: one of those named, or a year out of all reason."""
        read = self._read(text)
        named = text.casefold() in {word.casefold() for word in self.endless}
        return named or bool(read and read[0] >= self.far_year)

    def birth(self, text: str) -> ListedDate:
        """A date of birth, with a year or a month alone where no more is said."""
        read = self._read(text)
        if read is None or not 1800 <= read[0] < 2100:
            return ListedDate(type="", text=text)
        day = self.day(text)
        return ListedDate(
            type="EXACT" if day else "",
            on=day.isoformat() if day else None,
            year_from=read[0],
            year_to=read[0],
            note="" if day or not read[1] else text,
        )
