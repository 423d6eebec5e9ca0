"""What the worker watches of clients."""

from __future__ import annotations

from sqlalchemy import text

from app.auth.clients import SECRET_WARNING
from app.core import metrics
from app.core.db import Database

_EXPIRING = text(
    """SELECT count(*) FROM (SELECT s.client_id
        FROM client_secrets s JOIN clients c ON c.id = s.client_id AND c.status = 'active'
        GROUP BY s.client_id
        HAVING max(s.expires_at) > now() AND max(s.expires_at) < now() + :warning) soon"""
).bindparams(warning=SECRET_WARNING)


async def watch_secrets(database: Database) -> int:
    """Set the gauge of active clients whose newest secret ends soon; how many they are."""
    async with database.session() as session:
        count: int = await session.scalar(_EXPIRING) or 0
    metrics.client_secrets_expiring.set(count)
    return count
