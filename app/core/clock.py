"""The clock as a dependency, so that a test passes a time instead of patching one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends


def utc_now() -> datetime:
    """The present instant, timezone-aware, UTC."""
    return datetime.now(UTC)


async def get_now() -> datetime:
    """FastAPI dependency: the instant of this request."""
    return utc_now()


Now = Annotated[datetime, Depends(get_now)]


def rfc3339(moment: datetime) -> str:
    """``2026-03-01T09:30:00.123456Z``: UTC, always with microseconds, always ``Z``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later, or that month's last day if it is shorter."""
    years, month0 = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month0 + 1
    lengths = (
        31,
        29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28,
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    )
    return date(year, month, min(day.day, lengths[month - 1]))
