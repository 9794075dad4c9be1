"""The synchronous store over real servers."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext import (
    BackendError,
    BackendUnavailable,
    RunnerScopedStateStore,
    ScopeFilter,
    open_backend,
)
from langbot_state_ext.testing import SimpleBinding, SimpleDescriptor, SimpleEvent, SimpleQuery
from langbot_state_ext.testing.contract import person, put

EVENT, BINDING, RUNNER = SimpleEvent(), SimpleBinding(), SimpleDescriptor()


@pytest.fixture(params=["postgres", "redis"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres":
        return f"{request.getfixturevalue('postgres_url')}?schema=of_sync"
    return f"{request.getfixturevalue('redis_url')}?prefix=of-sync:"


def test_the_synchronous_store_reaches_a_server(url: str) -> None:
    before = threading.active_count()
    with RunnerScopedStateStore.open(url) as store:
        store.clear_all()
        assert store.apply_update_from_event(EVENT, BINDING, RUNNER, "actor", "a", [1])
        query = SimpleQuery()
        assert store.apply_update(query, RUNNER, "conversation", "conversation_id", "uuid-1")
        assert query.session is not None
        assert query.session.using_conversation is not None
        assert query.session.using_conversation.uuid == "uuid-1"
    with RunnerScopedStateStore.open(url) as store:
        assert store.build_snapshot_from_event(EVENT, BINDING, RUNNER)["actor"] == {"a": [1]}
        assert store.clear_scope_from_event("actor", EVENT, BINDING, RUNNER) == 1
        assert store.clear_all() == 1
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    "which", [ScopeFilter(parts={"actor_id": "\ud800"}), ScopeFilter(text="\ud800")]
)
async def test_what_no_identity_can_hold_finds_nothing(url: str, which: ScopeFilter) -> None:
    async with open_backend(url) as backend:
        await backend.commit([put(person("alice"))])
        assert (await backend.scopes(which, None, 5)).scopes == []


def test_threads_share_the_synchronous_store(url: str) -> None:
    with RunnerScopedStateStore.open(url) as store:
        store.clear_all()

        def write(worker: int) -> None:
            for number in range(20):
                key = f"k{worker}.{number}"
                assert store.apply_update_from_event(EVENT, BINDING, RUNNER, "actor", key, 1)

        threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.build_snapshot_from_event(EVENT, BINDING, RUNNER)["actor"]) == 80


def test_a_closed_store_says_so(url: str) -> None:
    store = RunnerScopedStateStore.open(url)
    store.close()
    store.close()
    with pytest.raises(BackendError, match="the store is closed"):
        store.build_snapshot_from_event(EVENT, BINDING, RUNNER)
    store.close()


def test_closing_ends_the_calls_of_other_threads(url: str, mocker: MockerFixture) -> None:
    store = RunnerScopedStateStore.open(url)
    waiting = threading.Event()

    async def hang(_keys: object) -> None:
        waiting.set()
        await asyncio.sleep(600)

    mocker.patch.object(store._store.backend, "load", hang)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(store.build_snapshot_from_event, EVENT, BINDING, RUNNER)
        assert waiting.wait(10)
        store.close()
        with pytest.raises(BackendError, match="closed during this call"):
            reading.result(10)


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
def test_a_server_that_is_not_there_leaves_no_thread(scheme: str) -> None:
    before = threading.active_count()
    with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1:1/"):
        RunnerScopedStateStore.open(f"{scheme}://u:x@127.0.0.1:1/0?wait_s=1")
    assert threading.active_count() <= before
