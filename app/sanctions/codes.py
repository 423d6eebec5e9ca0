"""Measures, practices and the due-process floor: versioned data, read once (data/codes.json)."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.schemas import Text


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measure(_Data):
    """What a measure does. ``blocking`` measures make a partner ineligible.

    ``level``: who may know of one; RESTRICTED ones are kept so, whatever a decision says.
    """

    label: str
    blocking: bool
    end: Literal["required", "optional", "none"]
    effect: str
    level: Literal["INTER_AGENCY", "RESTRICTED"] = "INTER_AGENCY"


class Practices(_Data):
    source: str
    confirmed: bool
    codes: dict[str, str]


class Measures(_Data):
    source: str
    confirmed: bool
    codes: dict[str, Measure]


class ProcedureFloor(_Data):
    """The least due process any agency's procedure gives, and what holds where it has none.

    The database has it as the first row of ``sanction_procedures``; a test compares.
    """

    source: str
    confirmed: bool
    reply_period_days: int
    appeal_days: int
    interim_months: int
    interim_renewals: int
    review_months: int
    panel_form: Literal["reviewer", "panel"]
    panel_members: int
    departure: Literal["refused", "with_reasons"]
    appeal_suspensive: bool
    review_reminder_days: int


class SanctionCodes(_Data):
    """One version of the code lists."""

    version: str
    effective_from: date
    practices: Practices
    measures: Measures
    procedure_floor: ProcedureFloor


CODES = SanctionCodes.model_validate_json(
    files("app.sanctions").joinpath("data/codes.json").read_bytes()
)
"""The version in force."""


def _measure(value: str) -> str:
    if value not in CODES.measures.codes:
        raise ValueError("is not a measure of the code list")
    return value


def _practice(value: str) -> str:
    if value not in CODES.practices.codes:
        raise ValueError("is not a practice of the code list")
    return value


MeasureCode = Annotated[
    Text,
    AfterValidator(_measure),
    Field(json_schema_extra={"enum": sorted(CODES.measures.codes)}, examples=["DEBARMENT_FIXED"]),
]
PracticeCode = Annotated[
    Text,
    AfterValidator(_practice),
    Field(json_schema_extra={"enum": sorted(CODES.practices.codes)}, examples=["FRAUDULENT"]),
]
