"""What Redis does to us, with a real server: stopped, killed, hung, full, read-only, empty."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext import (
    Backend,
    BackendError,
    BackendUnavailable,
    Change,
    ConfigError,
    MigrationError,
    ScopeFilter,
    open_backend,
)
from langbot_state_ext.backends.redis import client as redis_client
from langbot_state_ext.backends.redis.backend import RedisBackend
from langbot_state_ext.testing.contract import Clock, increment, person, put
from testkit.servers import PASSWORD, QUOTED, RedisServer, ServerProcess

ALICE = person("alice")
DOCS = Path(__file__).parents[2] / "docs" / "backends.md"
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")

PATIENT = "wait_s=60"
"""For calls that must end well, however busy the machine is."""
SHORT = "wait_s=3"
"""For calls that are meant to be given up."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(*DURABLE) as server:
        yield server


@pytest.fixture
async def backend(server: RedisServer) -> AsyncIterator[Backend]:
    server.command("FLUSHALL")
    async with open_backend(f"{server.url()}?{PATIENT}") as backend:
        yield backend


@pytest.fixture
async def hasty(backend: Backend, server: RedisServer) -> AsyncIterator[Backend]:
    """The same store, for calls that are meant to be given up."""
    async with open_backend(f"{server.url()}?{SHORT}") as hasty:
        yield hasty


async def test_a_server_that_stops_and_comes_back(backend: Backend, server: RedisServer) -> None:
    await backend.commit([put(ALICE)])
    server.stop()
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match=f"127.0.0.1:{server.port}/0 can't be"):
            await backend.load([ALICE])
        with pytest.raises(BackendUnavailable, match="can't be reached"):
            await backend.commit([put(ALICE, value=b"2")])
    server.start()
    assert await backend.load([ALICE]) == [{"k": b"1"}]
    await backend.commit([put(ALICE, value=b"2", expect=1)])


async def test_a_restart_between_two_calls_goes_unnoticed(
    backend: Backend, server: RedisServer
) -> None:
    await asyncio.gather(*(backend.commit([put(person(f"p{n}"))]) for n in range(40)))
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    await backend.commit([put(ALICE)])
    await asyncio.gather(*(backend.load([ALICE]) for _ in range(40)))


async def test_what_was_acknowledged_survives_a_kill_with_appendfsync_always(
    backend: Backend,
    server: RedisServer,
    kill_under_writers: Callable[[Backend, ServerProcess], Awaitable[None]],
) -> None:
    await kill_under_writers(backend, server)


async def test_a_hung_server_keeps_nobody_waiting(
    backend: Backend, hasty: Backend, server: RedisServer
) -> None:
    await backend.commit([put(ALICE)])
    server.pause()
    try:
        results = await asyncio.gather(
            hasty.load([ALICE]),
            hasty.commit([put(ALICE, value=b"2")]),
            return_exceptions=True,
        )
        for result in results:
            assert isinstance(result, BackendUnavailable)
            assert "did not answer within 3 s" in str(result)
    finally:
        server.resume()
    held = (await backend.load([ALICE]))[0]["k"]
    assert held in {b"1", b"2"}


async def test_an_empty_pool_says_so(server: RedisServer) -> None:
    narrow = RedisBackend.from_url(f"{server.url()}?{SHORT}&pool_size=1")
    async with narrow:
        assert narrow._client._redis is not None
        pool = narrow._client._redis.connection_pool
        taken = await pool.get_connection()  # type: ignore[no-untyped-call]
        with pytest.raises(BackendUnavailable, match="raise pool_size"):
            await narrow.load([ALICE])
        await pool.release(taken)
        assert await narrow.load([ALICE]) is not None


