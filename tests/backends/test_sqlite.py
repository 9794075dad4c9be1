"""What is special to SQLite: locks, full disks, files that are not ours, death."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext import (
    BackendError,
    BackendUnavailable,
    ConfigError,
    MigrationError,
    RunnerScopedStateStore,
    ScopeFilter,
    StateStore,
    open_backend,
)
from langbot_state_ext.backends import Change
from langbot_state_ext.backends.sqlite import backend as sqlite
from langbot_state_ext.backends.sqlite import statements as sqlite_sql
from langbot_state_ext.backends.sqlite.backend import SqliteBackend
from langbot_state_ext.backends.sqlite.file import LOOKS
from langbot_state_ext.backends.sqlite.schema import APPLICATION_ID, MIGRATIONS
from langbot_state_ext.testing import SimpleBinding, SimpleDescriptor, SimpleEvent, SimpleQuery
from langbot_state_ext.testing.contract import person, put

ALICE = person("alice")
WRITER = """
import asyncio, sys
from langbot_state_ext import open_backend
from langbot_state_ext.testing.contract import person, put

async def main():
    async with open_backend(sys.argv[1]) as backend:
        for number in range(100_000):
            changes = [put(person("alice"), "a", b"%d" % number), put(person("bob"), "b", b"%d" % number)]
            await backend.commit(changes)
            print(number, flush=True)

