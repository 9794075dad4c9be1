"""Where a runner raised, which the SDK's `invoke` forgets."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult

Note = Callable[[str, Exception], None]
"""Takes the run id, and what the runner raised."""


def trace(runner: Runner, note: Note) -> None:
    """Have `note` called with what the runner's `run` raises."""
    run: Any = runner.run
    traced: Any = _stream(run, note) if inspect.isasyncgenfunction(run) else _coroutine(run, note)
    runner.run = traced  # type: ignore[method-assign]


def _stream(run: Any, note: Note) -> Callable[[RunnerContext], AsyncIterator[RunnerResult]]:
    async def traced(ctx: RunnerContext) -> AsyncIterator[RunnerResult]:
        try:
            async with aclosing(run(ctx)) as results:
                async for result in results:
                    yield result
        except Exception as error:
            note(ctx.run_id, error)
            raise

    return traced


def _coroutine(run: Any, note: Note) -> Callable[[RunnerContext], Awaitable[Any]]:
    async def traced(ctx: RunnerContext) -> Any:
        try:
            return await run(ctx)
        except Exception as error:
            note(ctx.run_id, error)
            raise

    return traced