async def test_a_redis_that_comes_back_empty_is_told_and_trusted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing that was read before is served again, and the loss is in the log once."""
    with RedisServer() as server:
        async with open_backend(server.url()) as one, open_backend(server.url()) as other:
            assert "keeps nothing on disk" in caplog.text
            await one.commit([put(ALICE)])
            await other.load([ALICE])
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            caplog.clear()
            loads = await asyncio.gather(*(one.load([ALICE]) for _ in range(5)))
            assert loads == [[{}]] * 5
            await other.commit([put(ALICE, value=b"2", expect=0)])
            assert await one.load([ALICE]) == [{"k": b"2"}]
    lost = [record for record in caplog.records if "has lost the state" in record.message]
    assert len(lost) == 2
    assert {record.levelno for record in lost} == {logging.WARNING}


class Address:
    """An address that leads to one server, then to another, as a virtual IP does."""

    def __init__(self, port: int) -> None:
        self.leads_to = port

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.leads_to)
        await asyncio.gather(pipe(reader, back), pipe(there, writer))


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


async def test_an_address_that_moves_to_the_new_primary_is_followed(
    backend: Backend, server: RedisServer
) -> None:
    await backend.commit([put(ALICE)])
    with RedisServer("--masterauth", PASSWORD) as heir:
        heir.command("REPLICAOF", "127.0.0.1", str(server.port))
        await asyncio.to_thread(wait_for_link, heir)
        address = Address(server.port)
        async with address.listen() as port:
            url = server.url().replace(str(server.port), str(port))
            async with open_backend(f"{url}?{PATIENT}") as moving:
                await asyncio.gather(*(moving.load([ALICE]) for _ in range(8)))
                heir.command("REPLICAOF", "NO", "ONE")
                server.command("REPLICAOF", "127.0.0.1", "1")
                address.leads_to = heir.port
                try:
                    await moving.commit([put(ALICE, value=b"2", expect=1)])
                    loads = await asyncio.gather(*(moving.load([ALICE]) for _ in range(8)))
                finally:
                    server.command("REPLICAOF", "NO", "ONE")
        assert loads == [[{"k": b"2"}]] * 8
    assert await backend.load([ALICE]) == [{"k": b"1"}]


async def test_a_replica_reads_refuses_and_takes_over(
    backend: Backend, server: RedisServer
) -> None:
    await backend.commit([put(ALICE)])
    with RedisServer("--masterauth", PASSWORD) as replica:
        replica.command("REPLICAOF", "127.0.0.1", str(server.port))
        await asyncio.to_thread(wait_for_link, replica)
        async with open_backend(replica.url()) as standby:
            assert await standby.load([ALICE]) == [{"k": b"1"}]
            with pytest.raises(BackendUnavailable, match="is read-only, as a replica is"):
                await standby.commit([put(ALICE, value=b"2")])
            replica.command("REPLICAOF", "NO", "ONE")
            await standby.commit([put(ALICE, value=b"2", expect=1)])


def wait_for_link(replica: RedisServer) -> None:
    while b"master_link_status:up" not in replica.command("INFO", "replication"):
        time.sleep(0.02)


async def test_a_full_memory_refuses_and_writes_nothing(
    server: RedisServer, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    await backend.commit([put(ALICE)])
    server.command("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(BackendUnavailable, match="can't write now"):
            await backend.commit([put(person("bob")), Change(ALICE, "k", None)])
    finally:
        server.command("CONFIG", "SET", "maxmemory", "0")
    assert await backend.load([ALICE, person("bob")]) == [{"k": b"1"}, {}]


async def test_a_redis_that_throws_away_is_warned_of(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.command("CONFIG", "SET", "maxmemory", "100mb")
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        async with open_backend(server.url()):
            assert "set maxmemory-policy noeviction" in caplog.text
    finally:
        server.command("CONFIG", "SET", "maxmemory", "0")
        server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_many_open_at_once_and_make_one_store(server: RedisServer) -> None:
    server.command("FLUSHALL")
    backends = [open_backend(server.url()) for _ in range(8)]
    await asyncio.gather(*(backend.open() for backend in backends))
    await asyncio.gather(*(increment(backend) for backend in backends))
    entry = await backends[0].get(person("counter"), "n")
    assert entry is not None
    assert entry.version == 8
    for backend in backends:
        await backend.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://default:wr0ng@127.0.0.1:{port}/0", "check user, password"),
        ("redis://default:{right}@127.0.0.1:{port}/99", "check user, password, database"),
        ("redis://127.0.0.1:{port}/0", "check user, password"),
    ],
)
async def test_a_setting_that_is_wrong_is_told_at_start(
    server: RedisServer, url: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        await open_backend(url.format(port=server.port, right=QUOTED)).open()
    message = str(caught.value)
    assert said in message
    assert f"127.0.0.1:{server.port}/" in message
    assert not any(secret in message for secret in (PASSWORD, QUOTED, "wr0ng"))
    assert "\n" not in message


@pytest.mark.parametrize("password", ["password", "user", "invalid", "WRONGPASS"])
async def test_a_wrong_password_that_is_a_word_of_the_message_hides_nothing(
    server: RedisServer, password: str
) -> None:
    with pytest.raises(ConfigError, match="check user, password, database"):
        await open_backend(server.url(password=password)).open()


async def test_no_tls_where_it_is_needed_is_told_at_start() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BackendUnavailable, match="if it uses TLS, write rediss:// in the url"):
            await open_backend(f"redis://127.0.0.1:{port}/0").open()


async def test_what_the_docs_let_a_user_do_is_enough(server: RedisServer) -> None:
    server.command("FLUSHALL")
    rules = re.search(r"^ACL SETUSER langbot on .*?$", DOCS.read_text("utf-8"), re.MULTILINE)
    assert rules is not None
    server.command(*rules[0].replace("…", "pw").split())
    for number in (0, 1):
        url = f"redis://langbot:pw@127.0.0.1:{server.port}/{number}?{PATIENT}"
        async with open_backend(url) as backend:
            await backend.commit([put(ALICE, expires_at=4e9)])
            assert await backend.load([ALICE]) == [{"k": b"1"}]
            assert len((await backend.scopes(ScopeFilter(text="ali"), None, 9)).scopes) == 1
            assert await backend.clear(ScopeFilter()) == 1


async def test_tls_where_there_is_none_is_told_at_start(server: RedisServer) -> None:
    url = server.url().replace("redis:", "rediss:")
    with pytest.raises(BackendUnavailable, match=r"if it does not use TLS, write redis://"):
        await open_backend(f"{url}?wait_s=0.5").open()


async def test_a_server_that_is_too_old_is_refused(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "OLDEST", (99, 0))
    with pytest.raises(ConfigError, match=r"which is too old: use 99\.0 or newer"):
        await open_backend(server.url()).open()


async def test_a_cluster_is_refused() -> None:
    with (
        RedisServer("--cluster-enabled", "yes") as server,
        pytest.raises(ConfigError, match="is a cluster, which is not supported"),
    ):
        await open_backend(server.url()).open()


async def test_keys_that_are_not_ours_are_left_alone(server: RedisServer) -> None:
    server.command("SET", "theirs:meta", "x")
    with pytest.raises(MigrationError, match=r"another program has such keys.*prefix=NAME"):
        await open_backend(f"{server.url()}?prefix=theirs:").open()


async def test_a_newer_store_is_left_alone(server: RedisServer) -> None:
    server.command("HSET", "later:meta", "id", "x", "version", "99")
    with pytest.raises(MigrationError, match="have version 99, this package knows 1: upgrade"):
        await open_backend(f"{server.url()}?prefix=later:").open()


async def test_a_valkey_url_is_a_redis_url(server: RedisServer) -> None:
    async with open_backend(server.url().replace("redis:", "valkey:")) as backend:
        assert await backend.load([]) == []


async def test_a_backend_that_is_not_open_says_so(server: RedisServer) -> None:
    with pytest.raises(BackendError, match="is not open"):
        await open_backend(server.url()).load([ALICE])


async def test_keys_of_another_kind_are_an_error(backend: Backend, server: RedisServer) -> None:
    server.command("SET", f"langbot-state:s:{ALICE.storage}", "x")
    with pytest.raises(BackendError, match="WRONGTYPE") as caught:
        await backend.load([ALICE])
    assert not isinstance(caught.value, BackendUnavailable)


async def test_identities_that_were_thrown_away_are_told(
    backend: Backend, server: RedisServer
) -> None:
    await backend.commit([put(ALICE)])
    server.command("DEL", "langbot-state:identities")
    search = ScopeFilter(text="alice")
    for call in (
        lambda: backend.scopes(ScopeFilter(), None, 5),
        lambda: backend.scopes(search, None, 5),
        lambda: backend.clear(search),
        lambda: backend.overview(search, since=0, newest=1, parts=()),
    ):
        with pytest.raises(BackendError, match="has lost the key identities"):
            await call()
    assert await backend.clear(ScopeFilter()) == 1


async def test_what_has_expired_gives_its_room_back(server: RedisServer) -> None:
    server.command("FLUSHALL")
    clock = Clock()
    for _ in range(2):
        async with RedisBackend.from_url(server.url(), clock=clock) as backend:
            await backend.commit([put(ALICE, expires_at=clock.now + 1)])
            await backend.commit([put(person("bob"))])
        clock.now += 10
    # meta, scopes, identities, bob's, and alice's with its place in expiry until the next purge
    assert server.command("DBSIZE") == b":6\r\n"
    async with RedisBackend.from_url(server.url(), clock=clock) as backend:
        await backend.commit([put(person("bob"))])
    assert server.command("DBSIZE") == b":4\r\n"


async def test_an_overview_of_many_scopes_takes_few_round_trips(
    backend: Backend, mocker: MockerFixture
) -> None:
    assert isinstance(backend, RedisBackend)
    await backend.commit([put(person(f"p{n}")) for n in range(1200)])
    asked = mocker.spy(backend._client, "run")
    found = await backend.overview(
        ScopeFilter(text="p1199"), since=0, newest=1, parts=("actor_id",)
    )
    assert (found.scopes, found.entries, len(found.by_part["actor_id"])) == (1199, 1199, 1199)
    assert asked.call_count <= 8


async def test_paging_and_clearing_go_over_many_batches(backend: Backend) -> None:
    people = [person(f"p{n}") for n in range(1200)]
    rooms = [person(f"p{n}", scope="subject") for n in range(10)]
    await backend.commit([put(key) for key in (*people, *rooms)])
    page = await backend.scopes(ScopeFilter(text="P1"), None, 2000)
    assert len(page.scopes) == 1 + 10 + 100 + 200 + 1
    assert page.scopes == sorted(page.scopes, key=lambda scope: scope.key.storage)
    assert await backend.clear(ScopeFilter(scope="actor")) == len(people)
    assert await backend.clear(ScopeFilter()) == len(rooms)
