"""What the tests of the contract share: the fixtures, a clock, keys and writes."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from ...backends import (
    ANY_VERSION,
    Backend,
    Change,
    ScopeFilter,
    StoredScope,
)
from ...state.scopes import Scope, ScopeKey

HOSTILE_KEYS = (
    *("a", "a.b", "a%", "a_", "a*", "a?", "a[b]", "a::b", "a:b", "a\\", "a'b", 'a"b', "a;b", "a b"),
    *("A", "caf\u00e9", "cafe\u0301", "\u0430", "\u202ea", "a\n", "\U0001f600", "a" * 255),
)
"""What looks like a pattern, a separator, a quote or another key."""

BYTES = (b"null", b"", b"\0", b'"\\u0000"', b"\xff\xfe", b"not JSON", b"x" * 1_000_000)
"""Values are bytes: what they mean is nobody's business here."""


class Clock:
    """A clock that stands still until it is told.

    Attributes:
        now: Seconds since 1970.
    """

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def person(name: str, *, scope: Scope = "actor", bot: str = "bot-1") -> ScopeKey:
    """Return the key of somebody's state."""
    return ScopeKey(scope, (("runner_id", "r"), ("bot_id", bot), ("actor_id", name)))


def put(
    scope: ScopeKey,
    key: str = "k",
    value: bytes = b"1",
    *,
    expect: int = ANY_VERSION,
    run_id: str | None = None,
    expires_at: float | None = None,
) -> Change:
    """Return a write."""
    return Change(scope, key, value, expect, run_id, expires_at)


class ContractBase:
    """The fixtures of the tests."""

    @abstractmethod
    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> Backend:
        """Return a backend that is not open yet.

        Args:
            place: An empty folder; the same folder means the same store, where it is durable.
            clock: What the backend is to take for the time.
        """

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest_asyncio.fixture
    async def backend(self, tmp_path: Path, clock: Clock) -> AsyncIterator[Backend]:
        async with self.make(tmp_path, clock=clock) as backend:
            yield backend


async def all_scopes(backend: Backend, which: ScopeFilter | None = None) -> Sequence[StoredScope]:
    """Return the scopes that a filter matches, all of them by default."""
    return (await backend.scopes(which or ScopeFilter(), None, 1000)).scopes
