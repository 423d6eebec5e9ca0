"""Pauses that end early when there is something to do.

Within one process. What another process leaves to do is found when the pause is over: a pause is
short enough by itself.
"""

from __future__ import annotations

import asyncio


class Bell:
    """Rung by whoever made work, heard by the one that pauses; a ring before the pause counts."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the pause, or the next one."""
        self._rung.set()

    async def pause(self, seconds: float) -> None:
        """Return after ``seconds``, or when it is rung."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
            self._rung.clear()
        except TimeoutError:
            return
