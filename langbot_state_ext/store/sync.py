"""`RunnerScopedStateStore`: the synchronous face of `StateStore`, over the same coroutines.

Over memory and SQLite they never suspend, and are simply run. Over a network they run in an event
loop of the store's own, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, Protocol, Self, TypeVar

from ..backends import open_backend
from ..errors import BackendError
from ..state.codec import DEFAULT_LIMITS, Limits
from ..state.protocols import BindingLike, EventLike, HasId, QueryLike
from ..state.scopes import ConversationIdentity, Snapshot
from .store import StateStore

T = TypeVar("T")


class RunnerScopedStateStore:
    """State of runners, for callers without an event loop. Safe to share between threads.

    Args:
        store: What it drives. Its backend must not be open yet where it is `networked`, and
            must never suspend where it is not. Default: state in memory.
    """

    def __init__(self, store: StateStore | None = None) -> None:
        self._store = store or StateStore()
        self._open = True
        networked = self._store.backend.networked
        self._driver: _Driver = _LoopThread() if networked else _Inline()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        limits: Limits = DEFAULT_LIMITS,
        conversation_identity: ConversationIdentity | None = None,
    ) -> Self:
        """Open a store by url.

        Args:
            url: See `open_backend`.
            limits: The limits on keys and values.
            conversation_identity: As for `StateStore`.

        Raises:
            ConfigError: The url is not one we know, or the server refuses it.
            MissingExtra: Its driver is not installed.
            BackendError: The store can't be opened; the message names it.
        """
        backend = open_backend(url, blocking=True)
        store = cls(StateStore(backend, limits=limits, conversation_identity=conversation_identity))
        try:
            store._drive(backend.open())
        except BaseException:
            store.close()
            raise
        return store

    def build_snapshot(self, query: QueryLike, descriptor: HasId) -> Snapshot:
        """Read the state of a Query, see `StateStore.build_snapshot`."""
        return self._drive(self._store.build_snapshot(query, descriptor))

    def apply_update(
        self,
        query: QueryLike,
        descriptor: HasId,
        scope: str,
        key: str,
        value: Any,
        logger: Any = None,
    ) -> bool:
        """Write one value of a Query's state, see `StateStore.apply_update`."""
        return self._drive(self._store.apply_update(query, descriptor, scope, key, value, logger))

    def build_snapshot_from_event(
        self, event: EventLike, binding: BindingLike, descriptor: HasId
    ) -> Snapshot:
        """Read the state of an event, see `StateStore.build_snapshot_from_event`."""
        return self._drive(self._store.build_snapshot_from_event(event, binding, descriptor))

    def apply_update_from_event(
        self,
        event: EventLike,
        binding: BindingLike,
        descriptor: HasId,
        scope: str,
        key: str,
        value: Any,
        logger: Any = None,
    ) -> bool:
        """Write one value of an event's state, see `StateStore.apply_update_from_event`."""
        return self._drive(
            self._store.apply_update_from_event(
                event, binding, descriptor, scope, key, value, logger
            )
        )

    def clear_scope(self, scope: str, query: QueryLike, descriptor: HasId) -> int:
        """Delete one scope of a Query's state, see `StateStore.clear_scope`."""
        return self._drive(self._store.clear_scope(scope, query, descriptor))

    def clear_scope_from_event(
        self, scope: str, event: EventLike, binding: BindingLike, descriptor: HasId
    ) -> int:
        """Delete one scope of an event's state, see `StateStore.clear_scope`."""
        return self._drive(self._store.clear_scope_from_event(scope, event, binding, descriptor))

    def clear_all(self) -> int:
        """Delete all state; returns how many entries there were."""
        return self._drive(self._store.clear_all())

    def close(self) -> None:
        """Close the store. Calling it again does nothing."""
        if self._open:
            self._open = False
            try:
                self._drive(self._store.close())
            finally:
                self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _drive(self, work: Coroutine[Any, Any, T]) -> T:
        return self._driver.run(work)


class _Driver(Protocol):
    """Runs coroutines for callers that have no event loop."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return its result."""

    def close(self) -> None:
        """Release what it holds. Calling it again does nothing."""


class _Inline:
    """Runs coroutines that never suspend, one at a time, in the caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            try:
                work.send(None)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            finally:
                work.close()
        raise RuntimeError("this backend suspends, but is not networked: use StateStore")

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class _LoopThread:
    """Runs coroutines in an event loop in a thread of its own, made at the first call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._started(work)).result()
        except CancelledError:
            raise BackendError("the store was closed during this call") from None

    def close(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
            self._closed = True
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _started(self, work: Coroutine[Any, Any, Any]) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                work.close()
                raise BackendError("the store is closed")
            if self._loop is None:
                self._loop = asyncio.SelectorEventLoop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="state-loop", daemon=True
                )
                self._thread.start()
            return self._loop


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


_process_store: RunnerScopedStateStore | None = None
_process_lock = threading.Lock()


def get_state_store() -> RunnerScopedStateStore:
    """Return the one store of this process, in memory; made at the first call."""
    global _process_store  # noqa: PLW0603 - one per process is what it is for
    with _process_lock:
        if _process_store is None:
            _process_store = RunnerScopedStateStore()
        return _process_store


def reset_state_store() -> None:
    """Close and forget the store of this process; the next `get_state_store` makes another."""
    global _process_store  # noqa: PLW0603 - as above
    with _process_lock:
        if _process_store is not None:
            _process_store.close()
        _process_store = None
