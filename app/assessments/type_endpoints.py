"""HTTP of assessment types: what can be filed, by which rules, and a calculator."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from app.assessments import rules
from app.assessments.errors import AssessmentTypeNotFound, DetailInvalid, MethodologyUnknown
from app.assessments.schemas import AssessmentTypesOut, MethodologyOut, RateIn, RateOut
from app.assessments.types import ALL
from app.assessments.types.base import Methodology
from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.errors import problems
from app.core.http import RegistryRoute

router = APIRouter(prefix="/assessment-types", tags=["assessments"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
TypeInPath = Annotated[str, Path(pattern=r"^[a-z_]{1,40}$", examples=["psea"])]


@router.get(
    "",
    operation_id="listAssessmentTypes",
    response_model=AssessmentTypesOut,
    summary="List assessment types",
)
async def list_assessment_types(caller: Reader) -> dict[str, Any]:
    """Types that can be filed, and the editions of each tool with source and validity."""
    return {
        "items": [
            {
                "code": kind.code,
                "title": kind.title,
                "methodologies": [_methodology(item) for item in kind.methodologies.values()],
            }
            for kind in ALL.values()
        ]
    }


def _methodology(item: Methodology) -> dict[str, Any]:
    said = item.model_dump(mode="json", exclude={"type"})
    common = {name: said.pop(name) for name in MethodologyOut.model_fields if name != "rules"}
    return {**common, "rules": said}


@router.post(
    "/{code}/rate",
    operation_id="rateAssessment",
    response_model=RateOut,
    responses=problems(AssessmentTypeNotFound, MethodologyUnknown, DetailInvalid),
    summary="Rate without filing",
)
async def rate_assessment(code: TypeInPath, body: RateIn, caller: Reader) -> dict[str, Any]:
    """The rating a detail comes to. Stores nothing and needs no Idempotency-Key."""
    if code not in ALL:
        raise AssessmentTypeNotFound
    kind = ALL[code]
    methodology = rules.methodology_of(kind, body.methodology, body.conducted_on)
    detail = rules.parse_detail(kind, body.detail)
    rating = rules.rate(kind, methodology, detail)
    day = body.conducted_on
    return {
        "rating": rating,
        "valid_until": kind.valid_until(detail, methodology, day) if day else None,
        "summary": kind.summarise(detail, methodology),
        "explanation": kind.explain(detail, methodology),
    }
