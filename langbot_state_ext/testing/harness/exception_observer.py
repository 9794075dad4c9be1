"""What a runner raises: the SDK's `Runner.invoke` keeps the message and drops the traceback."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult

OnException = Callable[[str, Exception], None]
"""Takes the run id, and what the runner raised."""


def observe_exceptions(runner: Runner, on_exception: OnException) -> None:
    """Call `on_exception` with each exception that the runner's `run` raises."""
    run: Any = runner.run
    wrap: Any = _wrap_generator if inspect.isasyncgenfunction(run) else _wrap_coroutine
    runner.run = wrap(run, on_exception)  # type: ignore[method-assign]


def _wrap_generator(
    run: Any, on_exception: OnException
) -> Callable[[RunnerContext], AsyncIterator[RunnerResult]]:
    async def observed(ctx: RunnerContext) -> AsyncIterator[RunnerResult]:
        try:
            async with aclosing(run(ctx)) as results:
                async for result in results:
                    yield result
        except Exception as error:
            on_exception(ctx.run_id, error)
            raise

    return observed


def _wrap_coroutine(
    run: Any, on_exception: OnException
) -> Callable[[RunnerContext], Awaitable[Any]]:
    async def observed(ctx: RunnerContext) -> Any:
        try:
            return await run(ctx)
        except Exception as error:
            on_exception(ctx.run_id, error)
            raise

    return observed
