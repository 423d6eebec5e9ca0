"""Where a page of plans, or of their steps, begins and ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.assessments.plans.queries import After
from app.core.paging import Pager


def after_of(pager: Pager) -> After:
    """Time and id after which the page begins."""
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


def plan_key(row: Any) -> list[Any]:
    """Sort values of a plan."""
    return [row.created_at.isoformat(), str(row.id)]


def step_key(row: Any) -> list[Any]:
    """Sort values of a step."""
    return [row.at.isoformat(), str(row.id)]
