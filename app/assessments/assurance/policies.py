"""Thresholds and minimums of assurance: versioned data, a file for each agency (policies/*.yaml).

An agency's file need not say everything: what it leaves out is taken from the common default. Each
section carries its own source, and whether that was read or only remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.core import datafiles
from app.core.schemas import Money
from app.partners.types import PartnerType

FOLDER = Path(__file__).parent / "policies"
DEFAULT = "default"
"""What the common policy is called where an agency's code would stand."""
FIRST_YEAR, LAST_YEAR = 2014, 2100
RiskRow = Literal["low", "moderate", "high"]
ROWS: tuple[RiskRow, ...] = ("low", "moderate", "high")
"""From the lowest risk to the highest."""
Small = Annotated[int, Field(strict=True, ge=0, le=99)]
Value = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,63}$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Section(_Data):
    """Facts of one source."""

    source: str
    confirmed: bool
    note: str | None = None


S = TypeVar("S", bound=Section)


class Exempt(Section):
    partner_types: tuple[PartnerType, ...]


class Validity(Section):
    months: Annotated[int, Field(ge=1, le=240)]
    ends_with_cycle: bool


class Micro(Section):
    threshold_usd: Money
    approaching_usd: Money | None
    basis: Literal["per_year", "per_cycle"]
    aggregate: Literal["own", "all_agencies"]
    not_assessments: tuple[Value, ...]


class Risk(Section):
    values: dict[RiskRow, tuple[Value, ...]]
    levels: dict[RiskRow, tuple[Literal["LOW", "MODERATE", "SIGNIFICANT", "HIGH"], ...]]
    unknown_above_usd: Money
    unknown_row: RiskRow
    not_assessed_above_threshold: RiskRow | None
    accept_reported: bool

    def row_of(self, value: str | None, level: str | None) -> RiskRow | None:
        """The row of the table for a rating, None for one that says no risk."""
        for table, said in ((self.values, value), (self.levels, level)):
            for row in ROWS:
                if said in table.get(row, ()):
                    return row
        return None


class Band(_Data):
    """Visits for an amount of cash: more than ``above``, and not more than ``up_to``."""

    above: Money | None
    up_to: Money | None
    low: Small
    moderate: Small
    high: Small

    def holds(self, amount: Decimal) -> bool:
        """Whether the amount is of this band."""
        return (self.above is None or amount > self.above) and (
            self.up_to is None or amount <= self.up_to
        )


class Headquarters(Section):
    """Of which types a result of the headquarters counts for country profiles without one."""

    partner_types: tuple[PartnerType, ...]
    types: tuple[Literal["psea"], ...]
    not_values: tuple[Value, ...]
    unless: tuple[Value, ...] = Field(min_length=1)


class Visits(Section):
    bands: tuple[Band, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _without_gaps(self) -> Self:
        if self.bands[0].above is not None or self.bands[-1].up_to is not None:
            raise ValueError("the first band begins at nothing, the last one has no end")
        for lower, upper in pairwise(self.bands):
            if lower.up_to is None or upper.above != lower.up_to:
                raise ValueError("each band begins where the one before ends")
            if upper.up_to is not None and upper.up_to <= lower.up_to:
                raise ValueError("bands rise")
        return self

    def band(self, amount: Decimal) -> Band:
        """The one band of this amount."""
        return next(band for band in self.bands if band.holds(amount))


class SpotChecks(Section):
    liquidations_above_usd: Money
    minimum: Small
    not_when_values: tuple[Value, ...]
    not_with_scheduled_audit: bool


class Audits(Section):
    threshold_usd: Money
    per: Literal["cycle", "year"]
    minimum: Small
    planned_are_required: bool


class Policy(_Data):
    """One version of an agency's policy, or of the common default (``agency`` null)."""

    agency: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,15}$")] | None
    title: str
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.-]{1,20}$")]
    effective_from: date
    effective_to: date | None
    dates_confirmed: bool
    exempt: Exempt | None = None
    validity: Validity | None = None
    micro_assessment: Micro | None = None
    risk: Risk | None = None
    headquarters: Headquarters | None = None
    programmatic_visits: Visits | None = None
    spot_checks: SpotChecks | None = None
    audits: Audits | None = None

    @property
    def name(self) -> str:
        """Whose policy it is."""
        return self.agency or DEFAULT

    def covers(self, day: date) -> bool:
        """Whether it was in force on this day."""
        return self.effective_from <= day <= (self.effective_to or date.max)

    @model_validator(mode="after")
    def _default_is_whole(self) -> Self:
        if self.agency is None and None in (getattr(self, name) for name in SECTIONS):
            raise ValueError("the common default has every section")
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("it ends before it begins")
        return self


