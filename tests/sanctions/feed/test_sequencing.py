"""Twelve writers, a sequencer that is killed again and again, two clients: nothing is missed."""

from __future__ import annotations

import asyncio
import math
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from subprocess import PIPE, Popen

import pytest

from app.sanctions.feed import build
from tests.cli.commands import ROOT, clean_environment, environment_of
from tests.sanctions.feed.conftest import FEED, Stand, entry, manifest, whole_set
from tests.support import Api

WRITERS = 12
_NUMBERING = """
import asyncio
from app import models
from app.auth.keys import SigningKeys
from app.core.db import Database
from app.core.key_provider import load_root_keys
from app.core.sequencer import Sequencer
from app.core.settings import Settings
from app.sanctions.feed.stream import FeedStream

async def main():
    settings = Settings()
    database = Database(settings.require("database_worker_url"), settings)
    feed = FeedStream(SigningKeys(database, load_root_keys(settings)), settings.issuer)
    async with database.connection() as connection:
        await connection.execute("SELECT 1")
    print("ready", flush=True)
    await Sequencer(database, [feed.as_stream()]).run(asyncio.Event())

asyncio.run(main())
"""


@contextmanager
def numbering(stand: Stand) -> Iterator[Popen[bytes]]:
    """A process that numbers, killed at the end."""
    child = Popen(
        [sys.executable, "-c", _NUMBERING],
        cwd=ROOT,
        env=clean_environment() | environment_of(stand.settings),
        stdout=PIPE,
    )
    assert child.stdout is not None
    try:
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


async def ready(child: Popen[bytes]) -> None:
    """Until the process has begun to number, or to wait for its turn."""
    assert child.stdout is not None
    assert await asyncio.to_thread(child.stdout.readline) == b"ready\n"


class Writer:
    """Commits puts of its own entries, late and at times not at all."""

    def __init__(self, stand: Stand, stream: str, number: int) -> None:
        self.stand, self.stream = stand, stream
        self.ids = [f"{number:02}-{n}" for n in range(5)]
        self.committed: list[tuple[str, int, float]] = []

    async def run(self, until: float) -> None:
        draw, count = random.Random(self.ids[0]), 0
        async with self.stand.worker.connection() as connection:
            while time.monotonic() < until:
                count += 1
                one = draw.choice(self.ids)
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(
                    "INSERT INTO feed_pending (entry_id, op, entry, streams) "
                    "VALUES ($1, 'put', $2, $3)",
                    one,
                    build.canonical(entry(one, reference=str(count))),
                    [self.stream],
                )
                await asyncio.sleep(draw.random() * 0.05)
                if draw.random() < 0.1:
                    await transaction.rollback()
                    continue
                await transaction.commit()
                self.committed.append((one, count, time.monotonic()))


class Reader:
    """A client that goes on from its cursor."""

    def __init__(self, api: Api, stream: str) -> None:
        self.api, self.stream, self.after = api, stream, 0
        self.seen: list[tuple[int, str, int, float]] = []

    async def run(self, done: asyncio.Event) -> None:
        while True:
            last = done.is_set()
            url = f"{FEED}/changes?stream={self.stream}&after={self.after}&limit=1000"
            page = await self.api.read(url + ("" if last else "&wait=1"))
            now = time.monotonic()
            for change in page["changes"]:
                written = int(change["entry"]["reference"])
                self.seen.append((change["seq"], change["entry_id"], written, now))
            self.after = page["to"]
            if last and not page["more"]:
                return


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.drill)])
@pytest.mark.timeout(240)
async def test_nothing_is_missed_repeated_or_out_of_order(stand: Stand, seconds: int) -> None:
    stream = await stand.source(f"zz_drill_{seconds}")
    await stand.beat(stream)
    writers = [Writer(stand, stream, number) for number in range(WRITERS // 2)]
    other = Stand(**{**vars(stand), "worker": stand.operator, "_apis": {}})
    writers += [Writer(other, stream, number) for number in range(WRITERS // 2, WRITERS)]
    readers = [Reader(await stand.api(name), stream) for name in ("WFP", "FAO")]
    done, killed = asyncio.Event(), 0
    with ExitStack() as running:
        first = running.enter_context(numbering(stand))
        await ready(first)
        until = time.monotonic() + seconds
        reading = [asyncio.create_task(reader.run(done)) for reader in readers]
        writing = [asyncio.create_task(writer.run(until)) for writer in writers]
        while time.monotonic() < until:
            # As in life there are two; the one that leads is killed, and the other takes over.
            second = running.enter_context(numbering(stand))
            await ready(second)
            await asyncio.sleep(random.random() * 2)
            first.send_signal(signal.SIGKILL)
            killed += 1
            first = second
    await asyncio.gather(*writing)
    async with asyncio.timeout(30):
        # The lock of the one killed last lives until the server has noticed.
        while await stand.run("SELECT count(*) FROM feed_pending") != [0]:
            await stand.number()
            await asyncio.sleep(0.05)
    done.set()
    await asyncio.gather(*reading)
    written = {(one, count): at for writer in writers for one, count, at in writer.committed}
    for reader in readers:
        _check(reader, written)
    known = await whole_set(await stand.api(), stream)
    assert len(known) == (await manifest(await stand.api(), stream))["count"]
    lags = sorted(
        at - written[one, count] for reader in readers for _, one, count, at in reader.seen
    )
    p99 = lags[math.ceil(len(lags) * 0.99) - 1]
    middle = lags[len(lags) // 2]
    sys.stderr.write(
        f"{len(written)} changes, {killed} kills, lag p50 {middle:.2f} s, p99 {p99:.2f} s, "
        f"highest {lags[-1]:.2f} s\n"
    )


def _check(reader: Reader, written: dict[tuple[str, int], float]) -> None:
    numbers = [seq for seq, *_ in reader.seen]
    assert numbers == list(range(1, len(numbers) + 1)), "gapless and in order"
    seen = [(one, count) for _, one, count, _ in reader.seen]
    assert len(seen) == len(set(seen)), "none twice"
    assert set(seen) == written.keys(), "none missed, none that was rolled back"
    by_writer: dict[str, list[int]] = defaultdict(list)
    for one, count in seen:
        by_writer[one[:2]].append(count)
    assert all(counts == sorted(counts) for counts in by_writer.values()), "each in its order"
