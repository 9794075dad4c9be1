"""What PostgreSQL does to us, with a real server: stopped, killed, hung, full, read-only."""

from __future__ import annotations

import asyncio
import select
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import psycopg
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
from langbot_state_ext.backends.postgres import schema as postgres_schema
from langbot_state_ext.backends.postgres.backend import BATCH, PostgresBackend
from langbot_state_ext.testing.contract import Clock, increment, person, put
from testkit.servers import PASSWORD, QUOTED, PostgresServer, ServerProcess

ALICE = person("alice")

PATIENT = "wait_s=60"
"""For calls that must end well, however busy the machine is."""
SHORT = "wait_s=3"
"""For calls that are meant to be given up."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def backend(server: PostgresServer) -> AsyncIterator[Backend]:
    server.execute("DROP SCHEMA IF EXISTS langbot_state_ext CASCADE")
    async with open_backend(f"{server.url()}?{PATIENT}") as backend:
        yield backend


@pytest.fixture
async def hasty(backend: Backend, server: PostgresServer) -> AsyncIterator[Backend]:
    """The same store, for calls that are meant to be given up."""
    async with open_backend(f"{server.url()}?{SHORT}") as hasty:
        yield hasty


async def test_a_server_that_stops_and_comes_back(backend: Backend, server: PostgresServer) -> None:
    await backend.commit([put(ALICE)])
    server.stop()
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match=f"127.0.0.1:{server.port}/postgres can't be"):
            await backend.load([ALICE])
        with pytest.raises(BackendUnavailable, match="refused"):
            await backend.commit([put(ALICE, value=b"2")])
    server.start()
    assert await backend.load([ALICE]) == [{"k": b"1"}]
    await backend.commit([put(ALICE, value=b"2", expect=1)])
    assert isinstance(backend, PostgresBackend)
    assert backend._connections._opened().get_stats()["pool_size"] >= 1


async def test_who_waits_for_the_pool_is_told_when_it_cannot_connect(
    server: PostgresServer,
) -> None:
    patient = PostgresBackend.from_url(f"{server.url()}?{PATIENT}")
    connections = patient._connections
    async with patient, asyncio.timeout(45), AsyncExitStack() as held:
        taken = 0
        while connections._opened().get_stats()["pool_size"] != taken:
            await held.enter_async_context(connections._borrow())
            taken += 1
        server.stop()
        with pytest.raises(BackendUnavailable, match="can't be reached"):
            await patient.load([ALICE])
        server.start()


async def test_a_restart_between_two_calls_goes_unnoticed(
    backend: Backend, server: PostgresServer
) -> None:
    await asyncio.gather(*(backend.commit([put(person(f"p{n}"))]) for n in range(40)))
    server.stop()
    server.start()
    await backend.commit([put(ALICE)])
    await asyncio.gather(*(backend.load([ALICE]) for _ in range(40)))


async def test_a_restart_goes_unnoticed_where_the_system_has_no_poll(
    backend: Backend, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows: `select.poll` is missing, and `selectors` falls back to `select.select`."""
    monkeypatch.delattr(select, "poll", raising=False)
    monkeypatch.setattr(selectors, "DefaultSelector", selectors.SelectSelector)
    await backend.commit([put(ALICE)])
    server.stop()
    server.start()
    assert await backend.load([ALICE]) == [{"k": b"1"}]


async def test_what_was_acknowledged_survives_a_kill(
    backend: Backend,
    server: PostgresServer,
    kill_under_writers: Callable[[Backend, ServerProcess], Awaitable[None]],
) -> None:
    await kill_under_writers(backend, server)


async def test_a_hung_server_keeps_nobody_waiting(
    backend: Backend, hasty: Backend, server: PostgresServer
) -> None:
    await backend.commit([put(ALICE)])
    server.pause()
    try:
        stop = asyncio.Event()
        others = asyncio.create_task(breathe(stop))
        results = await asyncio.gather(
            hasty.load([ALICE]),
            hasty.commit([put(ALICE, value=b"2")]),
            return_exceptions=True,
        )
        stop.set()
        assert await others > 5
        for result in results:
            assert isinstance(result, BackendUnavailable)
            assert "did not answer within 3 s" in str(result)
    finally:
        server.resume()
    held = (await backend.load([ALICE]))[0]["k"]
    assert held in {b"1", b"2"}


