"""Policies and rating scales as data: their shapes, and the versions the product ships."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core import codelists, datafiles

Outcome = Literal["CLEAR", "CLEAR_WITH_CONDITIONS", "REFER", "BLOCKED"]
Context = Literal["regular", "emergency"]
Level = Literal["LOW", "MODERATE", "SIGNIFICANT", "HIGH"]
SEVERITY: dict[str, int] = {"CLEAR": 0, "CLEAR_WITH_CONDITIONS": 1, "REFER": 2, "BLOCKED": 3}
AgencyCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,15}$")]
_PACKAGE = "app.recognition"


class Data(BaseModel):
    """A file of ours, or a rule that an agency wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyText(Data):
    """Rules of one requirement; without ``agency`` for every agency that has none of its own."""

    requirement: str
    agency: AgencyCode | None = None
    source: str
    confirmed: bool
    note: str | None = None
    rules: tuple[dict[str, Any], ...]


class DefaultPolicies(Data):
    """The set a new agency starts with."""

    version: str
    effective_from: date
    source: str
    answer_valid_days: int
    policies: tuple[PolicyText, ...]

    def of(self, agency: str | None) -> list[PolicyText]:
        """What an agency starts with: a text of its own before that of all."""
        found = {text.requirement: text for text in self.policies if text.agency is None}
        found |= {text.requirement: text for text in self.policies if text.agency == agency}
        return list(found.values())


class RatingScale(Data):
    """A scheme's own values on the common scale, one dimension each; dimensions never mix.

    A value that is no risk has no level. Something is lost on the way: the scheme and its value
    are always told beside the level.
    """

    scheme: str
    dimension: str
    values: dict[str, Level | None]
    note: str | None = None


class RatingScales(Data):
    """One version of the crosswalk."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    scales: tuple[RatingScale, ...]
    order: tuple[Level, ...]


class ReasonCode(Data):
    """What a code says to a person. ``client``: given by the offline client only."""

    text: str
    client: bool = False


class ReasonCodes(Data):
    """Every code that an answer may give. A code is never removed."""

    version: str
    effective_from: date
    source: str
    codes: dict[Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")], ReasonCode]


class AgencyGroup(Data):
    """Agencies that a rule may name at once. ``members`` null: every agency of the registry."""

    title: str
    members: tuple[AgencyCode, ...] | None
    source: str
    effective_from: date
    confirmed: bool
    note: str | None = None


class AgencyGroups(Data):
    """One version of the groups."""

    version: str
    effective_from: date
    groups: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z_]{1,39}$")], AgencyGroup]

    def holds(self, named: str, agency: str) -> bool:
        """Whether what a rule names, an agency or a group, is or has this agency."""
        group = self.groups.get(named)
        if group is None:
            return named == agency
        return group.members is None or agency in group.members


class MethodologySeries(Data):
    """One version of which methodologies are editions of one tool, oldest first."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    series: dict[str, tuple[str, ...]]


def modality(said: str | None) -> str | None:
    """How the work is paid for, where that is a code of the list: a word that is none, such as a
    slip, is as if nothing were said, and never helps.
    """
    return said if said in _MODALITIES else None


_MODALITIES = frozenset(
    item.code
    for edition in codelists.everything()["cash_transfer_modalities"]
    for item in edition.items
)
_DEFAULTS = datafiles.read(_PACKAGE, "data/default_policies.yaml")
_DEFAULTS.pop("x-types")  # what the file itself refers to
DEFAULTS = DefaultPolicies.model_validate(_DEFAULTS)
SCALES = RatingScales.model_validate_json(
    files(_PACKAGE).joinpath("data", "rating_scales.json").read_bytes()
)
RANK: dict[str, int] = {level: rank for rank, level in enumerate(SCALES.order)}
REASON_CODES = ReasonCodes.model_validate(datafiles.read(_PACKAGE, "data/reason_codes.yaml"))
CODES = frozenset(code for code, meant in REASON_CODES.codes.items() if not meant.client)
GROUPS = AgencyGroups.model_validate(datafiles.read(_PACKAGE, "data/agency_groups.yaml"))
METHODOLOGY_SERIES = MethodologySeries.model_validate(
    datafiles.read(_PACKAGE, "data/methodology_series.yaml")
)
SERIES = METHODOLOGY_SERIES.series
