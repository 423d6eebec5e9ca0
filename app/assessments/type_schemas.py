"""Wire shapes of assessment types and their methodologies."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field

from app.assessments.types.base import Family, RatingLevel, Source
from app.core.schemas import Schema


class StatedResult(Schema):
    """A result that a person may state, and the risk level it stands for."""

    value: str = Field(examples=["MEDIUM_CAPACITY"])
    level: RatingLevel | None = Field(description="null: the result is on no scale of risk")


class MethodologyOut(Schema):
    """An edition of an assessment tool; its rules have a route of their own."""

    code: str = Field(examples=["UN-PSEA-2020"])
    title: str
    source: Source
    confirmed: bool = Field(
        description="false: the figures still need an agency's confirmation against the source"
    )
    note: str | None = None
    effective_from: date
    effective_to: date | None
    validity_months: int
    dimension: str
    comment_days: int | None = Field(
        None, description="days that the partner has to comment before others see the result"
    )


class MethodologyRulesOut(MethodologyOut):
    """An edition of an assessment tool with its rules."""

    stated_results: list[StatedResult] = Field(
        description="results that may be stated: reported from elsewhere, or by a person who "
        "adjusts the computed one"
    )
    rules: dict[str, Any] = Field(
        description="questions, cut-offs and scales, as the type's methodologies have them"
    )


class _TypeOut(Schema):
    code: str = Field(examples=["psea"])
    title: str
    family: Family = Field(description="which rows of the permission matrix hold for it")


class AssessmentTypeOut(_TypeOut):
    """An assessment type that can be filed."""

    methodologies: list[MethodologyOut]


class AssessmentTypesOut(Schema):
    """All types; the list is short and has no pages."""

    items: list[AssessmentTypeOut]


class MatrixRows(Schema):
    """Rows of the permission matrix."""

    summary: str = Field(examples=["PSEA_SUMMARY"])
    detail: str = Field(examples=["PSEA_DETAIL"])


class AssessmentTypeFull(_TypeOut):
    """An assessment type with the rules and the shape of its detail."""

    matrix: MatrixRows
    current_per: Literal["type", "methodology"] | None = Field(
        description="a later final one of the same owner, partner and type (or methodology) "
        "supersedes it; null: each stands for itself"
    )
    methodologies: list[MethodologyRulesOut]
    detail_schema: dict[str, Any] = Field(
        description="JSON Schema (2020-12) of `detail`, complete in itself. It knows the shape; "
        "what a methodology asks besides is checked on filing and by the calculator",
        examples=[{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}],
    )
