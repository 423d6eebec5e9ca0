"""A database that refuses what comes of one request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from app.core.db import Database


@asynccontextmanager
async def refusing(database: Database, mark: str, state: str) -> AsyncIterator[None]:
    """The log refuses, when the transaction ends, what comes of a request with this id."""
    refuse = f"""CREATE FUNCTION refuse_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.request_id = '{mark}' THEN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END IF;
        RETURN NULL; END $$"""
    late = """CREATE CONSTRAINT TRIGGER refuse_late AFTER INSERT ON audit_events
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_late()"""
    async with database.session() as session:
        await session.execute(text(refuse))
        await session.execute(text(late))
    try:
        yield
    finally:
        async with database.session() as session:
            await session.execute(text("DROP TRIGGER refuse_late ON audit_events"))
            await session.execute(text("DROP FUNCTION refuse_late()"))
