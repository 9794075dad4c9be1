"""LangBot's own state is adopted once, row by row, and written back."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from pytest_mock import MockerFixture
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from langbot_state_ext import (
    BackendError,
    ConfigError,
    InvalidKey,
    Limits,
    ScopeFilter,
    ScopeKey,
    StateStore,
)
from langbot_state_ext.backends import Change
from langbot_state_ext.backends.sqlite.backend import SqliteBackend
from langbot_state_ext.host.adoption.adopt import adopt
from langbot_state_ext.host.adoption.export import Exported, export
from langbot_state_ext.host.adoption.marks import MARK_PLACE, MARK_SCOPE, mark_change
from langbot_state_ext.host.adoption.rows import scope_key_of
from langbot_state_ext.host.database import host_database, host_engine
from langbot_state_ext.store.copy import copy
from langbot_state_ext.testing import SimpleDescriptor, SimpleQuery

pytestmark = pytest.mark.host

LOGGER = logging.getLogger("test")
BINDING = "agent_p1_plugin:a/b/c"


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Make LangBot's table in a database of its own."""
    from langbot.pkg.entity.persistence.runner_state import RunnerState

    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'langbot.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(RunnerState.metadata.tables["runner_state"].create)
    yield engine
    await engine.dispose()


async def insert(engine: AsyncEngine, scope: str, name: str, value: Any, **columns: Any) -> None:
    """Write a row as LangBot's own store does."""
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    context = {"runner_id": "plugin:a/b/c", "binding_identity": BINDING, "bot_id": "b1", **columns}
    place = scope_key_of(key(scope, *columns.items()))
    await PersistentStateStore(engine).state_set(
        place, name, value, "plugin:a/b/c", BINDING, scope, context
    )


async def rows(engine: AsyncEngine) -> dict[tuple[str, str], Any]:
    async with engine.connect() as connection:
        found = await connection.execute(sa.text("SELECT * FROM runner_state"))
        return {
            (row["scope"], row["state_key"]): json.loads(row["value_json"])
            for row in found.mappings()
        }


def key(scope: Any, *own: tuple[str, str | None]) -> ScopeKey:
    base = (("runner_id", "plugin:a/b/c"), ("binding_identity", BINDING))
    return ScopeKey(scope, (*base, ("bot_id", "b1"), ("workspace_id", None), *own))


async def fill(engine: AsyncEngine) -> None:
    await insert(
        engine, "conversation", "n", {"a": 1}, conversation_id="person_alice", thread_id=None
    )
    await insert(engine, "actor", "n", None, actor_type="user", actor_id="alice")
    for number in (1, 2):
        message = {"subject_type": "message", "subject_id": str(number)}
        await insert(engine, "subject", "n", number, conversation_id="group_g1", **message)
    await insert(engine, "subject", "room", 1, subject_type="room", subject_id="r")
    await insert(engine, "runner", "n", 2**60)