async def breathe(stop: asyncio.Event) -> int:
    """Return how often the event loop came round."""
    rounds = 0
    while not stop.is_set():
        await asyncio.sleep(0.01)
        rounds += 1
    return rounds


async def test_a_lock_is_waited_for_no_longer_than_was_said(
    backend: Backend, hasty: Backend, server: PostgresServer
) -> None:
    await backend.commit([put(ALICE)])
    with psycopg.connect(server.url()) as other:
        other.execute("SELECT * FROM langbot_state_ext.entries FOR UPDATE")
        with pytest.raises(BackendUnavailable, match="did not answer within 3 s"):
            await hasty.commit([put(ALICE, value=b"2")])
    await backend.commit([put(ALICE, value=b"3")])
    assert await backend.load([ALICE]) == [{"k": b"3"}]


async def test_an_empty_pool_says_so(backend: Backend, server: PostgresServer) -> None:
    narrow = PostgresBackend.from_url(f"{server.url()}?{SHORT}&pool_size=1")
    async with narrow:
        async with narrow._connections._borrow():
            with pytest.raises(BackendUnavailable, match="raise pool_size"):
                await narrow.load([ALICE])
        assert await narrow.load([ALICE]) == [{}]


async def test_writers_that_meet_crosswise_both_write(
    backend: Backend, server: PostgresServer
) -> None:
    """Commits of the same entries in opposite order never wait for each other."""
    bob = person("bob")
    there, back = [put(ALICE), put(bob)], [put(bob), put(ALICE)]
    await backend.commit(there)
    await asyncio.gather(*(backend.commit(each) for each in (there, back) * 20))
    for key in (ALICE, bob):
        entry = await backend.get(key, "k")
        assert entry is not None
        assert entry.version == 41


@pytest.mark.parametrize("code", ["40P01", "40001"], ids=["deadlock", "serialization"])
async def test_a_commit_that_the_server_takes_back_is_made_again(
    backend: Backend, server: PostgresServer, code: str
) -> None:
    """The server ends the first two tries as it ends the victim of a deadlock."""
    bob = person("bob")
    await backend.commit([put(ALICE), put(bob)])
    take_back(server, code, times=2)
    await backend.commit([put(ALICE, value=b"2"), put(bob, value=b"2")])
    for key in (ALICE, bob):
        entry = await backend.get(key, "k")
        assert entry is not None
        assert (entry.value, entry.version) == (b"2", 2)


async def test_a_commit_that_is_taken_back_for_ever_ends(
    backend: Backend, hasty: Backend, server: PostgresServer
) -> None:
    await backend.commit([put(ALICE)])
    take_back(server, "40001", times=1_000_000_000)
    with pytest.raises(BackendUnavailable, match="rolled back every attempt for 3 s"):
        await hasty.commit([put(ALICE, value=b"2")])
    assert await backend.load([ALICE]) == [{"k": b"1"}]


def take_back(server: PostgresServer, code: str, *, times: int) -> None:
    """Let the server take updates back, counted by what no rollback sets back."""
    server.execute("CREATE SEQUENCE langbot_state_ext.tries")
    server.execute(f"""
        CREATE FUNCTION langbot_state_ext.take_back() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('langbot_state_ext.tries') <= {times} THEN
                RAISE EXCEPTION 'taken back' USING ERRCODE = '{code}';
            END IF;
            RETURN NEW;
        END $$""")
    server.execute("""
        CREATE TRIGGER take_back BEFORE UPDATE ON langbot_state_ext.entries
        FOR EACH ROW EXECUTE FUNCTION langbot_state_ext.take_back()""")


