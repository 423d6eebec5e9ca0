"""Wire shapes of assessments' documents."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.assessments.documents.codes import DocumentKind
from app.core.blobs.kinds import MediaType
from app.core.blobs.scanner import Scan
from app.core.paging import PageQuery
from app.core.schemas import Flag, Instant, Line, Schema
from app.partners.documents.schemas import Language

StandardNumber = Annotated[int, Field(strict=True, ge=1, le=8)]


class FindingDocumentIn(Schema):
    """What a document is; its file follows by PUT."""

    kind: DocumentKind = Field(examples=["correspondence"])
    title: Line = Field(
        description="sealed; the name of the downloaded file", examples=["Receipt of the refund"]
    )
    media_type: MediaType = Field(
        description="what the file is; its content must agree", examples=["application/pdf"]
    )
    language: Language | None = Field(None, description="ISO 639 code")
    partner_visible: Flag = Field(
        False, description="the partner may read it once the assessment is final"
    )


class AssessmentDocumentIn(FindingDocumentIn):
    """What a document is; its file follows by PUT."""

    standard: StandardNumber | None = Field(
        None, description="of a PSEA assessment: the standard that it is evidence for"
    )


class AssessmentDocumentPatch(Schema):
    """Who may see it; all else stays as it is."""

    partner_visible: Flag = Field(examples=[True])


class AssessmentDocumentOut(Schema):
    """A document without title and contents: for these see its `content`."""

    id: UUID
    assessment_id: UUID
    version: int
    state: Literal["announced", "available"]
    kind: str = Field(examples=["report"])
    standard: int | None = None
    media_type: MediaType
    language: str | None = None
    partner_visible: bool
    sha256: str | None = Field(None, description="of the file, hex", examples=["ab" * 32])
    bytes: int | None = Field(None, examples=[48_213])
    scan: Scan | None = None
    uploaded_at: Instant | None = None
    created_at: Instant


class FindingDocumentOut(AssessmentDocumentOut):
    """A document of a finding, without title and contents."""

    finding_id: UUID


class AssessmentDocumentFilter(PageQuery):
    """Filters of the list."""
