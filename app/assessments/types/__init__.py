"""The assessment types that work. Add one here: its module, and its line in the list.

No discovery by import side effect: the list is what the type checker and a search see.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, Strict, WithJsonSchema

from app.agencies.facts import register_types
from app.assessments.types import (
    audit,
    capacity_other,
    core_values,
    due_diligence,
    hact_micro,
    performance,
    programmatic_visit,
    psea,
    special_audit,
    spot_check,
)
from app.assessments.types.base import AssessmentBase, AssessmentType

ALL: dict[str, AssessmentType[Any, Any]] = {
    kind.code: kind
    for kind in (
        psea.TYPE,
        hact_micro.TYPE,
        due_diligence.TYPE,
        core_values.TYPE,
        capacity_other.TYPE,
        performance.TYPE,
        audit.TYPE,
        spot_check.TYPE,
        special_audit.TYPE,
        programmatic_visit.TYPE,
    )
}

register_types(ALL)

if TYPE_CHECKING:
    AssessmentIn = AssessmentBase
else:
    AssessmentIn = Annotated[
        reduce(or_, (kind.body_model for kind in ALL.values())), Field(discriminator="type")
    ]


def _known(code: str) -> str:
    if code not in ALL:
        raise ValueError("is not the code of an assessment type")
    return code


TypeCode = Annotated[
    str,
    Strict(),
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": sorted(ALL)}),
]
