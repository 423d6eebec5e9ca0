"""What the answer to a call means, and when to try again. Pure: times and counts in and out.

The schedule is that of Standard Webhooks 1.0.0; ten attempts take about 76 hours.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

_MINUTE, _HOUR = 60, 3_600
SCHEDULE_S = (
    *(0, 5, 5 * _MINUTE, 30 * _MINUTE),
    *(2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
"""Seconds before each attempt, counted from the one before it."""
HOLDS_UP = 4
"""Attempts during which a message holds up those behind it; then it is set aside."""
JITTER = 0.2
OPEN_AFTER = 5
"""Failures in a row that open the circuit: then one message at a time tries the door."""
OPEN_LONGEST_S = _HOUR
THROTTLED = frozenset({429, 502, 503, 504})
LONGEST_WAIT_S = 24 * _HOUR
TELL_AFTER = timedelta(hours=1)
DISABLE_AFTER = timedelta(days=5)

Kind = Literal["delivered", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call: a status, or the code of what went wrong."""

    status: int | None
    failure: str | None
    ms: int
    retry_after_s: float | None = None

    @property
    def kind(self) -> Kind:
        """2xx is success; everything else, redirects too, is failure; 410 is a good-bye."""
        if self.failure is None and self.status is not None and 200 <= self.status < 300:
            return "delivered"
        return "gone" if self.status == 410 else "failed"


def next_attempt(attempts: int, spread: Callable[[], float] = random.random) -> float | None:
    """Seconds until the next attempt after so many; None when there is none."""
    if attempts >= len(SCHEDULE_S):
        return None
    return SCHEDULE_S[attempts] * _jitter(spread)


def pause(reply: Reply, failures: int, spread: Callable[[], float] = random.random) -> float:
    """Seconds for which nothing is sent after this failure, the last of so many in a row."""
    wait = 0.0
    if failures >= OPEN_AFTER or reply.status in THROTTLED:
        over = min(max(0, failures - OPEN_AFTER), 10)
        wait = min(_MINUTE * 2**over, OPEN_LONGEST_S) * _jitter(spread)
    return max(wait, reply.retry_after_s or 0.0)


def _jitter(spread: Callable[[], float]) -> float:
    return 1 - JITTER + 2 * JITTER * spread()


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, a day at most; None when it says nothing."""
    if value is None:
        return None
    value = value.strip()
    if value.isdecimal() and value.isascii() and len(value) < 10:
        return float(min(int(value), LONGEST_WAIT_S))
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), float(LONGEST_WAIT_S))
