"""What an answer about a partner's assurance follows from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from app.assessments.assurance.coverage import Activity, PlannedRow


@dataclass(frozen=True, slots=True)
class RatingFact:
    """A final rating of the partner, or of its headquarters, that the caller may see."""

    id: UUID
    type: str
    agency: str
    conducted_on: date
    valid_until: date
    scheme: str
    value: str
    level: str | None
    source: str
    inherited_from: UUID | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the answer follows from."""

    agency: str
    agency_id: UUID
    partner_type: str
    year: int
    as_of: date
    cash: Decimal | None = None
    liquidations: Decimal | None = None
    cycle_start: date | None = None
    cycle_cash: Decimal | None = None
    ratings: Sequence[RatingFact] = ()
    rows: Sequence[PlannedRow] = ()
    activities: Sequence[Activity] = ()
    headquarters: UUID | None = None
    excepted: bool = False
