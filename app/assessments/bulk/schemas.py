"""Wire shapes of the bulk import of assessments."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, Strict, StringConstraints

from app.assessments.schemas import OverlapOut
from app.assessments.types.base import Rating
from app.core.errors import FieldError
from app.core.schemas import Country, Line, Schema, Text
from app.partners.identifiers.schemas import AgencyCode, Area
from app.partners.identifiers.schemes import IdentifierScheme

LineId = Annotated[str, Strict(), StringConstraints(pattern=r"^[!-~]{1,64}$")]
Status = Literal["created", "unchanged", "refused", "invalid"]


class PartnerRef(Schema):
    """A partner by one of its identifiers, as `GET /v1/partners/resolve` takes it."""

    model_config = ConfigDict(frozen=True)

    scheme: IdentifierScheme
    value: Annotated[Text, Field(min_length=1, max_length=1_024)]
    country: Country | None = None
    area: Area | None = None
    authority: Line | None = None
    issued_by: AgencyCode | None = Field(
        None, description="agency of a vendor number; the caller's own if left out"
    )


class AssessmentLineKeys(Schema):
    """What a line has besides the body of `POST /v1/assessments`."""

    id: LineId = Field(
        description="the sender's own, new for each new assessment, as an Idempotency-Key is",
        examples=["WFP-KE-2026-000173"],
    )
    identifier: PartnerRef | None = Field(None, description="in place of `partner_id`")


class AssessmentLineResult(Schema):
    """What became of a line."""

    line: int = Field(description="its number in the body, from 1", examples=[1])
    id: str | None = Field(examples=["WFP-KE-2026-000173"])
    status: Status = Field(
        description="created; unchanged: it was created before; refused: the same line may be "
        "taken another time or from another caller; invalid: it must be corrected"
    )
    assessment_id: UUID | None = None
    version: int | None = None
    rating: Rating | None = Field(None, description="of a new final assessment")
    warnings: list[OverlapOut] = Field(
        default=[], description="what other agencies have of the same kind; absent if nothing"
    )
    code: str | None = Field(
        None, description="as `code` of the problem that the same request would get alone"
    )
    partner_id: UUID | None = Field(None, description="the profile that stands for a merged one")
    errors: list[FieldError] = Field(default=[])


class BulkQuery(Schema):
    """How to take a stream."""

    dry_run: bool = Field(False, description="say what would become of each line; store nothing")
