"""The assessment types that work. Add one here: its module, in both lists.

No discovery by import side effect: the lists are what the type checker and a search see.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, Strict, WithJsonSchema

from app.agencies.facts import register_types
from app.assessments.types import psea
from app.assessments.types.base import AssessmentType

ALL: dict[str, AssessmentType] = {kind.code: kind for kind in (psea.TYPE,)}

register_types(ALL)

AssessmentIn = Annotated[psea.PseaIn, Field(discriminator="type")]


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
