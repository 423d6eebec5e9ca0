"""Clients made by the interface, and callers that use them."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import FastAPI

from tests.support import Api, World, open_api

CLIENTS, PERSONS = "/v1/clients", "/v1/persons"


def client_body(**more: Any) -> dict[str, Any]:
    """A machine client that reads partners."""
    body: dict[str, Any] = {
        "name": "Vendor system",
        "auth_method": "client_secret_basic",
        "scopes": ["partners:read"],
    }
    return body | more


def person_body(**more: Any) -> dict[str, Any]:
    """A person of a name of their own."""
    name = f"Person {secrets.token_hex(4)}"
    return {"name": name, "office": "Nairobi", "role": "officer"} | more


async def caller_of(app: FastAPI, client_id: str, secret: str) -> Api:
    """An authenticated caller for a client that was just made."""
    world = World(secrets={client_id: secret})
    return await open_api(app, world, client_id, ())


async def administrator(app: FastAPI, maker: Api, **more: Any) -> Api:
    """A caller of a new person who may make clients, with these rights."""
    person = await maker.made(PERSONS, person_body())
    scopes = ["clients:admin", "partners:read", "feed:read"]
    body = client_body(scopes=scopes, person_id=person["id"], max_level="AGENCY_ONLY") | more
    made = await maker.made(CLIENTS, body)
    return await caller_of(app, made["id"], made["secret"])
