"""What must hold of an assessment before it is stored, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.assessments.errors import DetailInvalid, MethodologyUnknown
from app.assessments.types import ALL
from app.assessments.types.base import AssessmentType, Methodology, Rating
from app.core.errors import FieldError, InvalidRequest
from app.core.schemas import Schema


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an assessment comes to. A draft has no rating, and no validity without a date.

    ``comment_days``: how long the partner has the first word; None when it has had it, or needs
    none. ``current_key``: see `AssessmentType.current_per`.
    """

    rating: Rating | None
    valid_until: date | None
    summary: dict[str, Any]
    comment_days: int | None
    current_key: str | None


def methodology_of(
    kind: AssessmentType[Any, Any], code: str, conducted_on: date | None
) -> Methodology:
    """The methodology, if it was in force. Raises MethodologyUnknown."""
    found: Methodology | None = kind.methodologies.get(code)
    if found is None or (conducted_on is not None and not found.covers(conducted_on)):
        raise MethodologyUnknown
    return found


def parse_detail(kind: AssessmentType[Any, Any], raw: Mapping[str, Any]) -> Schema:
    """A detail in the type's shape. Raises RequestValidationError as the body's own model would."""
    try:
        parsed: Schema = kind.detail_model.model_validate(raw)
        return parsed
    except ValidationError as error:
        places = [{**item, "loc": ("body", "detail", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(places) from None


def judge(
    type_code: str,
    methodology_code: str,
    detail: Schema,
    *,
    conducted_on: date | None,
    final: bool,
    today: date,
) -> Outcome:
    """Rate an assessment, or refuse it.

    Raises MethodologyUnknown, InvalidRequest (the date) or DetailInvalid. A draft may be
    incomplete, never wrong; what is submitted is complete, as ``final`` says of it here.
    """
    kind = ALL[type_code]
    methodology = methodology_of(kind, methodology_code, conducted_on)
    _check_date(conducted_on, final, today)
    if not final:
        _refuse(kind.check(detail, methodology, final=False))
    return Outcome(
        rating=rate(kind, methodology, detail) if final else None,
        summary=kind.summarise(detail, methodology) if final else {},
        comment_days=None if kind.heard(detail) else methodology.comment_days,
        current_key=kind.current_key(methodology.code),
        valid_until=kind.valid_until(detail, methodology, conducted_on) if conducted_on else None,
    )


def rate(kind: AssessmentType[Any, Any], methodology: Methodology, detail: Schema) -> Rating:
    """The rating of a complete detail. Raises DetailInvalid."""
    _refuse(kind.check(detail, methodology, final=True))
    return kind.rate(detail, methodology)


def explain(
    kind: AssessmentType[Any, Any], methodology_code: str, stored: Mapping[str, Any]
) -> dict[str, Any]:
    """How the rating of a stored complete detail came about; by its own methodology, for ever."""
    detail = kind.detail_model.model_validate(stored)
    return kind.explain(detail, kind.methodologies[methodology_code])


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise DetailInvalid(errors=errors)


def _check_date(conducted_on: date | None, final: bool, today: date) -> None:
    if conducted_on is None:
        if final:
            message = "a final assessment needs its completion date"
            raise InvalidRequest(errors=[_date_error("missing", message)])
    # A day of grace: somewhere it is tomorrow already.
    elif conducted_on > today + timedelta(days=1):
        message = "an assessment is not completed in the future"
        raise InvalidRequest(errors=[_date_error("in_future", message)])


def _date_error(code: str, message: str) -> FieldError:
    return FieldError(pointer="/conducted_on", code=code, message=message)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: objects merge, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
