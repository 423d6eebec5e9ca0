"""``/livez`` touches nothing; ``/readyz`` asks the database and its migration head."""

from __future__ import annotations

import asyncio

import asyncpg
from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.db import Database
from app.core.routing import Router

router = Router(tags=["operations"])


class Health(BaseModel):
    """State of this process."""

    status: str = Field(examples=["ok"])
    reason: str | None = None


@router.get("/livez", operation_id="getLiveness", response_model=Health, summary="Liveness")
async def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="getReadiness",
    response_model=Health,
    responses={503: {"model": Health, "description": "Not ready"}},
    summary="Readiness",
)
async def readyz(request: Request) -> JSONResponse:
    """The database answers and has the schema this release needs."""
    database: Database = request.app.state.database
    try:
        async with asyncio.timeout(2), database.connection() as connection:
            version = await connection.fetchval("SELECT version_num FROM alembic_version")
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        DBAPIError,
        PoolTimeout,
    ):
        return JSONResponse({"status": "unavailable", "reason": "database"}, status_code=503)
    if version != request.app.state.migration_head:
        return JSONResponse({"status": "unavailable", "reason": "schema"}, status_code=503)
    return JSONResponse({"status": "ok", "reason": None})
