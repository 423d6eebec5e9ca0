"""Since when in the world a change of a section is so."""

from __future__ import annotations

from pydantic import Field

from app.core.schemas import Day, Schema

VALID_FROM = "valid_from"
"""Field of every patch that is no field of the section."""


class Since(Schema):
    """What the patch of every section may say besides the section's own fields."""

    valid_from: Day | None = Field(
        None, description="since when it is so in the world; today, if it is not said"
    )
