"""What the backends over a network have in common: the synchronous store, urls, extras."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext import (
    BackendError,
    BackendUnavailable,
    ConfigError,
    RunnerScopedStateStore,
    ScopeFilter,
    open_backend,
)
from langbot_state_ext.backends.urls import read_url
from langbot_state_ext.config import shown_url
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
        with pytest.raises(BackendError, match="closed meanwhile"):
            reading.result(10)


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
def test_a_server_that_is_not_there_leaves_no_thread(scheme: str) -> None:
    before = threading.active_count()
    with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1:1/"):
        RunnerScopedStateStore.open(f"{scheme}://u:x@127.0.0.1:1/0?wait_s=1")
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("scheme", "package", "extra"),
    [
        ("postgresql", "psycopg", "postgres"),
        ("postgresql", "psycopg_pool", "postgres"),
        ("redis", "redis", "redis"),
        ("valkey", "redis", "redis"),
    ],
)
def test_a_missing_driver_names_the_command_that_installs_it(
    scheme: str, package: str, extra: str
) -> None:
    program = f"""
import sys
sys.modules[{package!r}] = None
from langbot_state_ext import MissingExtra, open_backend
try:
    open_backend("{scheme}://h/0")
except MissingExtra as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert f"pip install 'langbot-state-ext[{extra}]'" in done.stdout


def test_drivers_are_imported_only_when_they_are_used() -> None:
    program = """
import sys
import langbot_state_ext
langbot_state_ext.open_backend("sqlite:///x.db")
assert not {"psycopg", "psycopg_pool", "redis"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:s3cret@h/d?wait_s=1", "postgresql://u:***@h/d?wait_s=1"),
        ("postgresql://h/d?user=u&password=s3cret", "postgresql://h/d?user=u&password=***"),
        (
            "postgresql://h/d?sslpassword=s3cret&user=u",
            "postgresql://h/d?sslpassword=***&user=u",
        ),
        (
            "rediss://:s3cret@h/0?password=s3cret&db=1",
            "rediss://:***@h/0?password=***&db=1",
        ),
    ],
)
def test_a_shown_url_has_no_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    open_backend(url)


@pytest.mark.parametrize("name", ["oauth_client_secret", "scram_client_key", "scram_server_key"])
def test_what_newer_libpqs_take_is_as_secret(name: str) -> None:
    url = f"postgresql://h/d?user=u&{name}=S3cret&options=x"
    assert shown_url(url) == f"postgresql://h/d?user=u&{name}=***&options=x"
    assert read_url(url, "schema", {name, "user", "options"}).secrets == ("S3cret",)


def test_a_password_in_the_query_is_kept_out_of_errors() -> None:
    url = "postgresql://127.0.0.1:1/d?user=u&password=s3cret&wait_s=1"
    with pytest.raises(BackendUnavailable) as caught:
        RunnerScopedStateStore.open(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://h/mydb", "redis:///0", "redis://h:6379/0/1", "redis://", "valkey://h/x"]
)
def test_a_redis_url_has_a_host_and_a_number(url: str) -> None:
    with pytest.raises(ConfigError, match="a number as database"):
        open_backend(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40Secret%zz@h/db",
        "postgresql://h/db?password=abc&Secret=1",
        "redis://u:a@Secret@h/0?nope=1",
    ],
)
def test_a_refusal_never_has_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_backend(url)
    assert "Secret" not in str(caught.value)
