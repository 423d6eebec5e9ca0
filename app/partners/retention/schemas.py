"""Wire shapes of retention runs."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Instant, Schema


class RunFilter(PageQuery):
    """Page of retention runs."""


class RunCount(Schema):
    """What one rule did to records of the caller's agency, or of the shared profiles."""

    rule: str = Field(examples=["assessments"])
    records: Literal["own", "shared"]
    erased: int = Field(examples=[12])
    kept: int = Field(description="due, and kept by a hold or an open matter", examples=[1])


class RetentionRunOut(Schema):
    """One run of the job that erases what has served its time."""

    id: UUID
    rules_version: str = Field(examples=["2026.1"])
    started_by: Literal["worker", "operator"]
    whole: bool = Field(description="all rules without a limit")
    started_at: Instant
    finished_at: Instant | None = Field(description="null while it works, or if it was broken off")
    counts: list[RunCount]
