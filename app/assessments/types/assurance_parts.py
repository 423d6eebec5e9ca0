"""What audits, spot checks, special audits and programmatic visits have in common.

A finding says what is wrong, how much it matters, perhaps how much money it is about and what of
that is settled. Nothing of a finding may stay negative: what is still unsupported is the amount
less what was refunded, documented, justified and written off.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import pycountry
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from app.assessments.types.base import (
    AssessmentType,
    D,
    Methodology,
    Reason,
    Reported,
    Value,
    error,
)
from app.core import datafiles
from app.core.errors import FieldError
from app.core.schemas import Day, Line, Money, Schema

ZERO = Decimal("0.00")
Priority = Literal["HIGH", "MEDIUM", "LOW"]
ResolutionKind = Literal[
    "amount_refunded", "additional_documentation_provided", "justification_accepted", "write_off"
]
KINDS: tuple[ResolutionKind, ...] = (
    "amount_refunded",
    "additional_documentation_provided",
    "justification_accepted",
    "write_off",
)


def _currency(code: str) -> str:
    if pycountry.currencies.get(alpha_3=code) is None:
        raise ValueError("is not a currency code of ISO 4217")
    return code


def _exchange_rate(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _RATE.match(value) or not Decimal(value):
        raise ValueError('must be a decimal string above 0 such as "129.25"')
    return Decimal(value)


_RATE = re.compile(r"\A[0-9]{1,10}(\.[0-9]{1,10})?\Z")
Currency = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    AfterValidator(_currency),
    Field(examples=["KES"]),
]
ExchangeRate = Annotated[
    Decimal,
    BeforeValidator(_exchange_rate),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,10}(\.\d{1,10})?$"}),
]
Year = Annotated[int, Field(strict=True, ge=1990, le=2199, examples=[2025])]


class Amount(Schema):
    """Money in US dollars, and as it was in the partner's books."""

    usd: Money = Field(examples=["1250.00"])
    local: Money | None = Field(
        None, description="in `currency` of the detail", examples=["161562.50"]
    )


