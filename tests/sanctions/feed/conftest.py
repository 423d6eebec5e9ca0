"""A registry of this folder's own: what is put into its streams is what a test put there."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.auth import jose
from app.auth.keys import SigningKeys
from app.auth.scopes import AGENCY
from app.core.clock import utc_now
from app.core.db import Database
from app.core.sequencer import Sequencer
from app.core.settings import Settings
from app.main import create_app
from app.sanctions.feed import build, root_documents, root_keys
from app.sanctions.feed.stream import FeedStream
from tests.conftest import cloned, settings_for
from tests.support import Api, World, build_world, open_api

FEED = "/v1/feeds/sanctions"


def entry(entry_id: str, name: str = "Amani Relief Trust", **more: Any) -> dict[str, Any]:
    """An entry as an agency's measure has it."""
    return {
        "entry_id": entry_id,
        "source": "agency",
        "reference": f"UNDP-{entry_id[:8]}",
        "kind": "organisation",
        "names": [{"name": name, "type": "primary"}, {"name": "Amani Trust", "type": "alias"}],
        "countries": ["KEN"],
        "birth_dates": [],
        "identifiers": [{"scheme": "ORG_ID", "value": "KE-NCB-218-051"}],
        "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
        "registry_number": "IPR-0000001-F",
        "imposing_agency": "UNDP",
        "regime": "IMPLEMENTING_PARTNER",
        "measure": "DEBARMENT_FIXED",
        "blocking": True,
        "effect": {
            "eligible": False,
            "text": "Not eligible until the end date",
            "new_agreements": "forbidden",
            "renewals": "forbidden",
            "payments_due": "continue",
            "running_agreements": "wind_down",
            "wind_down_until": "2026-12-31",
            "continuity_contact": "continuity@undp.example",
        },
        "scope": {"all": True, "countries": [], "modalities": []},
        "practices": ["FRAUDULENT"],
        "procedure": "full",
        "legal_reference": "UNDP vendor sanctions procedures, 2025",
        "decided_on": "2026-06-10",
        "effective_from": "2026-06-15",
        "effective_to": "2028-06-14",
        "release_condition": False,
        "affiliate_of": None,
        "affiliate_relation": None,
        "supersedes": None,
        "contact_office": "Ethics office",
        "last_reviewed": None,
        "next_transition_at": "2028-06-15T00:00:00Z",
        "status": "ACTIVE",
        "level": "INTER_AGENCY",
    } | more


