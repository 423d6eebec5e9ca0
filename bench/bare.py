"""The bare reference: what FastAPI and asyncpg do when nothing else is asked of them."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, Request
from pydantic import BaseModel

SCHEMA = """
CREATE TABLE IF NOT EXISTS bare_items (id uuid PRIMARY KEY, name text, body jsonb, n int);
CREATE TABLE IF NOT EXISTS bare_facts (id uuid PRIMARY KEY, item_id uuid, body bytea,
    at timestamptz DEFAULT now());
"""


class Fact(BaseModel):
    item_id: UUID
    text: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(os.environ["BARE_URL"], min_size=10, max_size=10)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


@app.get("/items/{item_id}")
async def read(item_id: UUID, request: Request) -> dict[str, object]:
    """One SELECT by key."""
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT id, name, body, n FROM bare_items WHERE id = $1", item_id
        )
    return dict(row)


@app.post("/facts", status_code=201)
async def write(fact: Fact, request: Request) -> dict[str, object]:
    """One SELECT and one committed INSERT."""
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "SELECT id, name, n FROM bare_items WHERE id = $1", fact.item_id
        )
        new = uuid4()
        await connection.execute(
            "INSERT INTO bare_facts (id, item_id, body) VALUES ($1, $2, $3)",
            new,
            fact.item_id,
            secrets.token_bytes(64),
        )
    return {"id": new, "name": row["name"]}
