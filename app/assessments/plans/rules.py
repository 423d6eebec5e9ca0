"""Windows and reminders of plans: versioned data (rules.yaml); the database keeps the windows."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, model_validator

from app.core import codelists, datafiles

KINDS = "capacity_plan_kinds"
AREAS = "capacity_plan_areas"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Data):
    """How long a plan of one kind runs, at first and with every extension, and what it follows."""

    window_months: int
    total_months: int
    source: str
    confirmed: bool
    assessment_types: tuple[str, ...]


class PlanRules(_Data):
    """One version of the rules."""

    version: str
    effective_from: date
    confirmed: bool
    kinds: dict[str, Window]
    reminder_days: tuple[int, ...]
    most_actions: int

    @model_validator(mode="after")
    def _whole(self) -> PlanRules:
        if set(self.kinds) != {item.code for item in codelists.current(KINDS).items}:
            raise ValueError("every kind of plan has its window")
        if any(one.total_months < one.window_months for one in self.kinds.values()):
            raise ValueError("extensions do not shorten a window")
        return self


RULES = PlanRules.model_validate(datafiles.read("app.assessments.plans", "rules.yaml"))


def follows(kind: str, assessment_type: str) -> bool:
    """Whether a plan of this kind may follow from an assessment of this type."""
    types = RULES.kinds[kind].assessment_types
    return not types or assessment_type in types


def area_fits(kind: str, area: str) -> bool:
    """Whether an action of a plan of this kind may be about this area; every plan may be about
    the general ones."""
    item = codelists.current(AREAS).by_code.get(area)
    return item is not None and item.parent in (kind, "OTHER")
