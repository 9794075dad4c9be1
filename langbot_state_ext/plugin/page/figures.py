"""The overview's figures: computed by one task at a time, and cached for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from ...backends.overview import DAY_S
from ...store.store import StateStore
from ..owners import BOOKKEEPING
from ..views import overview_view
from .responses import Response

LOGGER = logging.getLogger("langbot_state_ext.plugin")

DAYS = 14
"""How many days the chart has."""

NEWEST = 40
"""How many of the latest writes are listed."""

PARTS = ("runner_id", "bot_id", "bot_uuid")
"""The parts of a key that the page offers as filters."""

REST = 20
"""Figures are cached for this many times as long as they took to compute …"""

REST_MAX_S = 10.0
"""… but for no more than this many seconds."""

WAIT_S = 5.0
"""How long a call waits for figures; then it returns without them, and the task continues."""


class Figures:
    """Computes and caches the figures of a store.

    Args:
        names: Returns the names of LangBot's bots by uuid.
        clock: Seconds since 1970.
    """

    def __init__(
        self, names: Callable[[], Awaitable[Mapping[str, str]]], clock: Callable[[], float]
    ) -> None:
        self._names = names
        self._clock = clock
        self._bot_names: Mapping[str, str] = {}
        self._figures: Response | None = None
        self._due = 0.0
        self._invalidated = False
        self._started = 0.0
        self._task: asyncio.Task[None] | None = None

    def invalidate(self) -> None:
        """Mark the figures as out of date, and those that are being computed."""
        self._invalidated = True
        self._due = 0.0

    async def show(self, store: StateStore) -> Response:
        """Return the figures.

        Returns:
            The cached figures where computing takes long. Without any yet, `pending_s`: for how
            many seconds they have been computed.

        Raises:
            BackendError: The store failed, now or since the last call.
        """
        if self._task is None and self._clock() >= self._due:
            self._started = self._clock()
            self._task = asyncio.create_task(self._compute(store))
        if self._task is not None:
            await self._wait(self._task)
        pending = {"pending_s": max(0.0, self._clock() - self._started)}
        return {**(self._figures or pending), "bot_names": self._bot_names}

    async def _wait(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait({task}, timeout=WAIT_S)
        if task.done():
            if self._task is task:
                self._task = None
            task.result()

    async def _compute(self, store: StateStore) -> None:
        self._invalidated = False
        self._bot_names = await self._names_or_none()
        now, began = self._clock(), time.perf_counter()
        overview = await store.backend.overview(
            BOOKKEEPING, since=now - DAYS * DAY_S, newest=NEWEST, parts=PARTS
        )
        rest = min(REST * (time.perf_counter() - began), REST_MAX_S)
        self._figures = {**overview_view(overview), "made_at": now}
        self._due = 0.0 if self._invalidated else self._clock() + rest

    async def _names_or_none(self) -> Mapping[str, str]:
        """Return the names of the bots; none when LangBot fails to give them."""
        try:
            return await self._names()
        except Exception as error:  # noqa: BLE001 - the figures matter more
            LOGGER.warning("LangBot did not give the names of the bots: %s", error)
            return {}
