"""Wire shapes of partners' documents."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.core.blobs.kinds import MediaType
from app.core.blobs.scanner import Scan
from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Line, Schema
from app.partners.documents.codes import DocumentKind

Level = Literal["INTER_AGENCY", "RESTRICTED"]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", examples=["fr"])]


class DocumentIn(Schema):
    """What a document is; its file follows by PUT."""

    kind: DocumentKind = Field(examples=["registration_certificate"])
    title: Line = Field(examples=["Certificate of registration 2024"])
    media_type: MediaType = Field(
        description="what the file is; its content must agree", examples=["application/pdf"]
    )
    level: Level = Field(
        "INTER_AGENCY", description="RESTRICTED: read for a purpose, and the title is sealed"
    )
    language: Language | None = Field(None, description="ISO 639 code")
    issued_on: Day | None = None
    expires_on: Day | None = None
    supersedes: UUID | None = Field(
        None, description="own document that this one replaces once its file is there"
    )


class DocumentOut(Schema):
    """A document without its contents."""

    id: UUID
    partner_id: UUID
    version: int
    state: Literal["draft", "available", "superseded"]
    kind: str = Field(examples=["registration_certificate"])
    level: Level
    title: str | None = Field(
        description="null for a RESTRICTED document: it is the name of the downloaded file"
    )
    media_type: MediaType
    language: str | None = None
    issued_on: Day | None = None
    expires_on: Day | None = None
    sha256: str | None = Field(None, description="of the file, hex", examples=["ab" * 32])
    bytes: int | None = Field(None, examples=[48_213])
    scan: Scan | None = None
    supersedes: UUID | None = None
    superseded_by: UUID | None = None
    uploaded_by: str | None = Field(
        description="agency; null: the partner itself", examples=["UNICEF"]
    )
    uploaded_at: Instant | None = None
    created_at: Instant


class DocumentFilter(PageQuery):
    """Filters of the list."""

    kind: DocumentKind | None = None
    superseded: bool = Field(False, description="show superseded ones as well")