@dataclass
class Stand:
    """A registry without a worker process: what the worker does is done by hand."""

    settings: Settings
    app: FastAPI
    world: World
    worker: Database
    operator: Database
    feed: FeedStream
    _apis: dict[str, Api] = field(default_factory=dict)

    async def api(self, name: str = "WFP") -> Api:
        """A caller, by the name of its client."""
        if name not in self._apis:
            self._apis[name] = await open_api(self.app, self.world, name, tuple(sorted(AGENCY)))
        return self._apis[name]

    def own(self, agency: str) -> str:
        """The stored name of an agency's own stream."""
        return build.own_stream(self.world.agencies[agency])

    async def source(self, code: str) -> str:
        """A stream of its own that every agency reads."""
        await self.run(
            "INSERT INTO list_sources (code, audience, required, max_staleness_s, streams) "
            "VALUES ($1, 'shared', false, 86400, ARRAY['inter_agency']) RETURNING code",
            code,
        )
        return f"source.{code}"

    async def change(self, *changes: tuple[str, Any, Sequence[str]]) -> None:
        """Commit puts (an entry) and removes (an id and a reason) for streams."""
        rows: list[tuple[Any, ...]] = []
        for op, what, streams in changes:
            if op == "put":
                rows.append((what["entry_id"], op, build.canonical(what), None, list(streams)))
            else:
                rows.append((what[0], op, None, what[1], list(streams)))
        async with self.worker.connection() as connection, connection.transaction():
            for row in rows:
                await connection.execute(
                    "INSERT INTO feed_pending (entry_id, op, entry, reason, streams) "
                    "VALUES ($1, $2, $3, $4, $5)",
                    *row,
                )

    async def put(self, what: dict[str, Any], *streams: str) -> None:
        """Put an entry and number it."""
        await self.change(("put", what, streams))
        await self.number()

    async def remove(self, entry_id: str, reason: str, *streams: str) -> None:
        """Remove an entry and number that."""
        await self.change(("remove", (entry_id, reason), streams))
        await self.number()

    async def number(self) -> None:
        """What the sequencer would do now."""
        sequencer = Sequencer(self.worker, [self.feed.as_stream()])
        while await sequencer.step():
            continue

    async def beat(self, *streams: str) -> None:
        """What the heartbeat would do now."""
        async with self.worker.connection() as connection:
            await self.feed.heartbeat(connection, streams)

    async def run(self, sql: str, *values: Any) -> list[Any]:
        """As the superuser; the first column."""
        async with self.operator.connection() as connection:
            return [row[0] for row in await connection.fetch(sql, *values)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker takes all that use the registry of this folder: it is made once."""
    for item in items:
        if "stand" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("feed"))


@asynccontextmanager
async def opened(worker_name: str, root_key: Path, **more: object) -> AsyncIterator[Stand]:
    """A registry with the heads of both common streams and of each agency's own."""
    async with cloned(f"registry_test_feed_{worker_name}_{uuid4().hex[:6]}") as name:
        settings = settings_for(name, root_key, **more)
        world = await build_world(settings)
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            worker = Database(settings.require("database_worker_url"), settings)
            operator = Database(settings.require("database_migration_url"), settings)
            feed = FeedStream(SigningKeys(worker, app.state.root), settings.issuer)
            made = Stand(settings, app, world, worker, operator, feed)
            await made.beat("public", "inter_agency")
            yield made
            await worker.close()
            await operator.close()


@pytest.fixture(scope="session")
async def stand(worker_name: str, root_key: Path) -> AsyncIterator[Stand]:
    async with opened(worker_name, root_key) as made:
        yield made


@pytest.fixture(scope="session")
async def signed(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    """The registry with a keys document."""
    folder = tmp_path_factory.mktemp("root") / "keys"
    anchor = root_keys.read_anchor(root_keys.root_init(folder, stand.settings.issuer))
    keys = root_keys.read_root_keys(sorted(folder.glob("root-*.pem"))[:2], anchor)
    await root_documents.root_sign(stand.operator, anchor, keys, stand.settings.issuer, utc_now())
    return stand


async def source(stand: Stand, code: str) -> str:
    """A stream of its own that every agency reads."""
    await stand.run(
        "INSERT INTO list_sources (code, audience, required, max_staleness_s, streams) "
        "VALUES ($1, 'shared', false, 86400, ARRAY['inter_agency']) RETURNING code",
        code,
    )
    return f"source.{code}"


async def manifest(api: Api, stream: str = "inter_agency") -> dict[str, Any]:
    """What the manifest of a stream says."""
    answer = await api.get(f"{FEED}/manifest?stream={stream}")
    assert answer.status_code == 200, answer.text
    assert len(answer.content) <= 1_200
    claims: dict[str, Any] = jose.unverified_claims(answer.text)
    return claims


async def index(api: Api, stream: str = "inter_agency") -> dict[str, Any]:
    """The index of a stream."""
    named = (await manifest(api, stream))["index"]["sha256"]
    return await api.read(f"{FEED}/chunks/{named}")


async def chunk_lines(api: Api, sha256: str) -> list[dict[str, Any]]:
    """The lines of a gzip file."""
    answer = await api.get(f"{FEED}/chunks/{sha256}")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]


async def whole_set(api: Api, stream: str = "inter_agency") -> dict[str, dict[str, Any]]:
    """The entries of all chunks, by id; digest and count are checked."""
    found = await index(api, stream)
    claims = await manifest(api, stream)
    digest = build.set_digest(item["raw_sha256"] for item in found["chunks"])
    assert digest == claims["set_sha256"]
    entries = {
        line["entry_id"]: line
        for item in found["chunks"]
        if item["sha256"]
        for line in await chunk_lines(api, item["sha256"])
    }
    assert len(entries) == claims["count"]
    return entries
