"""Wire shapes of the history of profiles."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from app.core.schemas import Instant, Schema


class VersionOut(Schema):
    """One version of a profile: when it was recorded, since when it holds, and what changed."""

    version: int
    recorded_from: Instant
    recorded_to: Instant | None = Field(description="null for the version that stands")
    valid_from: date = Field(description="since when what it says was so in the world")
    by: str | None = Field(
        description="agency that made this version; null: the partner or the registry itself",
        examples=["UNICEF"],
    )
    changed: list[str] = Field(
        description="fields that differ from the version before; empty for the first, and where "
        "what changed is kept apart from the profile, as identifiers are",
        examples=[["legal_name", "former_names"]],
    )
