"""The reference client against the real feed, over a socket: it holds what is served."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import rfc8785
import uvicorn

from app.sanctions.feed import build
from partner_registry_client import (
    Api,
    AsyncRegistryClient,
    Bundle,
    Config,
    PullResult,
    SecretCredential,
    Store,
    initialise,
    pull,
    sync,
)
from partner_registry_client.api import Source
from tests.cli.commands import environment_of, registry
from tests.sanctions.feed.conftest import FEED, Stand, entry, manifest, source, whole_set

CALLER = "UNICEF"
"""An agency whose own stream no other test looks into."""


@asynccontextmanager
async def served(stand: Stand) -> AsyncIterator[str]:
    """The application on a port of this host."""
    server = uvicorn.Server(uvicorn.Config(stand.app, port=0, lifespan="off", log_level="critical"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - a server's state
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


class Client:
    """A copy of one stream."""

    def __init__(self, home: Path, stream: str) -> None:
        self.home = home
        self.stream = stream

    async def make(self, stand: Stand, url: str) -> None:
        """Pin the root of the keys document, which an agency gets by another way."""
        wfp = await stand.api(CALLER)
        document = json.loads((await wfp.get(f"{FEED}/keys")).content)
        claims = json.loads(decoded(document["payload"]))
        anchor = {"issuer": claims["iss"], "version": 1, **claims["root"]}
        config = Config(url, self.stream, CALLER, "client_secret_basic")
        initialise(self.home, config, json.dumps(anchor).encode(), b"x")

    async def pull(self, source: Source) -> PullResult:
        def work() -> PullResult:
            with Store.open(self.home) as store:
                return pull(store, source)

        return await asyncio.to_thread(work)

    def held(self) -> set[bytes]:
        with Store.open(self.home, read_only=True) as store:
            return set(store.entries())


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def published(stand: Stand, stream: str) -> set[bytes]:
    found = await whole_set(await stand.api(CALLER), stream)
    return {rfc8785.dumps(one) for one in found.values()}


@pytest.mark.parametrize("stream", ["source.zz_client", "agency"])
async def test_after_any_changes_the_copy_is_the_set(
    signed: Stand, tmp_path: Path, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "FAR_BEHIND", 15)
    monkeypatch.setattr(build, "DELTA_SIZES", (5, 20, 80, 320))
    chance = random.Random(20261123)
    if stream == "agency":
        stored = signed.own(CALLER)
    else:
        stored = await source(signed, stream.removeprefix("source."))
    await signed.beat(stored)
    client, ids = Client(tmp_path / "home", stream), list[str]()
    async with served(signed) as url:
        await client.make(signed, url)
        credential = SecretCredential(CALLER, signed.world.secrets[CALLER])
        modes, asked = [], list[str]()
        with Api(url, credential, issuer=signed.settings.issuer) as api:
            honest = api.files

            def files(named: str) -> bytes:
                asked.append(named)
                return honest(named)

            monkeypatch.setattr(api, "files", files)
            for _ in range(8):
                for _ in range(chance.choice((0, 1, 7, 30))):
                    if ids and chance.random() < 0.4:
                        gone = ids.pop(chance.randrange(len(ids)))
                        reason = chance.choice(("lifted", "annulled", "error"))
                        await signed.change(("remove", (gone, reason), [stored]))
                    else:
                        again = ids and chance.random() < 0.3
                        entry_id = chance.choice(ids) if again else str(uuid4())
                        ids = list(dict.fromkeys([*ids, entry_id]))
                        what = entry(entry_id, f"Naïve Trust {chance.random()} 慈善")
                        await signed.change(("put", what, [stored]))
                await signed.number()
                await signed.beat()
                result = await client.pull(api)
                modes.append(result.mode)
                claims = await manifest(await signed.api(CALLER), stream)
                assert (result.seq, result.count) == (claims["seq_to"], claims["count"])
                assert client.held() == await published(signed, stream)
    assert modes[0] == "full"
    assert "delta" in modes
    assert asked


async def test_a_bundle_of_the_service_is_taken(signed: Stand, tmp_path: Path) -> None:
    await signed.put(entry(str(uuid4())), "inter_agency")
    client, file = Client(tmp_path / "home", "inter_agency"), tmp_path / "feed.zip"
    await client.make(signed, "https://registry.example")
    done = await registry("feed", "bundle", file, env=environment_of(signed.settings))
    assert done.exit_code == 0, done.output
    with Bundle(file) as bundle:
        assert (await client.pull(bundle)).mode == "full"
    assert client.held() == await published(signed, "inter_agency")


async def test_the_whole_api_answers_to_its_names(signed: Stand) -> None:
    credential = SecretCredential(CALLER, signed.world.secrets[CALLER])
    async with (
        served(signed) as url,
        AsyncRegistryClient(url, credential, issuer=signed.settings.issuer) as client,
    ):
        body = {"legal_name": f"Umoja {uuid4()}", "country": "KEN"}
        with pytest.raises(Exception, match="422"):
            await client.create_partner(body=body)  # type: ignore[arg-type]  # what lacks fields is what it is about
        files = await client.get_feed_files(stream="inter_agency")
        assert files.data["stream"] == "inter_agency"
        assert files.etag
        assert [one async for one in client.iter_list_partners(limit=2)] == []
