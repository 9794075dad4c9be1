"""Long work in the event loop: small steps, with pauses between them."""

from __future__ import annotations

import asyncio
import time

STEP_S = 0.002
"""After this many seconds of work the event loop has its turn."""

LOOP_SHARE = 0.1
"""The share of the time that long work takes in an event loop that has other work to do."""


class Pace:
    """Spreads work over time.

    Args:
        share: The share of the time that the work may take, over 0 to 1. Default 1: the event loop
            has its turn after each step, but there is no pause.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._pauses = 1 / share - 1
        self._resumed = time.perf_counter()

    async def step(self) -> None:
        """Pause if enough work was done since the last pause; call it every few microseconds."""
        worked = time.perf_counter() - self._resumed
        if worked >= STEP_S:
            await asyncio.sleep(worked * self._pauses)
            self._resumed = time.perf_counter()