class FacePeriod(Schema):
    """The period of the funding authorisation and certificate of expenditures (FACE)."""

    start: Day = Field(examples=["2025-01-01"])
    end: Day = Field(examples=["2025-12-31"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError("the period ends before it starts")
        return self


class Resolution(Schema):
    """What of a finding's money was settled when the report was made."""

    amount_refunded: Amount | None = None
    additional_documentation_provided: Amount | None = None
    justification_accepted: Amount | None = None
    write_off: Amount | None = None

    def parts(self) -> list[tuple[ResolutionKind, Amount]]:
        """Each kind that has an amount."""
        given = ((kind, getattr(self, kind)) for kind in KINDS)
        return [(kind, amount) for kind, amount in given if amount is not None]


class FollowUp(Schema):
    """What the report recommends and what was agreed on it."""

    reference: Line | None = Field(None, description="number in the report", examples=["2.1"])
    recommendation: Reason | None = None
    agreed_action: Reason | None = None
    responsible: Line | None = Field(
        None, description="office or role that is to act", examples=["Finance manager"]
    )
    due_on: Day | None = Field(None, description="deadline of the action", examples=["2026-09-30"])
    partner_response: Reason | None = Field(None, description="as printed in the report")


class MoneyFollowUp(FollowUp):
    """A finding that may be about money."""

    amount: Amount | None = None
    resolution: Resolution | None = None


class AssuranceDetail(Reported):
    """What the four kinds say alike."""

    year: Year | None = Field(None, description="year that the activity counts for")
    currency: Currency | None = Field(None, description="of every `local` amount")
    exchange_rate: ExchangeRate | None = Field(
        None, description="units of `currency` for one US dollar", examples=["129.25"]
    )
    rate_date: Day | None = Field(None, description="day of the exchange rate")

    @model_validator(mode="before")
    @classmethod
    def _computed_anew(cls, value: Any) -> Any:
        # A stored detail shows its totals; what is sent is never believed.
        if isinstance(value, dict):
            return {name: item for name, item in value.items() if name != "totals"}
        return value


class Totals(Schema):
    """Money of all findings as of the report, computed; in US dollars."""

    findings_usd: Money
    amount_refunded_usd: Money
    additional_documentation_provided_usd: Money
    justification_accepted_usd: Money
    write_off_usd: Money
    pending_unsupported_usd: Money
    percent: Annotated[Decimal, PlainSerializer(str, return_type=str, when_used="json")] | None = (
        Field(description="findings of the expenditure audited or tested; 0 where that is 0")
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a complete detail, for its follow-up; ``part`` and ``position`` say where."""

    part: str
    position: int
    code: str
    priority: Priority
    follow_up: FollowUp
    description: str | None = None

    @property
    def _money(self) -> MoneyFollowUp | None:
        return self.follow_up if isinstance(self.follow_up, MoneyFollowUp) else None

    @property
    def amount_usd(self) -> Decimal:
        """What the finding is about; zero where it is not about money."""
        money = self._money
        return money.amount.usd if money and money.amount else ZERO

    @property
    def settled(self) -> list[tuple[ResolutionKind, Decimal]]:
        """What was settled when the report was made, by kind."""
        money = self._money
        parts = money.resolution.parts() if money and money.resolution else []
        return [(kind, amount.usd) for kind, amount in parts if amount.usd]

    @property
    def pending_usd(self) -> Decimal:
        """What was still unsupported when the report was made."""
        return self.amount_usd - sum((usd for _, usd in self.settled), ZERO)


def totals(found: Iterable[Found], base: Amount | None) -> Totals:
    """Sums over findings; ``base`` is the expenditure of which they are a part."""
    items = list(found)
    by_kind = {
        kind: sum((usd for one in items for name, usd in one.settled if name == kind), ZERO)
        for kind in KINDS
    }
    findings = sum((one.amount_usd for one in items), ZERO)
    return Totals(
        findings_usd=findings,
        **{f"{kind}_usd": usd for kind, usd in by_kind.items()},
        pending_unsupported_usd=findings - sum(by_kind.values(), ZERO),
        percent=None if base is None else percent(findings, base.usd),
    )


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """100 x part / whole to two places; 0 where there is no whole."""
    if not whole:
        return ZERO
    return (100 * part / whole).quantize(Decimal("0.01"), ROUND_HALF_UP)


class _Band(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Value
    up_to: Decimal | None = None


class Bands(BaseModel):
    """Steps in which an amount is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    bands: tuple[_Band, ...]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        steps = [band.up_to for band in self.bands]
        limits = [step for step in steps if step is not None]
        if steps[-1] is not None or len(limits) != len(steps) - 1 or limits != sorted(set(limits)):
            raise ValueError("bands rise strictly, and the last has no limit")
        return self

    def of(self, amount: Decimal) -> str:
        """The band of an amount."""
        return next(band.code for band in self.bands if band.up_to is None or amount <= band.up_to)


BANDS = Bands.model_validate(datafiles.read("app.assessments.types", "unsupported_bands.yaml"))


class Coded(BaseModel):
    """A code of a methodology, with the registry's own short wording."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Value
    text: str


class AssuranceMethodology(Methodology):
    """What every methodology of an assurance activity says: its results, which have no level."""

    results: tuple[Coded, ...] = Field(min_length=1)

    def result_codes(self) -> set[str]:
        """Codes of the results."""
        return {item.code for item in self.results}


AM = TypeVar("AM", bound=AssuranceMethodology)


class AssuranceType(AssessmentType[D, AM]):
    """An assurance activity: each stands for itself, and its findings are followed up."""

    family = "ASSURE"
    current_per: ClassVar[Literal["type", "methodology"] | None] = None

    @abstractmethod
    def found(self, detail: D) -> list[Found]:
        """The findings of a complete detail; none of a result reported from elsewhere."""


def summary(detail: AssuranceDetail, found: Sequence[Found], **more: Any) -> dict[str, Any]:
    """What every agency is told of an activity: counts and a band, never amounts.

    Of a result reported from elsewhere nothing is known but the result: null, not zero.
    """
    known = detail.reported_value is None
    high = sum(1 for one in found if one.priority == "HIGH")
    pending = sum((one.pending_usd for one in found), ZERO)
    return {
        **more,
        "year": detail.year,
        "open_high_findings": high if known else None,
        "pending_unsupported_band": BANDS.of(pending) if known else None,
    }


# ------------------------------------------------------------------------------------- checks


def one_form(
    detail: AssuranceDetail, own: Sequence[str], needed: Sequence[str], final: bool
) -> list[FieldError]:
    """The report's own contents (fields ``own``, of which ``needed``), or a reported result."""
    errors = []
    given = [name for name in own if getattr(detail, name) is not None]
    if detail.reported_value is not None:
        errors += [
            error(f"/detail/{name}", "not_expected", "a reported result has no contents")
            for name in given
        ]
        needed = ("report_reference", "year")
    elif detail.report_reference is not None:
        errors.append(
            error("/detail/report_reference", "not_expected", "belongs to reported_value only")
        )
    if final:
        errors += [
            error(f"/detail/{name}", "missing", "a final record needs it")
            for name in needed
            if getattr(detail, name) is None
        ]
    return errors


def by_priority(found: Sequence[Found]) -> str:
    """The result of an activity that has no opinion."""
    return "HIGH_FINDINGS" if any(one.priority == "HIGH" for one in found) else "NO_HIGH_FINDINGS"


def known(pointer: str, value: str | None, codes: Iterable[str]) -> list[FieldError]:
    """A code that the methodology has, or none."""
    if value is None or value in codes:
        return []
    return [error(pointer, "unknown_value", "the methodology has no such code")]


def money(detail: AssuranceDetail, amounts: Iterable[Amount | None]) -> list[FieldError]:
    """A local amount says in which currency it is, and at which rate."""
    if all(amount is None or amount.local is None for amount in amounts):
        return []
    return [
        error(f"/detail/{name}", "missing", "local amounts need it")
        for name in ("currency", "exchange_rate")
        if getattr(detail, name) is None
    ]


def settled(where: str, items: Sequence[MoneyFollowUp]) -> list[FieldError]:
    """No finding is settled by more than it is about, in US dollars and in local money."""
    errors = []
    for position, item in enumerate(items):
        parts = [amount for _, amount in item.resolution.parts()] if item.resolution else []
        pointer = f"{where}/{position}/resolution"
        if parts and item.amount is None:
            errors.append(error(pointer, "no_amount", "there is no amount to settle"))
        elif item.amount is not None and _exceeds(item.amount, parts):
            message = "more is settled than the finding is about"
            errors.append(error(pointer, "exceeds_finding", message))
    return errors


def _exceeds(amount: Amount, parts: Sequence[Amount]) -> bool:
    local = sum((part.local for part in parts if part.local is not None), ZERO)
    beyond = amount.local is not None and local > amount.local
    return beyond or sum((part.usd for part in parts), ZERO) > amount.usd


def amounts_of(items: Iterable[MoneyFollowUp]) -> Iterator[Amount | None]:
    """Every amount of these findings."""
    for item in items:
        yield item.amount
        if item.resolution:
            yield from (amount for _, amount in item.resolution.parts())