async def test_scopes_that_come_and_go_are_never_half_there(backend: Backend) -> None:
    """An entry always has its scope, however writing, deleting and clearing meet."""

    async def churn(worker: int) -> None:
        for number in range(25):
            await backend.commit([put(ALICE, f"k{worker}")])
            if number % 5 == worker:
                await backend.clear(ScopeFilter(key=ALICE))
            await backend.commit([Change(ALICE, f"k{(worker + 1) % 4}", None)])

    await asyncio.gather(*(churn(worker) for worker in range(4)))
    await backend.commit([put(ALICE, "last")])
    page = await backend.scopes(ScopeFilter(), None, 10)
    assert [scope.key for scope in page.scopes] == [ALICE]
    assert page.scopes[0].entries == len(await backend.entries(ALICE))
    assert await backend.clear(ScopeFilter()) == page.scopes[0].entries
    assert (await backend.scopes(ScopeFilter(), None, 10)).scopes == []


async def test_a_standby_reads_refuses_and_takes_over(server: PostgresServer) -> None:
    server.execute("DROP SCHEMA IF EXISTS langbot_state_ext CASCADE")
    async with open_backend(server.url()) as primary:
        await primary.commit([put(ALICE)])
    with PostgresServer(source=server) as standby:
        async with open_backend(standby.url()) as backend:
            assert await backend.load([ALICE]) == [{"k": b"1"}]
            with pytest.raises(BackendUnavailable, match="read-only, as a standby is"):
                await backend.commit([put(ALICE, value=b"2")])
            with pytest.raises(BackendUnavailable, match="read-only"):
                await backend.clear(ScopeFilter())
            new = open_backend(f"{standby.url()}?schema=another")
            with pytest.raises(BackendUnavailable, match="read-only, as a standby is, and the tab"):
                await new.open()
            standby.promote()
            await backend.commit([put(ALICE, value=b"2", expect=1)])


