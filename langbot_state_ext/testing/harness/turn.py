"""`Turn`: a run that a test drives result by result."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from .reply import Reply
from .run_driver import RunDriver


class Turn:
    """A run under way, for tests of runs that overlap; `RunnerHarness.begin` makes it."""

    def __init__(
        self, driver: RunDriver, run_until_complete: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> None:
        self._driver = driver
        self._run_until_complete = run_until_complete

    def step(self) -> dict[str, Any] | None:
        """Let the run go on to its next result.

        Returns:
            The result, which LangBot has taken; None when the run is over.
        """
        result: dict[str, Any] | None = self._run_until_complete(self._driver.step())
        return result

    def finish(self) -> Reply:
        """Let the run go on to its end."""
        self._run_until_complete(self._driver.finish())
        return self._driver.record.reply()

    def cancel(self) -> Reply:
        """Cancel the run, as LangBot does when nobody waits for it any more."""
        self._run_until_complete(self._driver.cancel())
        return self._driver.record.reply()
