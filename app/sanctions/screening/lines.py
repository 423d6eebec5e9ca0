"""Lines of screening streams: what each asks, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from app.core.errors import InvalidRequest, MalformedBody, ServiceError
from app.core.ndjson import FAULTS, Line, said

Model = TypeVar("Model", bound=BaseModel)
_ID_LENGTH = 64
_MOST_ERRORS = 20
TOO_LONG = "line_too_long"


@dataclass(slots=True)
class Entry(Generic[Model]):
    """A line on its way: its number and id, what it asks, or the error that it gets."""

    number: int
    id: str | None
    item: Model | None = None
    error: dict[str, Any] | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def refuse(self, error: ServiceError) -> None:
        """Report this error."""
        self.item, self.error = None, {"code": error.code, "title": error.title, "errors": []}

    def wire(self, **result: Any) -> dict[str, Any]:
        """The line that answers it."""
        shown: dict[str, Any] = {"line": self.number, "id": self.id}
        return shown | ({"error": self.error} if self.error is not None else result)


def entries(lines: Sequence[Line], model: type[Model]) -> list[Entry[Model]]:
    """Each line checked; nothing of what was sent is repeated but its id."""
    return [_entry(line, model) for line in lines]


def _entry(line: Line, model: type[Model]) -> Entry[Model]:
    entry: Entry[Model] = Entry(line.number, _id(line.value))
    if line.fault is not None:
        code = TOO_LONG if line.fault == TOO_LONG else MalformedBody.code
        entry.error = {"code": code, "title": f"The line {FAULTS[line.fault]}.", "errors": []}
        return entry
    try:
        entry.item = model.model_validate(line.value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[:_MOST_ERRORS]
        names = ("code", "message", "pointer")
        errors = [dict(zip(names, said(one), strict=True)) for one in found]
        title = "The line is not valid."
        entry.error = {"code": InvalidRequest.code, "title": title, "errors": errors}
    return entry


def _id(value: Any) -> str | None:
    """The line's own id, to be repeated whatever else is wrong with it."""
    found = value.get("id") if isinstance(value, dict) else None
    fits = isinstance(found, str) and 0 < len(found) <= _ID_LENGTH and found.isprintable()
    return found if fits else None