async def test_a_first_host_that_hangs_leaves_time_for_the_second(
    backend: Backend, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can be written to, then the second host can: that is found, also by a new LangBot."""
    await backend.commit([put(ALICE)])
    with PostgresServer(source=server) as standby:
        hosts = f"127.0.0.1:{server.port},127.0.0.1:{standby.port}"
        url = server.url().replace(f"127.0.0.1:{server.port}", hosts)
        url += "?target_session_attrs=read-write&wait_s=4"
        async with open_backend(url) as both:
            await both.commit([put(ALICE)])
            server.pause()
            try:
                for _ in range(3):
                    with pytest.raises(BackendUnavailable):
                        await both.commit([put(ALICE, value=b"lost")])
                await asyncio.to_thread(standby.promote)
                await until_it_works(lambda: both.commit([put(ALICE, value=b"2")]))
                async with open_backend(standby.url()) as left:
                    assert await left.load([ALICE]) == [{"k": b"2"}]
                another = open_backend(url)
                await until_it_works(another.open)
                await another.close()
            finally:
                server.resume()
    assert not [record for record in caplog.records if record.name.startswith("psycopg")]


async def until_it_works(call: Callable[[], Awaitable[object]]) -> None:
    """Call again and again for a minute, as a busy machine may be slower than the waits."""
    end = asyncio.get_running_loop().time() + 60
    while True:
        try:
            await call()
        except BackendUnavailable:
            assert asyncio.get_running_loop().time() < end
        else:
            return


async def test_many_open_at_once_and_one_migrates(server: PostgresServer) -> None:
    server.execute("DROP SCHEMA IF EXISTS langbot_state_ext CASCADE")
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
        ("postgresql://postgres:wr0ng@127.0.0.1:{port}/postgres", "check user and password"),
        ("postgresql://nobody:wr0ng@127.0.0.1:{port}/postgres", "check user"),
        ("postgresql://postgres:{right}@127.0.0.1:{port}/nowhere", "create it, or check the data"),
        ("postgresql://postgres:{right}@127.0.0.1:{port}/postgres?sslmode=require", "sslmode"),
        ("postgresql://poor:{right}@127.0.0.1:{port}/postgres", "grant CREATE on the database"),
    ],
)
async def test_a_setting_that_is_wrong_is_told_at_start(
    server: PostgresServer, url: str, said: str
) -> None:
    server.execute("DROP SCHEMA IF EXISTS langbot_state_ext CASCADE")
    server.execute("DROP ROLE IF EXISTS poor")
    server.execute(f"CREATE ROLE poor LOGIN PASSWORD '{PASSWORD}'")
    with pytest.raises(ConfigError) as caught:
        await open_backend(url.format(port=server.port, right=QUOTED)).open()
    message = str(caught.value)
    assert said in message
    assert f"127.0.0.1:{server.port}/" in message
    assert not any(secret in message for secret in (PASSWORD, QUOTED, "wr0ng"))
    assert "\n" not in message


async def test_a_user_whose_schema_was_made_for_him_needs_no_other_right(
    server: PostgresServer,
) -> None:
    server.execute("DROP SCHEMA IF EXISTS langbot_state_ext CASCADE")
    server.execute("DROP ROLE IF EXISTS guest")
    server.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    server.execute("CREATE SCHEMA langbot_state_ext AUTHORIZATION guest")
    async with open_backend(server.url().replace("postgres:", "guest:", 1)) as backend:
        await backend.commit([put(ALICE)])
        assert await backend.load([ALICE]) == [{"k": b"1"}]
    server.execute("DROP OWNED BY guest CASCADE")


async def test_a_user_who_may_only_read_is_told_at_start(
    backend: Backend, server: PostgresServer
) -> None:
    server.execute("DROP ROLE IF EXISTS reader")
    server.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
    server.execute("GRANT USAGE ON SCHEMA langbot_state_ext TO reader")
    server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA langbot_state_ext TO reader")
    reader = server.url().replace("postgres:", "reader:", 1)
    with pytest.raises(ConfigError, match="not write the tables of schema langbot_state_ext: make"):
        await open_backend(reader).open()
    for right in ("INSERT", "UPDATE", "DELETE"):
        server.execute(f"GRANT {right} ON ALL TABLES IN SCHEMA langbot_state_ext TO reader")
    async with open_backend(reader) as writer:
        await writer.commit([put(ALICE)])
        server.execute("REVOKE ALL ON ALL TABLES IN SCHEMA langbot_state_ext FROM reader")
        with pytest.raises(BackendError, match="refuses this user: permission denied"):
            await writer.commit([put(ALICE)])
    server.execute("DROP OWNED BY reader")


@pytest.mark.parametrize("password", ["password", "user", "postgres", "e"])
async def test_a_wrong_password_that_is_a_word_of_the_message_hides_nothing(
    server: PostgresServer, password: str
) -> None:
    with pytest.raises(ConfigError, match="check user and password in the url"):
        await open_backend(server.url(password=password)).open()


async def test_a_socket_in_a_folder_is_a_host_too(server: PostgresServer) -> None:
    where = f"host={server.folder}&port={server.port}&user=postgres&password={QUOTED}"
    async with open_backend(f"postgres:///postgres?{where}&schema=over_a_socket") as backend:
        await backend.commit([put(ALICE)])
        assert await backend.load([ALICE]) == [{"k": b"1"}]


async def test_a_plus_in_a_password_is_a_plus(server: PostgresServer) -> None:
    server.execute("DROP ROLE IF EXISTS plus")
    server.execute("CREATE ROLE plus LOGIN SUPERUSER PASSWORD 'a+b'")
    for url in (
        f"postgresql://plus:a+b@127.0.0.1:{server.port}/postgres",
        f"postgresql://127.0.0.1:{server.port}/postgres?user=plus&password=a+b",
    ):
        async with open_backend(url) as backend:
            assert await backend.load([ALICE]) is not None


async def test_a_session_is_as_our_promises_need_it(server: PostgresServer) -> None:
    server.execute("CREATE DATABASE lax")
    server.execute("ALTER DATABASE lax SET synchronous_commit = off")
    server.execute("ALTER DATABASE lax SET default_transaction_isolation = serializable")
    backend = PostgresBackend.from_url(f"{server.url('lax')}?{PATIENT}")
    async with backend, backend._connections._borrow() as connection:
        for name, value in (
            ("synchronous_commit", "on"),
            ("default_transaction_isolation", "read committed"),
            ("statement_timeout", "54s"),
        ):
            found = await (await connection.execute(f"SHOW {name}".encode())).fetchone()
            assert found == (value,)


async def test_an_overview_of_many_scopes_takes_few_round_trips(
    backend: Backend, mocker: MockerFixture
) -> None:
    assert isinstance(backend, PostgresBackend)
    await backend.commit([put(person(f"p{n}")) for n in range(1200)])
    asked = mocker.spy(backend._connections, "run")
    found = await backend.overview(
        ScopeFilter(text="p1199"), since=0, newest=1, parts=("actor_id",)
    )
    assert (found.scopes, found.entries, len(found.by_part["actor_id"])) == (1199, 1199, 1199)
    assert asked.call_count <= 4


async def test_clearing_goes_over_many_batches(backend: Backend) -> None:
    people = [person(f"p{n}") for n in range(2 * BATCH + 1)]
    await backend.commit([put(key) for key in people])
    assert await backend.clear(ScopeFilter(scope="actor")) == len(people)
    assert (await backend.scopes(ScopeFilter(), None, 1)).scopes == []


async def test_a_connection_to_what_became_a_standby_is_not_used_again(
    backend: Backend, server: PostgresServer
) -> None:
    """The old primary goes on answering: only a new connection can find the new one."""
    one = PostgresBackend.from_url(f"{server.url()}?{PATIENT}&pool_size=1")
    async with one:
        async with one._connections._borrow() as connection:
            await connection.execute("SET default_transaction_read_only = on")
        with pytest.raises(BackendUnavailable, match="read-only"):
            await one.commit([put(ALICE)])
        await one.commit([put(ALICE)])


async def test_a_server_that_is_too_old_is_refused(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_schema, "OLDEST", 99)
    with pytest.raises(ConfigError, match="which is too old: use 99 or newer"):
        await open_backend(server.url()).open()


async def test_a_schema_that_is_not_ours_is_left_alone(server: PostgresServer) -> None:
    server.execute("CREATE SCHEMA IF NOT EXISTS theirs")
    server.execute("CREATE TABLE IF NOT EXISTS theirs.scopes (key text)")
    with pytest.raises(MigrationError, match="choose another with schema=NAME"):
        await open_backend(f"{server.url()}?schema=theirs").open()


async def test_a_newer_schema_is_left_alone(backend: Backend, server: PostgresServer) -> None:
    server.execute("UPDATE langbot_state_ext.schema_version SET version = 99")
    with pytest.raises(MigrationError, match="has version 99, this package knows 1: upgrade"):
        await open_backend(server.url()).open()


async def test_tables_that_are_taken_away_are_an_error(
    backend: Backend, server: PostgresServer
) -> None:
    server.execute("DROP SCHEMA langbot_state_ext CASCADE")
    with pytest.raises(BackendError, match="changed while they were in use") as caught:
        await backend.load([ALICE])
    assert not isinstance(caught.value, BackendUnavailable)


async def test_a_backend_that_is_not_open_says_so(server: PostgresServer) -> None:
    with pytest.raises(BackendError, match="is not open"):
        await open_backend(server.url()).load([ALICE])


async def test_what_has_expired_gives_its_room_back(server: PostgresServer) -> None:
    server.execute("DROP SCHEMA IF EXISTS langbot_state_ext CASCADE")
    clock = Clock()
    for _ in range(2):
        backend = PostgresBackend.from_url(server.url(), clock=clock)
        async with backend:
            await backend.commit([put(ALICE, expires_at=clock.now + 1)])
            await backend.commit([put(person("bob"))])
        clock.now += 10
    with psycopg.connect(server.url()) as connection:
        count = connection.execute("SELECT count(*) FROM langbot_state_ext.entries").fetchone()
    assert count == (2,)


@pytest.mark.parametrize("value", ["a\0b", "\0", "\ud800"], ids=ascii)
async def test_what_text_cannot_hold_is_kept(backend: Backend, value: str) -> None:
    """PostgreSQL's own text has no NUL; ours are bytes."""
    change = put(ALICE, value, run_id=value)
    await backend.commit([change])
    entry = await backend.get(ALICE, value)
    assert entry is not None
    assert entry.run_id == value
    assert await backend.list(ALICE, value, 5) == [value]


async def test_an_identity_may_hold_nul(backend: Backend) -> None:
    key = person("a\0b")
    await backend.commit([put(key)])
    for which in (ScopeFilter(parts={"actor_id": "a\0b"}), ScopeFilter(text="A\0B")):
        assert [s.key for s in (await backend.scopes(which, None, 5)).scopes] == [key]
