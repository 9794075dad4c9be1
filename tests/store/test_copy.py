"""A store is copied whole, over every durable backend, from the command line as operators do it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext import (
    Backend,
    BackendError,
    BackendUnavailable,
    Change,
    ConfigError,
    open_backend,
)
from langbot_state_ext.backends.sqlite.backend import SqliteBackend
from langbot_state_ext.cli import main
from langbot_state_ext.state.scopes import ScopeKey
from langbot_state_ext.store.copy import COMMIT_CHANGES, Copied, copy, copy_urls
from langbot_state_ext.testing.contract import Clock, person, put

PEOPLE = [person(f"p{n}") for n in range(450)]


async def fill(url: str) -> None:
    async with open_backend(url) as backend:
        await backend.commit([put(key, f"k{n}", b"%d" % n) for key in PEOPLE for n in range(2)])
        await backend.commit([put(PEOPLE[0], run_id="run-1", expires_at=4e9)])
        await backend.commit([put(PEOPLE[1], "long", b"x" * 5_000_000), put(PEOPLE[1], "next")])


async def content(url: str) -> Mapping[ScopeKey, Mapping[str, tuple[object, ...]]]:
    async with open_backend(url) as backend:
        found = {key: await backend.entries(key) for key in PEOPLE}
    return {
        key: {k: (e.value, e.run_id, e.expires_at) for k, e in entries.items()}
        for key, entries in found.items()
    }


def command(capsys: pytest.CaptureFixture[str], source: str, target: str) -> dict[str, int]:
    assert main(["copy", source, target, "--json"]) == 0, capsys.readouterr().err
    report: dict[str, int] = json.loads(capsys.readouterr().out)
    return report


async def test_there_and_back_again(
    tmp_path: Path,
    postgres_url: str,
    redis_url: str,
) -> None:
    """SQLite to PostgreSQL to Redis to SQLite: what arrives is what left."""
    urls = [
        f"sqlite:///{tmp_path}/one.db",
        f"{postgres_url}?schema=copied",
        f"{redis_url}?prefix=copied:",
        f"sqlite:///{tmp_path}/two.db",
    ]
    await fill(urls[0])
    seen: list[int] = []
    for source, target in pairwise(urls):
        copied = await copy_urls(source, target, progress=lambda c: seen.append(c.scopes))
        assert copied == Copied(scopes=450, entries=903, written=903)
    assert seen == [200, 400, 450] * 3
    assert await content(urls[-1]) == await content(urls[0])


def test_the_command_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOLDER", str(tmp_path))
    monkeypatch.setattr("langbot_state_ext.cli.commands.PROGRESS_S", 0)
    asyncio.run(fill(f"sqlite:///{tmp_path}/one.db"))
    first = command(capsys, "sqlite:///one.db", "sqlite:///${FOLDER}/two.db")
    nothing = dict.fromkeys(("newer", "only_there", "entries_only_there"), 0)
    assert first == {"scopes": 450, "entries": 903, "written": 903, **nothing}
    again = command(capsys, "sqlite:///one.db", "sqlite:///two.db")
    assert again["written"] == 0
    assert main(["copy", "sqlite:///one.db", "sqlite:///two.db"]) == 0
    said = capsys.readouterr()
    assert "Copied and verified 903 entries of 450 scopes" in said.out
    assert "200 scopes so far" in said.err


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("sqlite:///nowhere.db", "sqlite:///two.db", "there is no"),
        ("memory://", "sqlite:///two.db", "is gone with this command"),
        ("sqlite:///one.db", "memory://", "is gone with this command"),
        (
            "sqlite:///one.db",
            "postgresql://u:${NO_SUCH}@h/d",
            "not set in the environment: NO_SUCH",
        ),
        ("sqlite:///one.db", "mysql://u:s3cret@h/d", "unknown scheme mysql:"),
        ("sqlite:///one.db", "sqlite:///no/folder/two.db", "does not exist: create it"),
        ("sqlite:///one.db", "sqlite:///./one.db?synchronous=full", "name the store to copy into"),
        ("redis://u:s3cret@127.0.0.1:1/0", "redis://u:s3cret@127.0.0.1:1/0", "name the store to"),
        ("sqlite:///one.db", "redis://u:s3cret@127.0.0.1:1/0?wait_s=1", "can't be reached"),
    ],
)
def test_a_copy_that_makes_no_sense_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    target: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.db").touch()
    assert main(["copy", source, target]) == 1
    message = capsys.readouterr().err
    assert said in message
    assert "s3cret" not in message
    assert not (tmp_path / "nowhere.db").exists()


async def two(stack: AsyncExitStack, tmp_path: Path, clock: Clock) -> tuple[Backend, Backend]:
    one, other = (SqliteBackend(tmp_path / f"{n}.db", clock=clock) for n in range(2))
    return await stack.enter_async_context(one), await stack.enter_async_context(other)


async def test_the_later_of_two_values_stays(tmp_path: Path) -> None:
    clock, alice, bob = Clock(), person("alice"), person("bob")
    async with AsyncExitStack() as stack:
        one, other = await two(stack, tmp_path, clock)
        await one.commit([put(alice, "a"), put(alice, "b")])
        await copy(one, other)
        clock.now += 10
        await one.commit([put(alice, "a", b"later")])
        await other.commit([put(alice, "b", b"later"), put(bob)])
        assert await copy(one, other) == Copied(1, 2, written=1, newer=1, only_there=1)
        assert await other.load([alice]) == [{"a": b"later", "b": b"later"}]


async def test_what_was_erased_at_the_source_is_counted_where_it_still_is(tmp_path: Path) -> None:
    clock, alice = Clock(), person("alice")
    async with AsyncExitStack() as stack:
        one, other = await two(stack, tmp_path, clock)
        await one.commit([put(alice, "name"), put(alice, "pet"), put(person("bob"))])
        await copy(one, other)
        await one.commit([Change(alice, "pet", None), Change(person("bob"), "k", None)])
        assert await copy(one, other) == Copied(1, 1, only_there=1, entries_only_there=1)


async def test_another_expiry_is_another_entry(tmp_path: Path) -> None:
    clock, alice = Clock(), person("alice")
    async with AsyncExitStack() as stack:
        one, other = await two(stack, tmp_path, clock)
        await one.commit([put(alice, expires_at=clock.now + 100)])
        await copy(one, other)
        clock.now += 1
        await one.commit([put(alice)])
        assert await copy(one, other) == Copied(1, 1, written=1)
        entry = await other.get(alice, "k")
        assert entry is not None
        assert entry.expires_at is None


async def test_many_small_entries_are_not_written_in_one_commit(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    async with SqliteBackend(tmp_path / "0.db") as one, SqliteBackend(tmp_path / "1.db") as other:
        await one.commit([put(PEOPLE[n % 20], f"k{n}") for n in range(2 * COMMIT_CHANGES + 1)])
        commits = mocker.spy(other, "commit")
        await copy(one, other)
        sizes = [len(call.args[0]) for call in commits.call_args_list]
        assert sizes == [COMMIT_CHANGES, COMMIT_CHANGES, 1]


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mocker: MockerFixture
) -> None:
    async def interrupted(*_stores: object) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)

    asyncio.run(fill(f"sqlite:///{tmp_path}/one.db"))
    mocker.patch("langbot_state_ext.store.copy._verify", interrupted)
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "two")]
    assert main(["copy", *urls]) == 130
    said = capsys.readouterr().err
    assert said == "langbot-state: interrupted: run the same command again to continue\n"


class Broken(SqliteBackend):
    """A store that is lost after so many commits."""

    left = 1

    async def commit(self, changes: object) -> None:
        if not self.left:
            raise BackendUnavailable("lost")
        self.left -= 1
        await super().commit(changes)  # type: ignore[arg-type]


async def test_a_copy_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    async with SqliteBackend(tmp_path / "0.db") as one:
        await one.commit([put(key) for key in PEOPLE])
        async with Broken(tmp_path / "1.db") as other:
            with pytest.raises(BackendUnavailable, match="lost"):
                await copy(one, other)
        async with SqliteBackend(tmp_path / "1.db") as other:
            assert await copy(one, other) == Copied(450, 450, written=250)


class Meddled(SqliteBackend):
    """A store that somebody else writes to in the middle of a copy."""

    async def commit(self, changes: object) -> None:
        async with SqliteBackend(self.path) as somebody:
            await somebody.commit([put(PEOPLE[0], value=b"theirs")])
        await super().commit(changes)  # type: ignore[arg-type]


async def test_a_target_in_use_is_noticed(tmp_path: Path) -> None:
    async with SqliteBackend(tmp_path / "0.db") as one, Meddled(tmp_path / "1.db") as other:
        await one.commit([put(PEOPLE[0])])
        with pytest.raises(BackendError, match=r"the target is in use.*stop LangBot"):
            await copy(one, other)


async def test_a_source_in_use_is_noticed(tmp_path: Path) -> None:
    """What is written to the source after its page was read is found by the comparison."""
    async with SqliteBackend(tmp_path / "0.db") as one, SqliteBackend(tmp_path / "1.db") as other:
        await one.commit([put(PEOPLE[0])])

        def meddle(_copied: Copied) -> None:
            work = one.commit([put(PEOPLE[0], "new")])
            with pytest.raises(StopIteration):
                work.send(None)

        with pytest.raises(BackendError, match="'new' is not in the target"):
            await copy(one, other, progress=meddle)


async def test_a_wrong_url_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        await copy_urls(f"sqlite:///{tmp_path}/0.db", "postgresql://u:x@h/d?wait_s=no")


async def test_a_store_without_state_is_not_copied(tmp_path: Path) -> None:
    async with SqliteBackend(tmp_path / "empty.db"):
        pass
    with pytest.raises(ConfigError, match="there is no state at"):
        await copy_urls(f"sqlite:///{tmp_path}/empty.db", f"sqlite:///{tmp_path}/new.db")
