"""A pause ends when its bell is rung, also before it began, and by itself."""

from __future__ import annotations

import asyncio

from app.core.bell import Bell


async def test_a_ring_ends_one_pause_and_no_other() -> None:
    bell = Bell()
    bell.ring()
    async with asyncio.timeout(5):
        await bell.pause(60)
        waiting = asyncio.create_task(bell.pause(60))
        await asyncio.sleep(0)
        assert not waiting.done()
        bell.ring()
        await waiting
        await bell.pause(0.001)
