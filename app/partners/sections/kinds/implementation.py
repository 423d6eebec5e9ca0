"""Section implementation: how projects are run, money is kept and checked.

Of bank accounts the registry asks whether there are any; it never holds a number.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from app.core.codelists import Coded
from app.core.schemas import Day, Flag, Schema
from app.partners.sections.kinds.funding import Year
from app.partners.sections.kinds.since import Since
from app.partners.sections.texts import Prose, WebAddress


class InternalControl(Schema):
    """Whether the duties of a function are kept apart from the others."""

    function: Annotated[str, Coded("control_functions")]
    segregated: Flag
    note: Prose | None = None


class WrittenPolicy(Schema):
    """Whether there is a written policy in an area."""

    area: Annotated[str, Coded("policy_areas")]
    documented: Flag


class HeldAudit(Schema):
    """An audit of the organisation."""

    kind: Annotated[str, Coded("audit_types")]
    year: Year | None = None


class HeldAssessment(Schema):
    """A formal capacity assessment that the organisation says it has."""

    kind: Annotated[str, Coded("capacity_assessment_kinds")]
    year: Year | None = None


class ImplementationSection(Schema):
    """Project implementation."""

    results_based_management: Flag | None = None
    results_note: Prose | None = None
    monitoring_system: Flag | None = None
    monitoring_note: Prose | None = None
    feedback_mechanism: Flag | None = None
    feedback_note: Prose | None = None
    accounting_system: Annotated[str, Coded("accounting_systems")] | None = None
    accounting_method: Annotated[str, Coded("accounting_methods")] | None = None
    tracks_expenditure: Flag | None = None
    controls: list[InternalControl] | None = Field(None, max_length=6)
    experienced_finance_staff: Flag | None = None
    policies: list[WrittenPolicy] | None = Field(None, max_length=3)
    bank_account: Flag | None = Field(None, description="yes or no, never a number")
    separate_un_account: Flag | None = Field(None, description="an account for UN funds alone")
    regularly_audited: Flag | None = None
    audits: list[HeldAudit] | None = Field(None, max_length=20)
    major_findings: Flag | None = Field(None, description="in the past three years")
    findings_note: Prose | None = None
    capacity_assessments: list[HeldAssessment] | None = Field(None, max_length=20)
    key_results: Prose | None = None
    annual_reports: Flag | None = None
    last_report_on: Day | None = None
    report_url: WebAddress | None = Field(None, examples=["https://amani.example/report-2025"])

    @field_validator("controls")
    @classmethod
    def _functions(cls, value: list[InternalControl] | None) -> list[InternalControl] | None:
        if value and len({item.function for item in value}) != len(value):
            raise ValueError("names a function twice")
        return value

    @field_validator("policies")
    @classmethod
    def _areas(cls, value: list[WrittenPolicy] | None) -> list[WrittenPolicy] | None:
        if value and len({item.area for item in value}) != len(value):
            raise ValueError("names an area twice")
        return value


class ImplementationPatch(Since, ImplementationSection):
    """JSON Merge Patch of the section: what is absent stays, null empties."""
