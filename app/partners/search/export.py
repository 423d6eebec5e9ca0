"""Many profiles at once, for a purpose: chunk by chunk, each in the log before it leaves.

No statement and no transaction stays open between chunks: a slow reader holds nothing back, one
that goes away ends it, and a client that is revoked gets no further chunk. Memory is that of one
chunk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal
from uuid import UUID

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import StatedPurpose
from app.auth.caller import Caller
from app.core import csv_cells
from app.core.db import Database
from app.core.ids import new_id
from app.partners.search import service
from app.partners.search.conditions import conditions
from app.partners.search.queries import Order
from app.partners.search.schemas import Filters

CHUNK = 500
Format = Literal["csv", "ndjson"]
Audience = Literal["agencies", "public"]
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
PUBLIC_FIELDS = (
    *("registry_number", "legal_name", "legal_name_native", "partner_type", "country", "status"),
)
"""What anybody may know of a public profile (domain.md 9.2)."""
FIELDS = (
    *("id", "registry_number", "version", "status", "legal_name", "legal_name_native", "acronym"),
    *("aliases", "former_names", "partner_type", "tags", "country", "country_of_origin", "hq_id"),
    *("year_established", "website", "protected", "publication_consent", "complete", "valid_from"),
    *("last_confirmed_at", "identifiers", "created_by", "created_at", "updated_at"),
)
"""Columns of a CSV, in an order that stays: a new one is only ever added at the end."""


def fields_of(audience: Audience) -> tuple[str, ...]:
    """What is given to these readers."""
    return PUBLIC_FIELDS if audience == "public" else FIELDS


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "; ".join(
            f"{item['scheme']}:{item['value']}" if isinstance(item, dict) else str(item)
            for item in value
        )
    return str(value)


def _writer(form: Format, fields: tuple[str, ...]) -> Callable[[dict[str, Any]], str]:
    if form == "csv":
        return lambda item: csv_cells.line(_cell(item[name]) for name in fields)
    return lambda item: json.dumps({name: item[name] for name in fields}, ensure_ascii=False) + "\n"


async def begin(
    session: Any, caller: Caller, stated: StatedPurpose, filters: dict[str, Any]
) -> UUID:
    """Write down that an export begins; its id."""
    export_id = new_id()
    await audit.record(
        session, caller, Event.PARTNERS_EXPORT_BEGUN, audit.Subject(export_id),
        purpose=stated.purpose, reference=stated.reference, filters=filters,
    )  # fmt: skip
    return export_id


async def stream(
    database: Database,
    caller: Caller,
    export_id: UUID,
    stated: StatedPurpose,
    filters: Filters,
    audience: Audience,
    form: Format,
    bom: bool,
) -> AsyncIterator[bytes]:
    """The bytes. What was sent is what the log names; an export without an end was broken off."""
    fields = fields_of(audience)
    write, digest, count = _writer(form, fields), hashlib.sha256(), 0
    head = csv_cells.line(fields) if form == "csv" else ""
    first = (("\ufeff" if bom else "") + head).encode()
    digest.update(first)
    yield first
    after: list[Any] | None = None
    order = Order("newest", backward=False)
    while True:
        made = conditions(filters, caller.client_id, caller.scopes)
        async with database.fast_read() as connection:
            row = await service.find(connection, made, order, after, CHUNK)
        # Its client may have lost the right since: read again with every chunk.
        if row is None or "partners:export" not in row["scopes"]:
            return
        found = service.Found(row)
        if len(found):
            piece = "".join(write(json.loads(found.item(at))) for at in range(len(found))).encode()
            count, after = count + len(found), [found.ids[-1]]
            digest.update(piece)
            await _log(
                database, caller, Event.PARTNERS_EXPORT_SENT, export_id, stated,
                ids=[str(one) for one in found.ids],
            )  # fmt: skip
            yield piece
        if len(found) < CHUNK:
            break
    await _log(
        database, caller, Event.PARTNERS_EXPORT_ENDED, export_id, stated,
        count=count, sha256=digest.hexdigest(),
    )  # fmt: skip


async def _log(
    database: Database,
    caller: Caller,
    event: Event,
    export_id: UUID,
    stated: StatedPurpose,
    **detail: Any,
) -> None:
    async with database.session(caller.binding) as session:
        await audit.record(
            session, caller, event, audit.Subject(export_id),
            purpose=stated.purpose, reference=stated.reference, **detail,
        )  # fmt: skip
