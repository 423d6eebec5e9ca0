"""Lines of an import before they meet the database. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from app.assessments.bulk.schemas import PartnerRef, Status
from app.assessments.types import ALL, AssessmentIn
from app.assessments.types.base import AssessmentBase
from app.core.errors import FieldError, InvalidRequest, ServiceError
from app.core.ndjson import FAULTS, Line, said

_BODY: TypeAdapter[AssessmentBase] = TypeAdapter(AssessmentIn)
_REF: TypeAdapter[PartnerRef] = TypeAdapter(PartnerRef)
_ID = re.compile(r"[!-~]{1,64}")
_TO_RESOLVE = UUID(int=0)
_ERRORS = 50


@dataclass(slots=True)
class Entry:
    """One line on its way; ``status`` is set when it is known what becomes of it."""

    number: int
    id: str | None = None
    fingerprint: bytes = b""
    new: AssessmentBase | None = None
    identifier: PartnerRef | None = None
    status: Status | None = None
    filed: dict[str, Any] = field(default_factory=dict)
    code: str | None = None
    partner_id: str | None = None
    errors: list[FieldError] = field(default_factory=list)

    def invalid(self, code: str, message: str, pointer: str = "") -> None:
        """Say that this line must be corrected, and where."""
        self.status = "invalid"
        self.code = code if code in FAULTS else InvalidRequest.code
        if len(self.errors) < _ERRORS:
            self.errors.append(FieldError(pointer=pointer, code=code, message=message))

    def refuse(self, error: ServiceError, pointer: str = "") -> None:
        """Say what `POST /v1/assessments` would answer."""
        self.status = "invalid" if error.status == 422 else "refused"
        self.code, self.filed = error.code, {}
        self.partner_id = error.extra.get("partner_id")
        alone = [FieldError(pointer=pointer, code=error.code, message=error.title)]
        self.errors = error.errors[:_ERRORS] or alone

    def wire(self, *, dry_run: bool) -> Mapping[str, Any]:
        """As AssessmentLineResult shows it; what is empty is left out."""
        shown: dict[str, Any] = {"line": self.number, "id": self.id, "status": self.status}
        shown |= {name: value for name, value in self.filed.items() if value is not None}
        if dry_run and self.status == "created":
            shown.pop("assessment_id", None)
        for name in ("code", "partner_id"):
            if getattr(self, name) is not None:
                shown[name] = getattr(self, name)
        if self.errors:
            shown["errors"] = self.errors
        return shown


def entries(lines: list[Line]) -> list[Entry]:
    """The lines of a chunk, each checked as far as it goes without the database."""
    return [_entry(line) for line in lines]


def _entry(line: Line) -> Entry:
    entry = Entry(line.number)
    if line.fault is not None:
        entry.invalid(line.fault, FAULTS[line.fault])
    elif not isinstance(line.value, dict):
        entry.invalid("not_an_object", "is not a JSON object")
    else:
        _named(entry, line.value)
        _parsed(entry, dict(line.value))
    return entry


def _named(entry: Entry, value: dict[str, Any]) -> None:
    given = value.get("id")
    if isinstance(given, str) and _ID.fullmatch(given):
        entry.id = given
        plain = json.dumps(value, sort_keys=True, separators=(",", ":"))
        entry.fingerprint = hashlib.sha256(plain.encode()).digest()
    else:
        code = "missing" if given is None else "string_pattern_mismatch"
        entry.invalid(code, "must be 1 to 64 printable characters without space", "/id")


def _parsed(entry: Entry, fields: dict[str, Any]) -> None:
    fields.pop("id", None)
    named = fields.pop("identifier", None)
    if (named is None) == (fields.get("partner_id") is None):
        entry.invalid("one_partner", "give either partner_id or identifier", "/partner_id")
        fields["partner_id"] = _TO_RESOLVE
    elif named is not None:
        fields["partner_id"] = _TO_RESOLVE
        try:
            entry.identifier = _REF.validate_python(named)
        except ValidationError as error:
            _explain(entry, error, "/identifier")
    try:
        entry.new = _BODY.validate_python(fields)
    except ValidationError as error:
        _explain(entry, error)


def _explain(entry: Entry, error: ValidationError, prefix: str = "") -> None:
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        loc = one["loc"]
        # The union of types names the chosen one in front.
        inside = loc[1:] if loc and loc[0] in ALL else loc
        code, message, pointer = said({**one, "loc": inside})
        entry.invalid(code, message, prefix + pointer)
