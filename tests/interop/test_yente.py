"""yente and followthemoney, as they are, read the files of the feed. Run by `make interop`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.sanctions.feed.checksums import Checksums
from app.sanctions.feed.entries import listed_entry
from app.sanctions.sources import ALL
from tests.cli.commands import free_port
from tests.sanctions.feed.conftest import Stand, entry, opened
from tests.sanctions.sources.test_contract import issues_of
from tests.sockets import served

FTM = "/v1/feeds/sanctions/ftm"
_CONSUMER = Path(__file__).with_name("consumer.py")
_PROGRAMS = os.environ.get("REGISTRY_INTEROP")
pytestmark = [
    pytest.mark.skipif(_PROGRAMS is None, reason="REGISTRY_INTEROP names no folder of programs"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
async def address(worker_name: str, root_key: Path) -> AsyncIterator[tuple[Stand, str]]:
    """A registry on a port, with every party of every sample list and some debarments."""
    root = f"http://127.0.0.1:{free_port()}"
    async with opened(worker_name, root_key, issuer=root) as stand:
        listed = [
            ("put", listed_entry(source.code, party), ("public", "inter_agency"))
            for source in ALL.values()
            for party in source.parse(*issues_of(source.code)[0])
        ]
        own = [("put", entry(str(uuid4()), f"Trust {n}"), ("inter_agency",)) for n in range(5)]
        await stand.change(*listed, *own)
        await stand.number()
        await Checksums(stand.worker).note_due()
        async with served(stand.app, int(root.rpartition(":")[2])):
            yield stand, root


async def _run(program: str, *arguments: str) -> str:
    """The last line it writes."""
    assert _PROGRAMS is not None
    started = await asyncio.create_subprocess_exec(
        os.path.join(_PROGRAMS, program),
        *arguments,
        # yente finds other symbols of a name as its sets happen to be ordered.
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await started.communicate()
    assert started.returncode == 0, err.decode()
    return (out.decode().splitlines() or [""])[-1]


async def _token(stand: Stand, root: str) -> str:
    """A feed token, which yente can send."""
    fao = await stand.api("FAO")
    made = await fao.made("/v1/clients/FAO/feed-tokens", {"name": uuid4().hex, "days": 2})
    return str(made["token"])


@pytest.mark.parametrize("stream", ["public", "inter_agency"])
async def test_yente_loads_everything_once_and_then_what_changed(
    address: tuple[Stand, str], stream: str, tmp_path: Path
) -> None:
    stand, root = address
    token, state = await _token(stand, root), str(tmp_path / "state.json")
    index = f"{root}{FTM}/index.json?stream={stream}"
    first = json.loads(await _run("python", str(_CONSUMER), index, token, state))
    assert first["documents"] == first["full"]["ADD"] > 100
    await _change(stand, stream)
    await Checksums(stand.worker).note_due()
    second = json.loads(await _run("python", str(_CONSUMER), index, token, state))
    assert second["version"] > first["version"]
    assert second["documents"] == first["documents"]
    assert second["steps"]["DEL"] < 20
    print(stream, first, second)  # noqa: T201 - for who runs it


async def _change(stand: Stand, stream: str) -> None:
    """One renamed, one gone, one new, one that came and went, one that came and was annulled."""
    async with stand.worker.connection() as connection:
        present = await connection.fetch(
            "SELECT entry FROM feed_entries WHERE stream = $1 ORDER BY entry_id LIMIT 2", stream
        )
    changed, gone = (json.loads(row["entry"]) for row in present)
    new, brief, wrong = (str(uuid4()) for _ in range(3))
    streams = (stream,)
    changed["names"].append({"name": f"New {datetime.now(UTC):%f}", "type": "alias"})
    await stand.put(changed, *streams)
    await stand.put(entry(brief, "Brief Trust"), *streams)
    await stand.put(entry(wrong, "Slandered Trust"), *streams)
    await stand.change(
        ("remove", (gone["entry_id"], "delisted"), streams),
        ("put", entry(new, "New Trust"), streams),
        ("remove", (brief, "lifted"), streams),
    )
    await stand.number()
    await stand.remove(wrong, "annulled", *streams)


async def test_followthemoney_validates_every_line_and_drops_no_value(
    address: tuple[Stand, str], tmp_path: Path
) -> None:
    stand, root = address
    token = await _token(stand, root)
    source, result = tmp_path / "entities.ftm.json", tmp_path / "valid.ftm.json"
    async with httpx.AsyncClient(headers={"Authorization": f"Token {token}"}) as client:
        answer = await client.get(f"{root}{FTM}/entities.ftm.json")
    source.write_bytes(answer.content)
    await _run("ftm", "validate", "-i", str(source), "-o", str(result))
    given, valid = (_properties(path) for path in (source, result))
    assert given.keys() == valid.keys()
    lost = [
        (entity_id, name, sorted(values))
        for entity_id, properties in given.items()
        for name, values in properties.items()
        if len(valid[entity_id].get(name, ())) != len(values)
    ]
    assert lost == []


def _properties(path: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return {one["id"]: {k: set(v) for k, v in one["properties"].items()} for one in lines}
