"""Wire shapes of the watch."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from app.assessments.types.base import AgencyCode
from app.audit.purposes import AccessPurpose
from app.core.paging import PageQuery
from app.core.schemas import Instant, Schema

Kind = Literal["volume", "new_purpose", "after_revoke"]


class UnusualReadingOut(Schema):
    """Something unusual about how another agency reads the own agency's details."""

    id: UUID
    kind: Kind = Field(
        description="`volume`: more records in 24 hours than the setting "
        "`unusual_reading_records` says; `new_purpose`: the agency's first reading of this owner's "
        "details for that purpose; `after_revoke`: refused, where it could read before"
    )
    agency: str = Field(examples=["WFP"])
    assessment_id: UUID | None = Field(description="null for `volume`")
    purpose: AccessPurpose | None
    records: int | None = Field(description="of `volume`: how many records", examples=[51])
    event_id: UUID = Field(description="entry of the log")
    at: Instant
    noticed_at: Instant


class UnusualReadingFilter(PageQuery):
    """Filters of the list of unusual readings."""

    kind: Kind | None = None
    agency: AgencyCode | None = None