async def test_every_scope_is_taken_over_by_its_identity(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(engine)
    async with StateStore() as store:
        with caplog.at_level("INFO"):
            assert await adopt(store, engine, LOGGER) == 5
        assert "Adopted 5 of 6 entries" in caplog.text
        conversation = (("conversation_id", "person_alice"), ("thread_id", None))
        assert await store.get(key("conversation", *conversation), "n") == {"a": 1}
        alice = key("actor", ("actor_type", "user"), ("actor_id", "alice"))
        assert await store.get(alice, "n", "missing") is None
        group = key("subject", ("subject_type", "group"), ("subject_id", "g1"))
        assert await store.get(group, "n") == 2
        room = key("subject", ("subject_type", "room"), ("subject_id", "r"))
        assert await store.get(room, "room") == 1
        assert await store.get(key("runner"), "n") == 2**60


async def test_of_two_messages_in_one_group_the_later_says_what_the_group_has(
    engine: AsyncEngine,
) -> None:
    for number in (2, 1):
        message = {"subject_type": "message", "subject_id": str(number)}
        await insert(engine, "subject", "n", number, conversation_id="group_g1", **message)
    async with engine.begin() as connection:
        earlier = (
            "UPDATE runner_state SET updated_at = '2026-01-01 00:00:00' WHERE subject_id = '1'"
        )
        await connection.execute(sa.text(earlier))
    async with StateStore() as store:
        await adopt(store, engine, LOGGER)
        group = key("subject", ("subject_type", "group"), ("subject_id", "g1"))
        assert await store.get(group, "n") == 2


async def test_it_happens_once(engine: AsyncEngine) -> None:
    await fill(engine)
    async with StateStore() as store:
        await adopt(store, engine, LOGGER)
        await store.clear(ScopeFilter(scope="actor"))
        assert await adopt(store, engine, LOGGER) == 0
        mark = json.loads((await store.backend.load([MARK_SCOPE]))[0]["rows"])
        assert mark == {"rows": 5, "at": pytest.approx(time.time(), abs=600)}


async def test_a_store_that_has_state_is_left_alone(engine: AsyncEngine) -> None:
    await fill(engine)
    async with StateStore() as store:
        await store.apply(key("runner"), "n", "ours")
        assert await adopt(store, engine, LOGGER) == 0
        assert await store.get(key("runner"), "n") == "ours"


async def test_two_that_adopt_at_once_do_it_once(
    engine: AsyncEngine, mocker: MockerFixture
) -> None:
    await fill(engine)

    async with StateStore() as store:
        scopes = store.backend.scopes

        async def empty_for_the_last_time(*arguments: Any) -> Any:
            page = await scopes(*arguments)
            await store.backend.commit([mark_change(0, time.time(), None)])
            return page

        mocker.patch.object(store.backend, "scopes", empty_for_the_last_time)
        assert await adopt(store, engine, LOGGER) == 0
        assert await store.get(key("runner"), "n") is None


async def test_an_empty_table_leaves_a_mark_and_no_word(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    async with StateStore() as store:
        with caplog.at_level("INFO"):
            assert await adopt(store, engine, LOGGER) == 0
        assert caplog.text == ""
        assert len((await store.backend.scopes(ScopeFilter(), None, 10)).scopes) == 1


def durable(tmp_path: Path, name: str = "state") -> StateStore:
    return StateStore(SqliteBackend(tmp_path / f"{name}.db"))


async def test_a_store_that_comes_back_empty_gets_no_older_state(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What LangBot kept before is older than what was lost; what it wrote since is not."""
    await fill(engine)
    async with durable(tmp_path) as store:
        assert await adopt(store, engine, LOGGER) == 5
        await store.apply(key("runner"), "n", "today")
        assert await adopt(store, engine, LOGGER) == 0
    assert caplog.text == ""
    await asyncio.sleep(0.01)
    await insert(engine, "runner", "late", 1)
    async with durable(tmp_path, "empty") as store:
        assert await adopt(store, engine, LOGGER) == 1
        assert await store.get(key("runner"), "n") is None
        assert await store.get(key("runner"), "late") == 1
        assert "the store lost its state, or state_ext.url names another one" in caplog.text
        caplog.clear()
        assert await adopt(store, engine, LOGGER) == 0
        assert caplog.text == ""


async def test_what_was_written_back_is_taken_over_by_a_new_store(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await fill(engine)
    async with durable(tmp_path) as store:
        await adopt(store, engine, LOGGER)
        await store.apply(key("runner"), "n", "today")
        await export(store, engine, LOGGER)
    async with engine.connect() as connection:
        found = await connection.execute(sa.text("SELECT scope_key FROM runner_state"))
        assert MARK_PLACE[0] not in found.scalars().all()
    async with durable(tmp_path, "new") as store:
        assert await adopt(store, engine, LOGGER) == 5
        assert await store.get(key("runner"), "n") == "today"


async def test_a_store_that_took_over_before_marks_the_table(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await fill(engine)
    async with durable(tmp_path) as store:
        await store.backend.commit([mark_change(6, time.time() + 1, None)])
        assert await adopt(store, engine, LOGGER) == 0
    async with durable(tmp_path, "empty") as store:
        assert await adopt(store, engine, LOGGER) == 0


async def test_what_langbot_alone_wrote_before_a_copy_is_taken_over_after_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await fill(engine)
    async with durable(tmp_path) as store, durable(tmp_path, "copied") as copied:
        await adopt(store, engine, LOGGER)
        await asyncio.sleep(0.01)
        await insert(engine, "runner", "late", 1)
        await asyncio.sleep(0.01)
        await copy(store.backend, copied.backend)
        assert await adopt(copied, engine, LOGGER) == 1
        assert await copied.get(key("runner"), "late") == 1


async def test_a_row_that_is_no_state_is_named_and_left_behind(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(engine)
    await insert(engine, "actor", "nobodys", 1)
    await insert(engine, "person", "odd", 1)
    async with engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE runner_state SET value_json = '{secret' WHERE scope = 'runner'")
        )
    async with StateStore() as store:
        assert await adopt(store, engine, LOGGER) == 4
    for place in ("actor key 'nobodys'", "person key 'odd'", "runner key 'n'"):
        assert f"Not adopted from LangBot's table: {place}" in caplog.text
    assert "secret" not in caplog.text


async def test_writing_back_gives_langbot_what_there_is_now(engine: AsyncEngine) -> None:
    await fill(engine)
    await insert(engine, "actor", "nobodys", 1)
    alice = key("actor", ("actor_type", "user"), ("actor_id", "alice"))
    async with StateStore() as store:
        await adopt(store, engine, LOGGER)
        await store.apply(key("runner"), "n", ["new"])
        await store.apply(key("runner"), "more", "é")
        await store.backend.commit([Change(alice, "n", None)])
        await store.apply_update(SimpleQuery(), SimpleDescriptor(), "actor", "query", 1)
        for _ in range(2):
            assert await export(store, engine, LOGGER) == Exported(5, 1, 0)
            assert await rows(engine) == {
                ("conversation", "n"): {"a": 1},
                ("subject", "n"): 2,
                ("subject", "room"): 1,
                ("runner", "n"): ["new"],
                ("runner", "more"): "é",
                ("actor", "nobodys"): 1,
            }


async def test_a_store_that_was_never_langbots_writes_nothing_back(engine: AsyncEngine) -> None:
    await fill(engine)
    before = await rows(engine)
    async with StateStore() as store:
        with pytest.raises(ConfigError, match="never adopted LangBot's state"):
            await export(store, engine, LOGGER)
    assert await rows(engine) == before


async def test_what_langbot_alone_wrote_since_is_taken_over_and_never_lost(
    engine: AsyncEngine,
) -> None:
    await fill(engine)
    alice = {"actor_type": "user", "actor_id": "alice"}
    async with StateStore() as store:
        await adopt(store, engine, LOGGER)
        await store.apply(key("runner"), "n", "ours")
        await asyncio.sleep(0.01)
        await insert(engine, "actor", "n", "newer", **alice)
        await insert(engine, "actor", "late", 1, **alice)
        assert (await export(store, engine, LOGGER)).refused == 0
        assert (await rows(engine))["actor", "n"] == "newer"
        assert (await rows(engine))["actor", "late"] == 1
        assert (await rows(engine))["runner", "n"] == "ours"
        await insert(engine, "actor", "late", 2, **alice)
        assert await adopt(store, engine, LOGGER) == 1
        who = key("actor", ("actor_type", "user"), ("actor_id", "alice"))
        assert await store.get(who, "late") == 2
        assert await adopt(store, engine, LOGGER) == 0


async def test_what_cant_be_written_back_is_named_and_its_row_stays(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(engine)
    async with StateStore(limits=Limits(value_bytes=1_000_000)) as store:
        await adopt(store, engine, LOGGER)
        await store.apply(key("runner"), "n", "x" * 300_000)
        await store.backend.commit([Change(key("runner"), "bad", b"{secret")])
        done = await export(store, engine, LOGGER)
    assert (done.written, done.refused) == (4, 2)
    assert (await rows(engine))["runner", "n"] == 2**60
    for place in ("runner key 'n'", "runner key 'bad'"):
        assert f"Not written: {place} of runner plugin:a/b/c" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("database", "place"),
    [
        (None, "database "),
        ({"sqlite": None}, "database.sqlite "),
        ({"sqlite": {"path": 5}}, "database.sqlite.path "),
        ({"use": "oracle"}, "database.use "),
    ],
)
async def test_a_configuration_that_names_no_database_says_where(database: Any, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with host_engine({"database": database}):
            pass
    assert str(caught.value).startswith(place)


async def test_a_server_that_refuses_is_one_message(postgres_url: str) -> None:
    server = {"url": f"{postgres_url}_that_is_not_there"}
    config = {"database": {"use": "postgresql", "postgresql": server}}
    with pytest.raises(BackendError, match=r"LangBot's own database: .*does not exist"):
        async with host_engine(config) as engine, engine.connect():
            pass


async def test_a_fault_of_the_store_is_not_langbots(engine: AsyncEngine) -> None:
    with pytest.raises(InvalidKey), host_database():
        raise InvalidKey("too long")


async def test_a_database_that_cant_be_read_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "langbot.db").write_bytes(b"not a database" * 100)
    config = {"database": {"use": "sqlite", "sqlite": {"path": str(tmp_path / "langbot.db")}}}
    with pytest.raises(BackendError, match="LangBot's own database"):
        async with host_engine(config):
            pass
