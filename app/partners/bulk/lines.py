"""Lines of a load before they meet the database. Pure: may run while another chunk is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from app.core.ndjson import FAULTS, Line, said
from app.partners.bulk.schemas import PartnerLine

_ADAPTER: TypeAdapter[PartnerLine] = TypeAdapter(PartnerLine)
_KEY_BYTES = 800
_ERRORS = 20


@dataclass(slots=True)
class Entry:
    """One line on its way; ``status`` is set when it is known what becomes of it."""

    number: int
    key: str | None
    value: Any
    digest: str = ""
    item: PartnerLine | None = None
    status: str | None = None
    partner_id: UUID | None = None
    number_of: int | None = None
    version: int | None = None
    kept: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, status: str, code: str, message: str, pointer: str = "", **more: Any) -> None:
        """Say that this line is not stored, and why."""
        self.status = status
        self.errors.append({"pointer": pointer, "code": code, "message": message} | more)

    def forget(self) -> None:
        """Undo what an attempt that was rolled back has said."""
        self.status = self.partner_id = self.number_of = self.version = None
        self.kept, self.errors = [], []

    def validate(self) -> None:
        """Check the contents, once."""
        if self.item is not None or self.status is not None:
            return
        try:
            self.item = _ADAPTER.validate_python(self.value)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False)[:_ERRORS]:
                self.refuse("invalid", *said(one))


def entries(lines: list[Line]) -> list[Entry]:
    """The lines of a chunk with their keys and digests; contents are checked by `validate`."""
    return [_entry(line) for line in lines]


def _entry(line: Line) -> Entry:
    value = line.value
    entry = Entry(line.number, None, value)
    if line.fault is not None:
        entry.refuse("invalid", line.fault, FAULTS[line.fault])
    elif not isinstance(value, dict):
        entry.refuse("invalid", "not_an_object", "is not a JSON object")
    else:
        key = value.get("key")
        if isinstance(key, str):
            # As the field itself is stripped; an impossible key is refused with the rest.
            entry.key = key.strip()
            if len(entry.key.encode("utf-8", "replace")) > _KEY_BYTES:
                entry.key = None
                entry.refuse("invalid", "string_too_long", "is too long", "/key")
        entry.digest = _digest(value)
        if entry.key is None or "\x00" in entry.key or not entry.key.isprintable():
            entry.validate()
            entry.key = None if entry.item is None else entry.item.key
    return entry


def _digest(value: Any) -> str:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return blake2b(plain.encode(), digest_size=16).hexdigest()


def identifier_key(item: Any, authority_key: str | None, agency: UUID | None) -> tuple[Any, ...]:
    """What makes an identifier the same as another, as the unique index has it."""
    return (item.scheme.value, item.value, item.country, item.area, authority_key, agency)
