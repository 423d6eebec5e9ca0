"""What a run stands on: an embedded PostgreSQL, a small world, server processes."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.auth import clients as auth
from app.auth.scopes import AGENCY
from app.core import migrate, roles
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.ids import new_id
from app.core.settings import Settings
from app.demo.agencies import take_in
from app.partners.matching.names import Named, rows
from app.recognition.policies.service import ensure_default_policies
from app.sanctions.lists.importer import import_list
from bench import bare

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "app/sanctions/sources/samples/unsc.xml"
LISTS = os.environ.get("REGISTRY_LISTS_DIR")
PORT = 18_970
_SETTLED = """SELECT EXISTS (SELECT FROM screened_subjects)
    AND EXISTS (SELECT FROM screened_entries)
    AND NOT EXISTS (SELECT FROM rescreen_tasks) AND NOT EXISTS (SELECT FROM duplicate_checks)"""


@dataclass
class Stand:
    """A database ready to be measured, and how to reach it."""

    folder: Path
    server: EmbeddedPostgres
    settings: Settings
    secret: str
    partner_ids: list[str]
    item_ids: list[str]

    def environment(self) -> dict[str, str]:
        """Environment of a server process of ours."""
        return {
            **os.environ,
            "REGISTRY_ENV": "development",
            "REGISTRY_DATABASE_URL": self.settings.require("database_url"),
            "REGISTRY_DATABASE_WORKER_URL": self.settings.require("database_worker_url"),
            "REGISTRY_ROOT_KEY_FILE": str(self.settings.root_key_file),
            "REGISTRY_ISSUER": f"http://127.0.0.1:{PORT}",
            "REGISTRY_INDEX_DIR": str(self.folder / "index"),
            "BARE_URL": self.settings.require("database_url"),
        }

    @contextmanager
    def serving(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A server process on PORT, ended by its id afterwards."""
        log = (self.folder / "server.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=self.environment(),
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(process)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=20)
            log.close()

    def ours(self) -> tuple[str, ...]:
        """Command of our server."""
        return ("app.cli", "serve", "--port", str(PORT))

    def bare(self) -> tuple[str, ...]:
        """Command of the reference: the same loop and parser."""
        flags = ("--no-access-log", "--log-level", "warning", "--http", "h11", "--loop", "uvloop")
        return ("uvicorn", "bench.bare:app", "--port", str(PORT), *flags)

    def token(self) -> str:
        """An access token with all scopes."""
        answer = httpx.post(
            f"http://127.0.0.1:{PORT}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=("WFP", self.secret),
        )
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def settle(self, seconds: float = 600) -> None:
        """Return when the worker has screened the profiles and the list that were loaded: minutes
        of work for it that no request has to do with. Raises RuntimeError.
        """
        deadline = time.monotonic() + seconds
        while not asyncio.run(self._settled()):
            if time.monotonic() > deadline:
                raise RuntimeError("the worker has not screened everything yet")
            time.sleep(1)

    async def _settled(self) -> bool:
        owner = await asyncpg.connect(self.settings.require("database_migration_url"))
        done: bool = await owner.fetchval(_SETTLED)
        await owner.close()
        return done

    def load(self, requests: list[str], seconds: float, connections: int = 32) -> dict[str, Any]:
        """Run the load generator; its figures."""
        plan = self.folder / "plan.json"
        plan.write_text(
            json.dumps(
                {
                    "port": PORT,
                    "seconds": seconds,
                    "connections": connections,
                    "requests": requests,
                }
            )
        )
        done = subprocess.run(
            [sys.executable, "-m", "bench.load", str(plan)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
            timeout=seconds + 60,
        )
        result: dict[str, object] = json.loads(done.stdout)
        return result


def _wait(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/livez", timeout=1)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not start; see server.log")


def build(folder: Path, partners: int) -> Stand:
    """A fresh database with ``partners`` profiles; PostgreSQL with its safe settings."""
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    key = folder / "root.key"
    if not key.exists():
        RootKey.generate("demo").save(key)
    password = secrets.token_hex(16)
    settings = Settings(
        env="development",
        database_url=server.url(roles.APP, "bench", password),
        database_worker_url=server.url(roles.WORKER, "bench", password),
        database_migration_url=server.url(database="bench"),
        root_key_file=key,
        issuer=f"http://127.0.0.1:{PORT}",
    )
    asyncio.run(_create(server, password))
    migrate.upgrade(settings.require("database_migration_url"))
    secret, partner_ids, item_ids = asyncio.run(_fill(settings, partners))
    return Stand(folder, server, settings, secret, partner_ids, item_ids)


async def _create(server: EmbeddedPostgres, password: str) -> None:
    connection = await asyncpg.connect(server.url())
    await roles.create_roles(connection, password, password)
    await connection.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
    await roles.create_database(connection, "bench")
    await connection.close()


async def _fill(settings: Settings, partners: int) -> tuple[str, list[str], list[str]]:
    database = Database(settings.require("database_migration_url"), settings)
    async with database.session() as session:
        agencies = [await take_in(session, code, code) for code in ("WFP", "UNICEF", "UNDP")]
        for agency in agencies:
            await ensure_default_policies(session, agency.id)
        person = await auth.add_person(session, agencies[0].id, "Bench", "HQ", "officer")
        secret = await auth.create_client(
            session,
            auth.NewClient(
                "WFP",
                "bench",
                tuple(AGENCY),
                agencies[0].id,
                auth_method="client_secret_basic",
                person_id=person.id,
            ),
        )
    assert secret is not None
    async with database.connection() as connection:
        await connection.execute(bare.SCHEMA)
        await connection.execute("GRANT SELECT, INSERT ON bare_items, bare_facts TO reg_app")
        ids = await _partners(connection, agencies[1].id, partners)
        items = [new_id() for _ in range(1_000)]
        await connection.executemany(
            "INSERT INTO bare_items (id, name, body, n) VALUES ($1, $2, $3, 1)",
            [(item, f"item {item}", json.dumps({"text": "x" * 500})) for item in items],
        )
        await connection.execute("ANALYZE")
    await database.close()
    worker = Database(settings.require("database_worker_url"), settings)
    file = Path(LISTS) / "un_sc_consolidated_2026-02-27.xml" if LISTS else SAMPLE
    await import_list(worker, "unsc", file)
    await worker.close()
    return secret, [str(item) for item in ids], [str(item) for item in items]


async def _partners(connection: asyncpg.Connection, owner: object, count: int) -> list[UUID]:
    """Profiles with a name, an alias and an identifier each, by COPY."""
    words = ("Amani", "Relief", "Trust", "Tumaini", "Society", "Water", "Hope", "Development")
    countries = ("KEN", "UGA", "TCD", "NER", "BGD", "NPL", "COL", "LBN", "JOR", "SSD")
    ids = [new_id() for _ in range(count)]
    profiles, named, identifiers = [], [], []
    for n, partner_id in enumerate(ids):
        name = f"{words[n % 8]} {words[(n // 8) % 8]} {words[(n // 64) % 8]} {n}"
        country = countries[n % 10]
        profiles.append((partner_id, name, [f"{name} Alias"], "NGO_NATIONAL", country, owner))
        named.append(Named(partner_id, country, name, aliases=[f"{name} Alias"]))
        identifiers.append((new_id(), partner_id, "ORG_ID", f"KE-NCB-{n:09d}", owner))
    await connection.copy_records_to_table(
        "partners",
        records=profiles,
        columns=("id", "legal_name", "aliases", "partner_type", "country", "created_by"),
    )
    await connection.copy_records_to_table(
        "partner_names",
        records=rows(named),
        columns=("partner_id", "keys"),
    )
    await connection.copy_records_to_table(
        "partner_identifiers",
        records=identifiers,
        columns=("id", "partner_id", "scheme", "value", "created_by"),
    )
    return ids
