"""HTTP of assessment types: what can be filed, by which rules, and a calculator."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic_core import to_json

from app.assessments import access, rules
from app.assessments.errors import (
    AssessmentTypeNotFound,
    DetailInvalid,
    MethodologyNotFound,
    MethodologyUnknown,
)
from app.assessments.schemas import RateIn, RateOut
from app.assessments.type_schemas import (
    AssessmentTypeFull,
    AssessmentTypesOut,
    MethodologyOut,
    MethodologyRulesOut,
)
from app.assessments.types import ALL
from app.assessments.types.base import AssessmentType, Methodology
from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.json_schema import rename_bounds
from app.core.routing import Router

router = Router(prefix="/assessment-types", tags=["assessments"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
TypeInPath = Annotated[str, Path(pattern=r"^[a-z_]{1,40}$", examples=["psea"])]
MethodologyInPath = Annotated[
    str, Path(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$", examples=["UN-PSEA-2020"])
]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


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
                "family": kind.family,
                "methodologies": [_common(item) for item in kind.methodologies.values()],
            }
            for kind in ALL.values()
        ]
    }


@router.get(
    "/{code}",
    operation_id="getAssessmentType",
    response_model=AssessmentTypeFull,
    responses=problems(AssessmentTypeNotFound) | _NOT_MODIFIED,
    summary="Read an assessment type",
)
async def get_assessment_type(request: Request, code: TypeInPath, caller: Reader) -> Response:
    """Its methodologies with their rules, the JSON Schema of its detail, what supersedes it."""
    return _document(request, _type_document(_kind(code).code))


@router.get(
    "/{code}/methodologies/{methodology}",
    operation_id="getMethodology",
    response_model=MethodologyRulesOut,
    responses=problems(AssessmentTypeNotFound, MethodologyNotFound) | _NOT_MODIFIED,
    summary="Read a methodology",
)
async def get_methodology(
    request: Request, code: TypeInPath, methodology: MethodologyInPath, caller: Reader
) -> Response:
    """One edition of a tool: questions, cut-offs, results that may be stated."""
    kind = _kind(code)
    if methodology not in kind.methodologies:
        raise MethodologyNotFound
    return _document(request, _methodology_document(kind.code, methodology))


def _kind(code: str) -> AssessmentType[Any, Any]:
    if code not in ALL:
        raise AssessmentTypeNotFound
    return ALL[code]


def _document(request: Request, body: bytes) -> Response:
    etag = bytes_etag(body)
    full = Response(body, media_type="application/json", headers={"ETag": etag})
    return not_modified(request, etag) or full


@cache
def _type_document(code: str) -> bytes:
    """The body of a type: fixed while the process runs."""
    kind = ALL[code]
    schema = {"$schema": _DIALECT} | kind.detail_model.model_json_schema()
    rename_bounds(schema)
    shown = AssessmentTypeFull.model_validate(
        {
            "code": kind.code,
            "title": kind.title,
            "family": kind.family,
            "matrix": {
                "summary": access.summary_kind(kind.code),
                "detail": access.detail_kind(kind.code),
            },
            "current_per": kind.current_per,
            "methodologies": [_with_rules(kind, item) for item in kind.methodologies.values()],
            "detail_schema": schema,
        }
    )
    return to_json(shown)


@cache
def _methodology_document(code: str, methodology: str) -> bytes:
    kind = ALL[code]
    shown = _with_rules(kind, kind.methodologies[methodology])
    return to_json(MethodologyRulesOut.model_validate(shown))


def _common(item: Methodology) -> dict[str, Any]:
    return item.model_dump(include=set(MethodologyOut.model_fields))


def _with_rules(kind: AssessmentType[Any, Any], item: Methodology) -> dict[str, Any]:
    stated = kind.values(item).items()
    return {
        **_common(item),
        "stated_results": [{"value": value, "level": level} for value, level in stated],
        "rules": item.model_dump(mode="json", exclude={"type", *MethodologyOut.model_fields}),
    }


@router.post(
    "/{code}/rate",
    operation_id="rateAssessment",
    response_model=RateOut,
    responses=problems(AssessmentTypeNotFound, MethodologyUnknown, DetailInvalid),
    summary="Rate without filing",
)
async def rate_assessment(code: TypeInPath, body: RateIn, caller: Reader) -> dict[str, Any]:
    """The rating a detail comes to. Stores nothing and needs no Idempotency-Key."""
    kind = _kind(code)
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
