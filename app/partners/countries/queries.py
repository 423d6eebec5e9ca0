"""Every select of country settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_SELECT = """SELECT c.country, c.version, c.sensitive, c.reason, a.code AS set_by, c.set_at
    FROM country_settings c JOIN agencies a ON a.id = c.set_by"""


async def read_setting(session: AsyncSession, country: str) -> Row[Any]:
    """The setting of a country that has one."""
    return (await session.execute(text(f"{_SELECT} WHERE c.country = :it"), {"it": country})).one()


async def list_settings(
    session: AsyncSession, sensitive: bool | None, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Settings by country."""
    clauses, values = ["true"], {"sensitive": sensitive, "after": after}
    if sensitive is not None:
        clauses.append("c.sensitive = :sensitive")
    if after is not None:
        clauses.append("c.country > :after")
    wanted: dict[str, Any] = {key: item for key, item in values.items() if item is not None}
    sql = f"{_SELECT} WHERE {' AND '.join(clauses)} ORDER BY c.country LIMIT :limit"
    return (await session.execute(text(sql), wanted | {"limit": limit})).all()