SECTIONS = (
    *("exempt", "validity", "micro_assessment", "risk", "headquarters"),
    *("programmatic_visits", "spot_checks", "audits"),
)


class Rules:
    """What holds for an agency in a year: each section, and which policy it is from."""

    def __init__(self, own: Policy | None, common: Policy) -> None:
        self.policy = own or common
        self._common = common

    def origin(self, name: str) -> Policy:
        """The policy that a section is from."""
        return self.policy if getattr(self.policy, name) is not None else self._common

    def _section(self, name: str, kind: type[S]) -> S:
        found = getattr(self.origin(name), name)
        assert isinstance(found, kind)  # the common default has every section
        return found

    @cached_property
    def exempt(self) -> Exempt:
        return self._section("exempt", Exempt)

    @cached_property
    def validity(self) -> Validity:
        return self._section("validity", Validity)

    @cached_property
    def micro(self) -> Micro:
        return self._section("micro_assessment", Micro)

    @cached_property
    def risk(self) -> Risk:
        return self._section("risk", Risk)

    @cached_property
    def headquarters(self) -> Headquarters:
        return self._section("headquarters", Headquarters)

    @cached_property
    def visits(self) -> Visits:
        return self._section("programmatic_visits", Visits)

    @cached_property
    def spot_checks(self) -> SpotChecks:
        return self._section("spot_checks", SpotChecks)

    @cached_property
    def audits(self) -> Audits:
        return self._section("audits", Audits)


def load(folder: Path = FOLDER) -> tuple[Policy, ...]:
    """Every version of every agency's policy. Raises ValueError for data that is wrong: a bad
    file, two versions of one agency on one day, a year without a common default."""
    found = tuple(
        Policy.model_validate(datafiles.parse(path.read_text("utf-8")))
        for path in sorted(folder.glob("*.yaml"))
    )
    by_agency: dict[str, list[Policy]] = {}
    for policy in sorted(found, key=lambda one: one.effective_from):
        by_agency.setdefault(policy.name, []).append(policy)
    for name, versions in by_agency.items():
        for earlier, later in pairwise(versions):
            if (earlier.effective_to or date.max) >= later.effective_from:
                raise ValueError(f"two policies of {name} on {later.effective_from}")
        if len({one.version for one in versions}) < len(versions):
            raise ValueError(f"two policies of {name} with one version")
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        _in_force(by_agency.get(DEFAULT, ()), year, DEFAULT)
    return found


def _in_force(versions: Iterable[Policy], year: int, name: str) -> Policy:
    for policy in versions:
        if policy.covers(date(year, 1, 1)):
            return policy
    raise ValueError(f"no policy of {name} for {year}")


def rules_for(policies: Iterable[Policy], agency: str, year: int) -> Rules:
    """What holds for an agency (its code) in a year: as of its first of January."""
    versions = tuple(policies)
    day = date(year, 1, 1)
    own = [one for one in versions if one.agency == agency and one.covers(day)]
    common = _in_force((one for one in versions if one.agency is None), year, DEFAULT)
    return Rules(own[0] if own else None, common)


POLICIES = load()
"""Every version, read once."""


class Reasons(_Data):
    """Codes of why an activity was put off or given up."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    reasons: dict[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], str]


REASONS = Reasons.model_validate(datafiles.read("app.assessments.assurance", "reasons.yaml"))
