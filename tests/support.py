"""What tests share: a small world of agencies and clients, and an HTTP caller with good manners."""

from __future__ import annotations

import functools
import inspect
import resource
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
import structlog
from fastapi import FastAPI

from app.auth import clients as auth
from app.auth.scopes import AGENCY
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.settings import Settings
from app.demo.agencies import take_in
from app.recognition.policies.service import ensure_default_policies

AGENCIES = ("UNICEF", "UNHCR", "WFP", "UNDP", "FAO")
BASE = "http://127.0.0.1:8000"


@dataclass
class World:
    """Ids and secrets of what `build_world` made."""

    agencies: dict[str, UUID] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    persons: dict[str, UUID] = field(default_factory=dict)


async def build_world(settings: Settings) -> World:
    """Agencies and clients: NAME, NAME_REVIEWER, NAME_APPROVER, each bound to its own person."""
    world = World()
    database = Database(settings.require("database_migration_url"), settings)
    async with database.session() as session:
        for code in AGENCIES:
            agency = await take_in(session, code, f"{code} (test)")
            world.agencies[code] = agency.id
            await ensure_default_policies(session, agency.id)
            for suffix in ("", "_REVIEWER", "_APPROVER"):
                name = code + suffix
                person = await auth.add_person(
                    session, agency.id, f"Person {name}", "HQ", f"role {suffix or 'officer'}"
                )
                world.persons[name] = person.id
                secret = await auth.create_client(
                    session,
                    auth.NewClient(
                        id=name,
                        agency_id=agency.id,
                        name=name,
                        scopes=tuple(sorted(AGENCY)),
                        auth_method="client_secret_basic",
                        person_id=person.id,
                    ),
                )
                assert secret is not None
                world.secrets[name] = secret
    await database.close()
    return world


class Api(httpx.AsyncClient):
    """An authenticated caller; every POST carries a fresh Idempotency-Key unless one is given.

    Its token is renewed in time, so that a long run does not outlive it.
    """

    renew: Callable[[], Awaitable[str]] | None = None
    renew_at: float = 0.0

    async def request(self, method: str, url: Any, **kwargs: Any) -> httpx.Response:
        if self.renew is not None and time.monotonic() > self.renew_at:
            await self.take_token()
        if method == "POST":
            headers = dict(kwargs.pop("headers", None) or {})
            headers.setdefault("Idempotency-Key", secrets.token_hex(16))
            kwargs["headers"] = headers
        return await super().request(method, url, **kwargs)

    async def take_token(self) -> None:
        """Get a token, good for the next 200 seconds."""
        assert self.renew is not None
        self.headers["Authorization"] = f"Bearer {await self.renew()}"
        self.renew_at = time.monotonic() + 200

    @property
    def ring(self) -> KeyRing:
        """The keys of the application it calls, which runs in this process."""
        app: Any = cast(httpx.ASGITransport, self._transport).app
        return KeyRing(app.state.root)

    async def made(self, url: str, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """POST that must answer 201; its body."""
        response = await self.post(url, json=body, **kwargs)
        assert response.status_code == 201, response.text
        result: dict[str, Any] = response.json()
        return result

    async def read(self, url: str, **kwargs: Any) -> dict[str, Any]:
        """GET that must answer 200; its body."""
        response = await self.get(url, **kwargs)
        assert response.status_code == 200, response.text
        result: dict[str, Any] = response.json()
        return result


def in_turn(
    name: str, values: Sequence[Any], *, size: int, label: Callable[[Any], str] = str
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Make a test of one value a test of `size` of them, each on its own; it names all that fail.

    For the many small ones: what pytest does around each test costs more than they do.
    """
    groups = [values[start : start + size] for start in range(0, len(values), size)]

    def of_several(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(test)
        async def run(several: Sequence[Any], **fixtures: Any) -> None:
            failed = []
            for value in several:
                try:
                    await test(**{name: value}, **fixtures)
                except Exception as error:  # noqa: BLE001 - told below, with all others
                    error.add_note(f"{name}: {label(value)}")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(several)}", failed)

        taken = inspect.signature(test)
        given = [
            one.replace(name="several") if one.name == name else one
            for one in taken.parameters.values()
        ]
        run.__signature__ = taken.replace(parameters=given)  # type: ignore[attr-defined]  # read by pytest
        names = [f"{label(group[0])}…" for group in groups]
        several: Callable[..., Awaitable[None]] = pytest.mark.parametrize(
            "several", groups, ids=names
        )(run)
        return several

    return of_several


def plain_client(app: FastAPI) -> httpx.AsyncClient:
    """A caller without a token."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE)


async def token_for(app: FastAPI, client_id: str, secret: str, scopes: tuple[str, ...] = ()) -> str:
    """An access token by HTTP Basic."""
    async with plain_client(app) as client:
        response = await client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials", "scope": " ".join(scopes)},
            auth=(client_id, secret),
        )
    assert response.status_code == 200, response.text
    token: str = response.json()["access_token"]
    return token


async def open_api(app: FastAPI, world: World, name: str, scopes: tuple[str, ...]) -> Api:
    """An authenticated caller of the application in this process."""

    async def renew() -> str:
        return await token_for(app, name, world.secrets[name], scopes)

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    api = Api(transport=transport, base_url=BASE)
    api.renew = renew
    await api.take_token()
    return api


def unique(text: str) -> str:
    """``text`` with a word of its own, so that tests in one database do not meet."""
    return f"{text} {secrets.token_hex(4)}"


def plain_logs() -> None:
    """Logs as plain text: a traceback painted with all variables takes seconds."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )


def resident() -> int:
    """Bytes of memory that this process holds now; Linux, as the processes of the demo."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
