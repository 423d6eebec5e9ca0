"""Base classes and field types of everything that crosses the wire.

Input types refuse what security.md 7.3 measured as harmful: control characters, lone
surrogates, bidirectional controls, coerced booleans and numbers, naive or extreme times.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from app.core.clock import rfc3339
from app.core.countries import parse_country

T = TypeVar("T")

# C0 and C1 controls but TAB and LF, surrogates, bidirectional controls, zero-width space and BOM.
# Zero-width joiner and non-joiner stay: Persian and Indic names need them.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\u200b\ufeff]"
)
# A run of combining marks long enough to hide text ("zalgo"); honest scripts stay below.
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]{5,}")
_DAY = re.compile(r"\A\d{4}-\d{2}-\d{2}\Z")
_INSTANT = re.compile(
    r"\A\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})\Z"
)
_MONEY = re.compile(r"\A\d{1,18}(\.\d{1,2})?\Z", re.ASCII)
_DIGITS = re.compile(r"\A-?\d{1,18}\Z", re.ASCII)


def _clean(value: str) -> str:
    if _FORBIDDEN.search(value):
        raise ValueError("contains a control character that is not allowed")
    if _MARKS.search(value):
        raise ValueError("contains too many combining marks in a row")
    # Stripped here: a length that a subtype adds is checked on what this returns.
    return value.strip()


def _keyed(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        # Its locations would repeat the keys that were sent.
        raise ValueError("has a key or a value that does not fit") from error


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.match(value):
        raise ValueError("must be a date as YYYY-MM-DD")
    day = date.fromisoformat(value)
    if not 1900 <= day.year <= 2199:
        raise ValueError("the year must lie between 1900 and 2199")
    return day


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str) or not _INSTANT.match(value):
        raise ValueError("must be an RFC 3339 date-time with an offset")
    if not 1900 < int(value[:4]) < 2199:
        raise ValueError("the year must lie between 1901 and 2198")
    return datetime.fromisoformat(value.upper()).astimezone(UTC)


def _money(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _MONEY.match(value):
        raise ValueError('must be a decimal string such as "250000.00"')
    try:
        return Decimal(value)
    except InvalidOperation as error:  # pragma: no cover - the pattern admits no such text
        raise ValueError("must be a decimal string") from error


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not _DIGITS.match(value):
        raise ValueError("must be a whole number in plain digits")
    return value


_SAFE_TEXT_SCHEMA = {"type": "string"}

Keyed = WrapValidator(_keyed)
"""For a dict whose keys the caller chooses: an error names the field, not what is in it."""
Text = Annotated[str, Strict(), AfterValidator(_clean)]
"""Any text a person may read; add StringConstraints for its length."""
Line = Annotated[Text, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Paragraph = Annotated[
    Text, StringConstraints(min_length=1, max_length=4_000, strip_whitespace=True)
]
Code = Annotated[str, Strict(), StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, le=2_147_483_647)]
Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"}, "validation")
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Money = Annotated[
    Decimal,
    BeforeValidator(_money),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,18}(\.\d{1,2})?$"}),
]
Country = Annotated[
    str,
    Strict(),
    AfterValidator(parse_country),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^([A-Za-z]{2}|[A-Za-z]{3}|[0-9]{3})$",
            "description": "ISO 3166-1 alpha-2, alpha-3 or UN M49; served as alpha-3",
        }
    ),
]
QueryInt = Annotated[int, BeforeValidator(_digits)]
"""A whole number in a query string: plain digits only, never ``1_000`` or `` 7``."""


class Schema(BaseModel):
    """Base of every wire shape: unknown fields refused, no infinities, attributes readable."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, from_attributes=True)


class Page(BaseModel, Generic[T]):
    """One page of a list; follow ``next_cursor`` until it is null."""

    items: list[T]
    next_cursor: str | None = Field(None, description="cursor of the next page, null on the last")


class TwoWayPage(Page[T]):
    """A page of a list that can be followed in both directions."""

    prev_cursor: str | None = Field(
        None, description="cursor of the page before, null on the first"
    )
