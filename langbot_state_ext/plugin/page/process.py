"""Runs jobs in a process of its own: their work never competes with LangBot's event loop."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...errors import BackendUnavailable
from .responses import Response, error_named

MODULE = f"{__package__}.worker"

IDLE_S = 60.0
"""After this many seconds without a job the process ends."""

NICE = 19
"""The lowest priority: LangBot's own process comes first."""

LINE_BYTES = 64 * 1024 * 1024
"""The longest answer."""


class ProcessJobs:
    """Runs jobs in a process that is started for the first of them, one after the other.

    Args:
        url: The store's complete url, for a store that several processes can open.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._idle: asyncio.Task[None] | None = None

    async def run(self, job: str, arguments: Mapping[str, Any]) -> Response:
        """Run a job, see `Jobs.run`. A job that is cancelled ends the process.

        Raises:
            BackendUnavailable: The process ended; the next job starts another one.
        """
        async with self._lock:
            self._stop_idling()
            try:
                answer = await self._ask({"job": job, "arguments": arguments})
            except BaseException:
                await self._end()
                raise
            self._idle = asyncio.create_task(self._end_when_idle())
        if "error" in answer:
            raise error_named(answer["error"], answer["message"])
        return dict(answer["answer"])

    async def close(self) -> None:
        """End the process. Calling it again does nothing."""
        async with self._lock:
            self._stop_idling()
            await self._end()

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._process is None or self._process.returncode is not None:
            await self._end()
            self._process = await self._start()
        line = await _exchange(self._process, request)
        if not line.endswith(b"\n"):
            status = await self._process.wait()
            raise BackendUnavailable(
                f"the process that searches and counts ended with exit status {status}: try again; "
                "LangBot's error output has its last words"
            )
        return dict(json.loads(line))

    async def _start(self) -> Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", MODULE),
                stdin=PIPE,
                stdout=PIPE,
                limit=LINE_BYTES,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except OSError as error:
            raise BackendUnavailable(
                f"the process that searches and counts does not start: {error}"
            ) from error
        if hasattr(os, "setpriority"):  # from here, so that it holds for its imports, too
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        _write(process, {"url": self._url})
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            with suppress(ConnectionError):
                await process.communicate()

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(IDLE_S)
        async with self._lock:
            await self._end()


async def _exchange(process: Process, request: Mapping[str, Any]) -> bytes:
    """Return the line that answers a request; a part of one, or nothing, when the process ends."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    _write(process, request)
    with suppress(ConnectionError):
        await process.stdin.drain()
    return await process.stdout.readline()


def _write(process: Process, message: Mapping[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(json.dumps(message).encode() + b"\n")
