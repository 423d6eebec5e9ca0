"""Policies and rating scales as data: their shapes, and the versions the product ships."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from app.sanctions.entries.cross_debarment import AGREEMENTS

Outcome = Literal["CLEAR", "CLEAR_WITH_CONDITIONS", "REFER", "BLOCKED"]
Requirement = Literal["SANCTIONS", "PSEA"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _agreement(value: str) -> str:
    if value not in AGREEMENTS.sets:
        raise ValueError("is no agreement that the registry knows")
    return value


class SanctionsRule(_Data):
    """What measures of other agencies, and measures that do not block, mean to this agency.

    ``auto_recognise``: the agreement (cross_debarment.yaml) whose conditions another agency's
    measure must meet to count as an own one; without, only single decisions do that.
    """

    other_agency_blocking: Literal["REFER", "BLOCKED"]
    conditions: Literal["CLEAR_WITH_CONDITIONS", "REFER"]
    auto_recognise: Annotated[str, AfterValidator(_agreement)] | None = None


class Gap(_Data):
    """What a missing requirement means, by context."""

    regular: Outcome
    emergency: Outcome


class AssessmentRule(_Data):
    """Which assessments satisfy a requirement; the first rule that applies decides."""

    accept_from: tuple[str, ...]
    methodologies: tuple[str, ...]
    max_age_months: int
    must_be_unexpired: bool
    max_risk: Literal["LOW", "MODERATE", "SIGNIFICANT", "HIGH"]
    accept_reported: bool
    partner_types: tuple[str, ...]
    gap: Gap


class PolicyText(_Data):
    """Rules of one requirement."""

    requirement: Requirement
    rules: tuple[dict[str, object], ...]


class DefaultPolicies(_Data):
    """The set a new agency starts with."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    answer_valid_days: int
    policies: tuple[PolicyText, ...]


Level = Literal["LOW", "MODERATE", "SIGNIFICANT", "HIGH"]


class RatingScale(_Data):
    """A scheme's own values on the common scale, one dimension each; dimensions never mix.

    A value that is no risk has no level. Something is lost on the way: the scheme and its value
    are always told beside the level.
    """

    scheme: str
    dimension: str
    values: dict[str, Level | None]
    note: str | None = None


class RatingScales(_Data):
    """One version of the crosswalk."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    scales: tuple[RatingScale, ...]
    order: tuple[Level, ...]


_FOLDER = files("app.recognition").joinpath("data")
DEFAULTS = DefaultPolicies.model_validate_json(
    _FOLDER.joinpath("default_policies.json").read_bytes()
)
SCALES = RatingScales.model_validate_json(_FOLDER.joinpath("rating_scales.json").read_bytes())
RANK: dict[str, int] = {level: rank for rank, level in enumerate(SCALES.order)}


def validate_rules(requirement: str, rules: list[dict[str, object]]) -> None:
    """Raises pydantic's ValidationError unless these are rules of the requirement."""
    kind = SanctionsRule if requirement == "SANCTIONS" else AssessmentRule
    for rule in rules:
        kind.model_validate(rule)
