"""The clock of a harness."""

from __future__ import annotations

import time


class HarnessClock:
    """The machine's clock, and the time that `RunnerHarness.wait` has let pass.

    Attributes:
        waited_s: How much that was, in seconds.
    """

    def __init__(self) -> None:
        self.waited_s = 0.0

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self.waited_s
