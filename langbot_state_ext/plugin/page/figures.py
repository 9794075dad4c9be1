"""The overview's figures: computed by one task at a time, and cached for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from .jobs import Jobs
from .responses import Response

Names = Callable[[str | None], Awaitable[Mapping[str, str]]]
"""Returns the names of the bots of a workspace by uuid; None for all bots."""

LOGGER = logging.getLogger("langbot_state_ext.plugin")

REST = 20
"""Figures are cached for this many times as long as they took to compute …"""

REST_MAX_S = 10.0
"""… but for no more than this many seconds."""

WAIT_S = 5.0
"""How long a call waits for figures; then it returns without them, and the task continues."""


class Figures:
    """Computes and caches the figures of a workspace.

    Args:
        jobs: Computes them.
        workspace: The workspace; None for the whole store.
        names: Returns the names of LangBot's bots.
        clock: Seconds since 1970.
    """

    def __init__(
        self, jobs: Jobs, workspace: str | None, names: Names, clock: Callable[[], float]
    ) -> None:
        self._jobs = jobs
        self._workspace = workspace
        self._names = names
        self._clock = clock
        self._figures: Response | None = None
        self._due = 0.0
        self._invalidated = False
        self._started = 0.0
        self._task: asyncio.Task[None] | None = None

    def invalidate(self) -> None:
        """Mark the figures as out of date, and those that are being computed."""
        self._invalidated = True
        self._due = 0.0

    async def show(self) -> Response:
        """Return the figures.

        Returns:
            The cached figures where computing takes long. Without any yet, `pending_s`: for how
            many seconds they have been computed.

        Raises:
            BackendError: The store failed, now or since the last call.
        """
        names = await self._names_or_none()
        if self._task is None and self._clock() >= self._due:
            self._started = self._clock()
            self._task = asyncio.create_task(self._compute())
        if self._task is not None:
            await self._wait(self._task)
        pending = {"pending_s": max(0.0, self._clock() - self._started)}
        return {**(self._figures or pending), "bot_names": names}

    async def _wait(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait({task}, timeout=WAIT_S)
        if task.done():
            if self._task is task:
                self._task = None
            task.result()

    async def _compute(self) -> None:
        self._invalidated = False
        now, began = self._clock(), time.perf_counter()
        figures = await self._jobs.run("figures", {"now": now, "workspace": self._workspace})
        rest = min(REST * (time.perf_counter() - began), REST_MAX_S)
        self._figures = {**figures, "made_at": now}
        self._due = 0.0 if self._invalidated else self._clock() + rest

    async def _names_or_none(self) -> Mapping[str, str]:
        """Return the names of the bots; none when LangBot fails to give them.

        Called in the task of the operator's request: LangBot 4.11.2 refuses its database to tasks
        that a request starts (langbot/pkg/persistence/mgr.py).
        """
        try:
            return await self._names(self._workspace)
        except Exception as error:  # noqa: BLE001 - the figures matter more
            LOGGER.warning("LangBot did not give the names of the bots: %s", error)
            return {}
