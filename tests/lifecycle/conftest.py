"""A store in memory, and life cycles over it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from langbot_state_ext import (
    RunLifecycle,
    StateStore,
)


@pytest_asyncio.fixture
async def store() -> AsyncIterator[StateStore]:
    async with StateStore() as store:
        yield store


@pytest.fixture
def lifecycle(store: StateStore) -> RunLifecycle:
    return RunLifecycle(store)


@pytest.fixture
def careful(store: StateStore) -> RunLifecycle:
    """Return a life cycle that takes failed runs back."""
    return RunLifecycle(store, on_failed_run="rollback", instance_id="here")