asyncio.run(main())
"""  # noqa: E501
OPEN_AND_CLOSE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("SELECT * FROM entries")
db.close()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


async def fill(file: Path) -> None:
    async with SqliteBackend(file) as backend:
        await backend.commit([put(ALICE)])


async def test_a_url_may_hold_a_hostile_file_name(tmp_path: Path) -> None:
    async with open_backend(f"sqlite:///{tmp_path}/a%20b%3Fc%23.db") as backend:
        await backend.commit([put(ALICE)])
    assert (tmp_path / "a b?c#.db").exists()


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"folder {tmp_path}/no does not exist"):
        await SqliteBackend(tmp_path / "no" / "state.db").open()
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_is_no_state_file(file: Path) -> None:
    file.mkdir()
    with pytest.raises(MigrationError, match="is not a file: choose another one"):
        await SqliteBackend(file).open()


async def test_a_store_that_is_not_open_says_so(file: Path) -> None:
    backend = SqliteBackend(file)
    for work in (backend.load([ALICE]), backend.clear(ScopeFilter())):
        with pytest.raises(BackendError, match="is not open"):
            await work


@pytest.mark.parametrize(
    "content",
    [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096, b"x"],
)
async def test_a_file_that_is_no_database_is_refused_untouched(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(MigrationError, match=str(file)):
        await SqliteBackend(file).open()
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == ["state.db"]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "made_by",
    [
        ["CREATE TABLE theirs (x)"],
        ["PRAGMA journal_mode = WAL", "CREATE TABLE theirs (x)"],
        ["PRAGMA application_id = 77"],
        ["PRAGMA user_version = 9"],
    ],
)
async def test_another_programs_database_is_refused_untouched(
    file: Path, made_by: list[str]
) -> None:
    with closing(sqlite3.connect(file)) as db:
        for statement in made_by:
            db.execute(statement)
    before = content(file.parent)
    with pytest.raises(MigrationError, match="another program's database"):
        await SqliteBackend(file).open()
    assert content(file.parent) == before


async def test_another_programs_database_is_refused_while_it_is_in_its_log_alone(
    file: Path,
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE theirs (x)")
        await refused_untouched(left_by_a_killed_process(file), "another program's database")


async def refused_untouched(file: Path, reason: str) -> None:
    before = content(file.parent)
    with pytest.raises(MigrationError, match=reason):
        await SqliteBackend(file).open()
    after = content(file.parent)
    after.pop(f"{file.name}-shm", None)
    assert after == before


def left_by_a_killed_process(file: Path) -> Path:
    """Copy a file that is open, with its log."""
    folder = file.parent / "left"
    folder.mkdir()
    for name in (file.name, f"{file.name}-wal"):
        shutil.copy(file.parent / name, folder)
    return folder / file.name


async def test_a_newer_schema_is_refused_untouched(file: Path) -> None:
    await fill(file)
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = content(file.parent)
    with pytest.raises(MigrationError, match="upgrade langbot-state-ext"):
        await SqliteBackend(file).open()
    assert content(file.parent) == before


async def test_a_newer_schema_is_refused_while_it_is_in_the_log_alone(file: Path) -> None:
    await fill(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        await refused_untouched(left_by_a_killed_process(file), "upgrade langbot-state-ext")


async def test_opening_a_file_again_in_one_process_ends_no_lock(file: Path) -> None:
    async with SqliteBackend(file) as first:
        await first.commit([put(ALICE)])
        async with SqliteBackend(file):
            pass
        subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, str(file)], check=True)
        await first.commit([put(ALICE, value=b"2")])
        async with SqliteBackend(file) as other:
            assert await other.load([ALICE]) == [{"k": b"2"}]


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_file_that_cant_be_opened_leaves_nothing_open(file: Path, blocking: bool) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    threads = set(threading.enumerate())
    backend = SqliteBackend(file, blocking=blocking)
    for _ in range(2):
        with pytest.raises(BackendError, match="no such table"):
            await backend.open()
    assert set(threading.enumerate()) == threads
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    await backend.close()


async def test_a_damaged_file_is_refused_untouched(file: Path) -> None:
    async with SqliteBackend(file) as backend:
        await backend.commit([put(ALICE, f"k{n}", b"x" * 1000) for n in range(200)])
    data = bytearray(file.read_bytes())
    data[8192:16384] = b"\xaa" * 8192
    file.write_bytes(data)
    with pytest.raises(MigrationError, match=str(file)):
        await SqliteBackend(file).open()
    assert file.read_bytes() == bytes(data)


async def test_a_file_that_looks_damaged_while_another_process_writes_is_opened(
    file: Path, mocker: MockerFixture
) -> None:
    async with SqliteBackend(file) as backend:
        await backend.commit([put(ALICE, f"k{n}", b"x" * 1000) for n in range(200)])
    whole = file.read_bytes()
    half_written = whole[:8192] + b"\xaa" * 8192 + whole[16384:]
    file.write_bytes(half_written)
    versions = iter((half_written + bytes(4096), whole))
    sleep = "langbot_state_ext.backends.sqlite.file.time.sleep"
    mocker.patch(sleep, side_effect=lambda _s: file.write_bytes(next(versions)))
    async with SqliteBackend(file) as backend:
        assert len(await backend.list(ALICE, "", 300)) == 200


async def test_a_file_that_looks_damaged_for_ever_is_refused(
    file: Path, mocker: MockerFixture
) -> None:
    await fill(file)
    file.write_bytes(file.read_bytes()[:5000])
    pause = mocker.patch(
        "langbot_state_ext.backends.sqlite.file.time.sleep",
        side_effect=lambda _s: file.write_bytes(file.read_bytes() + b"\xaa"),
    )
    with pytest.raises(MigrationError, match=str(file)):
        await SqliteBackend(file).open()
    assert pause.call_count == LOOKS


async def test_an_empty_file_becomes_ours(file: Path) -> None:
    file.touch()
    await fill(file)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_an_older_file_is_brought_up_to_date(file: Path, mocker: MockerFixture) -> None:
    await fill(file)
    later = (
        *MIGRATIONS,
        "CREATE TABLE later (x);\n\n-- A comment; and more.\nCREATE TABLE last (x)",
    )
    mocker.patch("langbot_state_ext.backends.sqlite.schema.MIGRATIONS", later)
    async with SqliteBackend(file) as backend:
        assert await backend.get(ALICE, "k") is not None
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    assert {"later", "last"} <= tables


async def test_a_failed_migration_leaves_nothing(file: Path, mocker: MockerFixture) -> None:
    broken = (*MIGRATIONS, "CREATE TABLE half (x);\nthis is not SQL;")
    await fill(file)
    mocker.patch("langbot_state_ext.backends.sqlite.schema.MIGRATIONS", broken)
    with pytest.raises(BackendError, match="syntax error"):
        await SqliteBackend(file).open()
    with closing(sqlite3.connect(file)) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    assert "half" not in tables


@pytest.mark.parametrize("synchronous", ["normal", "full"])
@pytest.mark.parametrize("blocking", [False, True])
async def test_a_lock_of_another_process_is_waited_for_and_then_refused(
    file: Path, synchronous: Any, blocking: bool
) -> None:
    options = {"synchronous": synchronous, "blocking": blocking}
    async with SqliteBackend(file, wait_s=0.05, **options) as backend:
        await backend.commit([put(ALICE)])
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(
                BackendUnavailable, match=r"locked by another process; waited 0\.05"
            ):
                await backend.commit([put(ALICE, value=b"2"), put(ALICE, "b")])
            assert await backend.load([ALICE]) == [{"k": b"1"}]
            other.execute("ROLLBACK")
        await backend.commit([put(ALICE, value=b"2")])
        assert await backend.load([ALICE]) == [{"k": b"2"}]


async def test_the_loop_goes_on_while_a_write_waits(file: Path) -> None:
    async with SqliteBackend(file, wait_s=5) as backend:
        await backend.commit([put(ALICE)])
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            waiting = asyncio.create_task(backend.commit([put(ALICE, value=b"2")]))
            for _ in range(20):
                await asyncio.sleep(0.01)
                assert await backend.load([ALICE]) == [{"k": b"1"}]
            assert time.monotonic() - begun < 2.5
            assert not waiting.done()
            other.execute("COMMIT")
        await waiting
        assert await backend.load([ALICE]) == [{"k": b"2"}]


async def test_every_write_waits_no_longer_than_it_was_told_to(file: Path) -> None:
    async def refused_after() -> float:
        begun = time.monotonic()
        with pytest.raises(BackendUnavailable, match="waited 1 s"):
            await backend.commit([put(ALICE)])
        return time.monotonic() - begun

    async with SqliteBackend(file, wait_s=1) as backend:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waits = await asyncio.gather(*(refused_after() for _ in range(5)))
            assert min(waits) >= 0.9
            assert max(waits) < 2
            other.execute("ROLLBACK")
        await backend.commit([put(ALICE)])


async def test_what_people_ask_for_does_not_wait_behind_a_write(file: Path) -> None:
    async with SqliteBackend(file, wait_s=30) as backend:
        await backend.commit([put(ALICE)])
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(backend.commit([put(ALICE, value=b"2")]))
            await asyncio.sleep(0.05)
            page = await backend.scopes(ScopeFilter(), None, 10)
            assert [scope.key for scope in page.scopes] == [ALICE]
            assert not waiting.done()
            other.execute("COMMIT")
        await waiting


@pytest.mark.parametrize(("synchronous", "level"), [("normal", 1), ("full", 2)])
@pytest.mark.parametrize("blocking", [False, True])
async def test_every_connection_is_as_durable_as_it_was_asked_to_be(
    file: Path, synchronous: Any, level: int, blocking: bool
) -> None:
    async with SqliteBackend(file, synchronous=synchronous, blocking=blocking) as backend:
        for db in (backend._db, backend._writer.db):
            assert db is not None
            assert db.execute("PRAGMA synchronous").fetchone() == (level,)
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(("synchronous", "on_the_loop"), [("normal", True), ("full", False)])
async def test_only_what_is_quick_is_committed_on_the_loop(
    file: Path, mocker: MockerFixture, synchronous: Any, on_the_loop: bool
) -> None:
    commit, threads = sqlite_sql.commit, []

    def seen(*arguments: Any) -> None:
        threads.append(threading.current_thread())
        commit(*arguments)

    mocker.patch.object(sqlite_sql, "commit", seen)
    async with SqliteBackend(file, synchronous=synchronous) as backend:
        await backend.commit([put(ALICE)])
    assert [thread is threading.current_thread() for thread in threads] == [on_the_loop]


async def test_a_locked_store_refuses_an_update_with_the_reason(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with StateStore.open(f"sqlite:///{file}?wait_s=0") as store:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert not await store.apply_update(SimpleQuery(), SimpleDescriptor(), "actor", "k", 1)
    assert "locked by another process" in caplog.text


async def test_a_full_disk_refuses_and_leaves_nothing_half_written(file: Path) -> None:
    async with SqliteBackend(file) as backend:
        await backend.commit([put(ALICE)])
        for db in (backend._db, backend._writer.db):
            assert db is not None
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(BackendUnavailable, match="no room on the disk"):
            await backend.commit([put(ALICE, f"k{n}", b"x" * 5000) for n in range(10)])
        assert await backend.load([ALICE]) == [{"k": b"1"}]
        await backend.commit([put(ALICE, value=b"2")])
        assert await backend.load([ALICE]) == [{"k": b"2"}]


async def test_an_error_of_the_driver_never_leaks(file: Path) -> None:
    async with SqliteBackend(file) as backend:
        with closing(sqlite3.connect(file)) as other:
            other.execute("DROP TABLE entries")
        for work in (backend.load([ALICE]), backend.scopes(ScopeFilter(), None, 1)):
            with pytest.raises(BackendError, match="no such table"):
                await work


async def test_a_checkpoint_follows_much_writing(file: Path, mocker: MockerFixture) -> None:
    mocker.patch.object(sqlite, "CHECKPOINT_BYTES", 100_000)
    async with SqliteBackend(file, clock=lambda: 100.0) as backend:
        await backend.commit([put(person("late"), expires_at=50.0)])
        for number in range(60):
            await backend.commit([put(ALICE, f"k{number}", b"x" * 1000)])
        await backend._writer.drain()
        with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as db:
            assert db.execute("SELECT count(*) FROM entries").fetchone()[0] > 20
        names = await backend.list(person("late"), "", 10)
        assert names == []
        with closing(sqlite3.connect(file)) as db:
            assert db.execute("SELECT count(*) FROM scopes").fetchone() == (1,)


async def test_a_checkpoint_that_fails_is_logged_and_the_next_one_runs(
    file: Path, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    mocker.patch.object(sqlite, "CHECKPOINT_BYTES", 1)
    async with SqliteBackend(file) as backend:
        with closing(sqlite3.connect(file)) as other:
            other.execute("ALTER TABLE entries RENAME COLUMN expires_at TO ends")
            backend._writer.submit(backend._checkpoint)
            await backend._writer.drain()
            other.execute("ALTER TABLE entries RENAME COLUMN ends TO expires_at")
        await backend.commit([put(ALICE)])
        await backend._writer.drain()
    assert [record.message for record in caplog.records] == [
        f"{file}: WAL checkpoint failed: no such column: e.expires_at"
    ]


@pytest.mark.parametrize("blocking", [False, True])
async def test_the_wal_is_moved_into_the_file_on_the_loop_only_without_a_thread(
    file: Path, mocker: MockerFixture, blocking: bool
) -> None:
    mocker.patch.object(sqlite, "CHECKPOINT_BYTES", 10**9)
    async with SqliteBackend(file, blocking=blocking) as backend:
        for number in range(1200):
            await backend.commit([put(ALICE, f"k{number}")])
        pages = 1200 * 4096
        assert (Path(f"{file}-wal").stat().st_size > pages) is not blocking


async def test_what_expired_is_purged_when_the_file_is_opened(file: Path) -> None:
    async with SqliteBackend(file, clock=lambda: 10.0) as backend:
        await backend.commit([put(ALICE, expires_at=11.0), put(ALICE, "b"), put(person("bob"))])
        await backend.commit([put(person("gone"), expires_at=11.0)])
    async with SqliteBackend(file, clock=lambda: 20.0):
        with closing(sqlite3.connect(file)) as db:
            assert db.execute("SELECT count(*) FROM entries").fetchone() == (2,)
            assert db.execute("SELECT count(*) FROM scopes").fetchone() == (2,)


async def test_a_commit_that_is_cancelled_is_whole_or_not_at_all(file: Path) -> None:
    async with SqliteBackend(file, synchronous="full") as backend:
        for number in range(20):
            task = asyncio.create_task(
                backend.commit([put(ALICE, "a", b"%d" % number), put(ALICE, "b", b"%d" % number)])
            )
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await backend._writer.drain()
        values = (await backend.load([ALICE]))[0]
        assert values.get("a") == values.get("b")
        await backend.commit([put(ALICE)])


async def test_death_loses_nothing_that_was_acknowledged(file: Path) -> None:
    for _ in range(3):
        last = await asyncio.to_thread(write_until_killed, file)
        async with SqliteBackend(file) as backend:
            alice, bob = await backend.load([ALICE, person("bob")])
        assert alice["a"] == bob["b"]
        assert int(alice["a"]) >= last


def write_until_killed(file: Path) -> int:
    """Kill a process in the middle of its writing; return the last that it acknowledged."""
    command = [sys.executable, "-c", WRITER, f"sqlite:///{file}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= 200:
                writer.send_signal(signal.SIGKILL)
                break
        rest = [line for line in writer.stdout if line.endswith("\n")]
        return int(rest[-1]) if rest else 200


def test_threads_share_the_synchronous_store(file: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    event, binding, runner = SimpleEvent(), SimpleBinding(), SimpleDescriptor()
    with RunnerScopedStateStore.open(f"sqlite:///{file}") as store:

        def write(number: int) -> bool:
            return store.apply_update_from_event(event, binding, runner, "actor", f"k{number}", 1)

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(write, range(200)))
        assert len(store.build_snapshot_from_event(event, binding, runner)["actor"]) == 200


async def test_a_part_that_is_no_name_matches_nothing(file: Path) -> None:
    async with SqliteBackend(file) as backend:
        await backend.commit([put(ALICE)])
        which = ScopeFilter(parts={"x') OR 1=1 --": "y"})
        assert await backend.clear(which) == 0
        assert (await backend.scopes(which, None, 10)).scopes == []


def test_only_a_plain_write_is_one_statement() -> None:
    assert not sqlite_sql._update(sqlite3.connect(":memory:"), Change(ALICE, "k", None), 0.0)
