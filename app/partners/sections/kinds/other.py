"""Section other: free remarks, and the confirmation that the profile is accurate."""

from __future__ import annotations

from pydantic import Field

from app.core.schemas import Flag, Schema
from app.partners.sections.kinds.since import Since
from app.partners.sections.texts import Prose

CONFIRMED = "data_confirmed"


class OtherSection(Schema):
    """Other information."""

    remarks: Prose | None = None
    data_confirmed: Flag | None = Field(
        None, description="the profile is accurate; each time it is sent it dates the profile anew"
    )


class OtherPatch(Since, OtherSection):
    """JSON Merge Patch of the section: what is absent stays, null empties."""
