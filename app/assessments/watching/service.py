"""What the watch found, for the owner's eyes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.watching.schemas import UnusualReadingFilter
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import RoleLacksRight

_FILTERS = {"kind": "u.kind = :kind", "agency": "r.code = :agency", "after": "u.id < :after"}


async def list_unusual(
    session: AsyncSession, caller: Caller, filters: UnusualReadingFilter, after: UUID | None
) -> list[Any]:
    """One row more than a page of what was unusual, newest first.

    Raises RoleLacksRight for roles that do not read the log. A client below RESTRICTED sees none.
    """
    if not policy.has_right(caller, "read", "AUDITLOG"):
        raise RoleLacksRight
    if not policy.reaches(caller, "RESTRICTED"):
        return []
    wanted = {"kind": filters.kind, "agency": filters.agency, "after": after}
    values = {name: value for name, value in wanted.items() if value is not None}
    clauses = ["u.owner_agency = (SELECT app_agency())", *(_FILTERS[name] for name in values)]
    sql = (
        "SELECT u.id, u.kind, r.code AS agency, u.assessment_id, u.purpose, u.records, "  # noqa: S608 - texts of ours; values are bound
        "u.event_id, u.at, u.noticed_at FROM unusual_readings u "
        f"JOIN agencies r ON r.id = u.reader_agency WHERE {' AND '.join(clauses)} "
        f"ORDER BY u.id DESC LIMIT {int(filters.limit + 1)}"
    )
    return list((await session.execute(text(sql), values)).all())
