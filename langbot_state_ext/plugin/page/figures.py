"""The overview's figures: made one at a time, waited for a moment, and kept for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from ...backends.overview import DAY_S
from ...store.store import StateStore
from ..owners import BOOKKEEPING
from ..views import overview_view
from .responses import Answer

LOGGER = logging.getLogger("langbot_state_ext.plugin")

DAYS = 14
"""How many days the chart has."""

NEWEST = 40
"""How many of the latest writes are told."""

PARTS = ("runner_id", "bot_id", "bot_uuid")
"""The parts of an identity that can be chosen from."""

REST = 20
"""An overview is made anew after this many times of how long it took, at the earliest …"""

REST_MAX_S = 10.0
"""… and after this many seconds at the latest."""

WAIT_S = 5.0
"""How long a call waits for figures; it goes on without them, and they go on being made."""


class Figures:
    """Makes the figures of a store.

    Args:
        names: Gives the names of LangBot's bots by uuid.
        clock: Seconds since 1970.
    """

    def __init__(
        self, names: Callable[[], Awaitable[Mapping[str, str]]], clock: Callable[[], float]
    ) -> None:
        self._names = names
        self._clock = clock
        self._bot_names: Mapping[str, str] = {}
        self._made: Answer | None = None
        self._due = 0.0
        self._outdated = False
        self._started = 0.0
        self._task: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """Take the figures for out of date, those in the making, too."""
        self._outdated = True
        self._due = 0.0

    async def show(self, store: StateStore) -> Answer:
        """Return the figures.

        Returns:
            Those of a moment ago where making them takes long. `pending_s` alone says for how many
            seconds they have been in the making when there are none yet.

        Raises:
            BackendError: The store failed, now or since the last call.
        """
        if self._task is None and self._clock() >= self._due:
            self._started = self._clock()
            self._task = asyncio.create_task(self._make(store))
        if self._task is not None:
            await self._wait(self._task)
        pending = {"pending_s": max(0.0, self._clock() - self._started)}
        return {**(self._made or pending), "bot_names": self._bot_names}

    async def _wait(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait({task}, timeout=WAIT_S)
        if task.done():
            if self._task is task:
                self._task = None
            task.result()

    async def _make(self, store: StateStore) -> None:
        self._outdated = False
        self._bot_names = await self._names_or_none()
        now, began = self._clock(), time.perf_counter()
        overview = await store.backend.overview(
            BOOKKEEPING, since=now - DAYS * DAY_S, newest=NEWEST, parts=PARTS
        )
        rest = min(REST * (time.perf_counter() - began), REST_MAX_S)
        self._made = {**overview_view(overview), "made_at": now}
        self._due = 0.0 if self._outdated else self._clock() + rest

    async def _names_or_none(self) -> Mapping[str, str]:
        """Return the names of the bots; none where LangBot does not say them."""
        try:
            return await self._names()
        except Exception as error:  # noqa: BLE001 - the figures matter more
            LOGGER.warning("The names of the bots are not known: %s", error)
            return {}
