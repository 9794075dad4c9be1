"""The harness that these tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from langbot_state_ext.testing import RunnerHarness

from .talker import Talker


@pytest.fixture
def harness() -> Iterator[RunnerHarness]:
    with RunnerHarness(Talker) as harness:
        yield harness
