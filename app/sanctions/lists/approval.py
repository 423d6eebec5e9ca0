"""An operator decides about an issue that was held back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.core.db import Database
from app.sanctions.lists import quarantine, staging, streams
from app.sanctions.lists.audience import find_source
from app.sanctions.lists.importer import ImportResult, long_work, swap
from app.sanctions.lists.staging import Delta

_LOCK = text("SELECT FROM list_sources WHERE code = :code FOR UPDATE")


async def approve(
    database: Database, code: str, by: str, reason: str, *, correcting: bool = False
) -> ImportResult:
    """Put the issue that waits in force. Raises NothingHeld or UnknownSource.

    ``correcting``: see `importer.import_list`.
    """
    source = find_source(code)
    async with database.session() as session:
        await long_work(session)
        await session.execute(_LOCK, {"code": code})
        await streams.align(session, source)
        candidate, header, delta = await quarantine.stage_held(session, code)
        await quarantine.decide(session, candidate.id, code, "approved", by, reason)
        return await swap(session, source, header, delta, correcting=correcting)


async def refuse(database: Database, code: str, by: str, reason: str) -> None:
    """Drop the issue that waits; the same files are not taken again. Raises NothingHeld."""
    find_source(code)
    async with database.session() as session:
        await session.execute(_LOCK, {"code": code})
        candidate = await quarantine.waiting_of(session, code)
        if candidate is None:
            raise quarantine.NothingHeld(f"No issue of {code} is held back.")
        await quarantine.decide(session, candidate.id, code, "refused", by, reason)


async def diff_held(
    database: Database, code: str, limit: int = 200
) -> tuple[Delta, list[dict[str, Any]]]:
    """How the issue that waits differs from the list in force. Raises NothingHeld."""
    find_source(code)
    async with database.session() as session:
        await long_work(session)
        _, _, delta = await quarantine.stage_held(session, code)
        changes = await staging.preview(session, code, limit)
        await session.rollback()
    return delta, changes
