"""Wire shapes of external lists."""

from __future__ import annotations

from pydantic import Field

from app.core.schemas import Instant, Schema


class SourceOut(Schema):
    """An external list: what we hold and how fresh it is."""

    code: str = Field(examples=["unsc"])
    title: str
    publisher: str
    licence: str
    required: bool = Field(description="without it, or when it is stale, nothing reads as no hit")
    version: int | None
    digest: str | None = Field(description="SHA-256 of the imported file")
    counts: dict[str, int] = Field(examples=[{"persons": 730, "organisations": 273}])
    published_at: Instant | None
    last_success: Instant | None = Field(description="last successful check, not the publishing")
    max_staleness_s: int
    stale: bool


class SourcesOut(Schema):
    """All sources."""

    items: list[SourceOut]
