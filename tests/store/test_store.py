"""`StateStore` and its synchronous face: snapshots and updates of Queries and events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from langbot_state_ext import (
    VALID_STATE_SCOPES,
    ConfigError,
    CorruptValue,
    Limits,
    RunnerScopedStateStore,
    ScopeError,
    ScopeFilter,
    StateStore,
    VersionConflict,
    get_state_store,
    key_from_event,
    reset_state_store,
)
from langbot_state_ext.backends import Change
from langbot_state_ext.testing import (
    SimpleActor,
    SimpleBinding,
    SimpleConversation,
    SimpleDescriptor,
    SimpleEvent,
    SimplePolicy,
    SimpleQuery,
    SimpleSession,
    SimpleSubject,
)

RUNNER = SimpleDescriptor()
BINDING = SimpleBinding()
EMPTY: dict[str, dict[str, Any]] = {scope: {} for scope in VALID_STATE_SCOPES}


@pytest_asyncio.fixture
async def store() -> AsyncIterator[StateStore]:
    async with StateStore() as store:
        yield store


@pytest.fixture(params=["memory://", "sqlite:///{}/state.db"])
def sync_store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with RunnerScopedStateStore.open(request.param.format(tmp_path)) as store:
        yield store


def key_of(scope: str, event: SimpleEvent | None = None) -> Any:
    return key_from_event(scope, event or SimpleEvent(), BINDING, RUNNER)


def test_updates_of_a_query_come_back_in_its_snapshot(sync_store: RunnerScopedStateStore) -> None:
    query = SimpleQuery()
    assert sync_store.build_snapshot(query, RUNNER) == EMPTY
    for scope in VALID_STATE_SCOPES:
        assert sync_store.apply_update(query, RUNNER, scope, "memory.n", {"of": [scope]})
    expected = {scope: {"memory.n": {"of": [scope]}} for scope in VALID_STATE_SCOPES}
    assert sync_store.build_snapshot(query, RUNNER) == expected
    assert sync_store.clear_scope("actor", query, RUNNER) == 1
    assert sync_store.build_snapshot(query, RUNNER) == expected | {"actor": {}}
    assert sync_store.clear_all() == 3
    assert sync_store.build_snapshot(query, RUNNER) == EMPTY


def test_updates_of_an_event_come_back_in_its_snapshot(
    sync_store: RunnerScopedStateStore,
) -> None:
    event = SimpleEvent()
    for scope in VALID_STATE_SCOPES:
        assert sync_store.apply_update_from_event(event, BINDING, RUNNER, scope, "n", scope)
    expected: dict[str, dict[str, str]] = {scope: {"n": scope} for scope in VALID_STATE_SCOPES}
    expected["conversation"]["external.conversation_id"] = "person_alice"
    assert sync_store.build_snapshot_from_event(event, BINDING, RUNNER) == expected
    assert sync_store.clear_scope_from_event("subject", event, BINDING, RUNNER) == 1
    assert sync_store.clear_scope_from_event("subject", event, BINDING, RUNNER) == 0


def test_people_share_a_group_and_nothing_else(sync_store: RunnerScopedStateStore) -> None:
    def message(sender: str, number: int) -> SimpleEvent:
        data = {"launcher_type": "group", "launcher_id": "g1"}
        subject = SimpleSubject(str(number), "message", data)
        return SimpleEvent("group_g1", actor=SimpleActor(sender), subject=subject)

    for scope in VALID_STATE_SCOPES:
        sync_store.apply_update_from_event(message("alice", 1), BINDING, RUNNER, scope, "n", 1)
    seen = sync_store.build_snapshot_from_event(message("bob", 2), BINDING, RUNNER)
    assert {scope for scope in seen if "n" in seen[scope]} == {"conversation", "subject", "runner"}


@pytest.mark.parametrize("scope", VALID_STATE_SCOPES)
def test_the_older_key_means_the_external_id_in_every_scope(scope: str) -> None:
    store = RunnerScopedStateStore()
    assert store.apply_update(SimpleQuery(), RUNNER, scope, "conversation_id", "ext-1")
    assert store.build_snapshot(SimpleQuery(), RUNNER)[scope] == {
        "external.conversation_id": "ext-1"
    }


def test_an_alias_and_a_sync_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("mine")
    with caplog.at_level("DEBUG", "mine"):
        RunnerScopedStateStore().apply_update(
            SimpleQuery(), RUNNER, "conversation", "conversation_id", "ext-1", logger
        )
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert "mapped to" in caplog.messages[0]
    assert caplog.messages[1].startswith("Synced")


@pytest.mark.parametrize(
    ("value", "before", "after"),
    [
        ("ext", None, "ext"),
        ("ext", "old", "ext"),
        (None, "old", None),
        ("", "old", "old"),
        (5, "old", "old"),
        ({"id": 1}, None, None),
        (["x"], "old", "old"),
    ],
)
def test_the_external_id_of_a_query_becomes_the_uuid(value: Any, before: Any, after: Any) -> None:
    store, conversation = RunnerScopedStateStore(), SimpleConversation(before)
    query = SimpleQuery(session=SimpleSession(using_conversation=conversation))
    assert store.apply_update(query, RUNNER, "conversation", "external.conversation_id", value)
    assert conversation.uuid == after
    snapshot = store.build_snapshot(query, RUNNER)
    assert snapshot["conversation"]["external.conversation_id"] == value


def test_only_the_conversation_scope_syncs() -> None:
    store, query = RunnerScopedStateStore(), SimpleQuery()
    assert store.apply_update(query, RUNNER, "actor", "external.conversation_id", "x")
    assert store.apply_update(query, RUNNER, "conversation", "memory.x", "x")
    assert query.session is not None
    assert query.session.using_conversation is not None
    assert query.session.using_conversation.uuid is None


def test_a_session_without_a_conversation_keeps_state() -> None:
    store, query = RunnerScopedStateStore(), SimpleQuery(session=SimpleSession())
    assert query.session is not None
    query.session.using_conversation = None
    assert store.apply_update(query, RUNNER, "conversation", "external.conversation_id", "x")
    assert store.build_snapshot(query, RUNNER)["conversation"] == {"external.conversation_id": "x"}


def test_a_uuid_seeds_the_snapshot_but_never_over_what_is_kept() -> None:
    store = RunnerScopedStateStore()
    query = SimpleQuery(session=SimpleSession(using_conversation=SimpleConversation("uuid-1")))
    assert store.build_snapshot(query, RUNNER)["conversation"] == {
        "external.conversation_id": "uuid-1"
    }
    store.apply_update(query, RUNNER, "conversation", "external.conversation_id", None)
    assert store.build_snapshot(query, RUNNER)["conversation"] == {"external.conversation_id": None}


def test_memory_knows_conversations_by_their_creation_and_disk_by_their_launcher(
    tmp_path: Path,
) -> None:
    def at(hour: int) -> SimpleQuery:
        conversation = SimpleConversation(create_time=datetime(2026, 1, 1, hour))  # noqa: DTZ001
        return SimpleQuery(session=SimpleSession(using_conversation=conversation))

    memory = RunnerScopedStateStore()
    with RunnerScopedStateStore.open(f"sqlite:///{tmp_path}/state.db") as disk:
        for store, expected in ((memory, {}), (disk, {"n": 1})):
            store.apply_update(at(1), RUNNER, "conversation", "n", 1)
            assert store.build_snapshot(at(2), RUNNER)["conversation"] == expected


@pytest.mark.parametrize(
    ("binding", "event", "scope", "value", "reason"),
    [
        (BINDING, SimpleEvent(), "person", 1, "invalid scope"),
        (SimpleBinding(state_policy=SimplePolicy(False)), SimpleEvent(), "actor", 1, "is disabled"),
        (SimpleBinding(state_policy=SimplePolicy(True, ["actor"])), SimpleEvent(), "runner", 1,
         "not enabled"),
        (BINDING, SimpleEvent(actor=None), "actor", 1, "missing identity of the actor"),
        (BINDING, SimpleEvent(actor=SimpleActor("\ud800")), "actor", 1, "lone surrogate"),
        (BINDING, SimpleEvent(), "actor", float("nan"), "nan is not a JSON number"),
        (BINDING, SimpleEvent(), "actor", "x" * 300_000, "over the limit of 262144 bytes"),
    ],
)  # fmt: skip
def test_a_refusal_changes_nothing_and_warns_once(
    binding: SimpleBinding, event: SimpleEvent, scope: str, value: Any, reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    store = RunnerScopedStateStore()
    assert not store.apply_update_from_event(event, binding, RUNNER, scope, "secret", value)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    for part in (reason, RUNNER.id, scope, "'secret'"):
        assert part in record.getMessage()
    assert store.clear_all() == 0


def test_a_refusal_of_a_query_changes_nothing_and_warns_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, query = RunnerScopedStateStore(), SimpleQuery(session=None)
    assert not store.apply_update(query, RUNNER, "person", "k", 1)
    assert not store.apply_update(query, RUNNER, "actor", "", 1)
    assert [message.rpartition(": ")[2] for message in caplog.messages] == [
        "valid are conversation, actor, subject, runner",
        "the key is empty",
    ]


def test_what_is_not_enabled_reads_as_empty() -> None:
    store, event = RunnerScopedStateStore(), SimpleEvent()
    for scope in VALID_STATE_SCOPES:
        store.apply_update_from_event(event, BINDING, RUNNER, scope, "n", 1)
    only_actor = SimpleBinding(state_policy=SimplePolicy(True, ["actor"]))
    expected = EMPTY | {"actor": {"n": 1}}
    assert store.build_snapshot_from_event(event, only_actor, RUNNER) == expected
    off = SimpleBinding(state_policy=SimplePolicy(enable_state=False))
    assert store.build_snapshot_from_event(event, off, RUNNER) == EMPTY


def test_a_query_without_a_session_keeps_its_state() -> None:
    store, query = RunnerScopedStateStore(), SimpleQuery(session=None)
    for scope in VALID_STATE_SCOPES:
        assert store.apply_update(query, RUNNER, scope, "n", scope)
    assert store.build_snapshot(query, RUNNER) == {s: {"n": s} for s in VALID_STATE_SCOPES}
    with_launcher = store.build_snapshot(SimpleQuery(), RUNNER)
    assert with_launcher["conversation"] == with_launcher["subject"] == {}


@pytest.mark.parametrize("kind", [ScopeError, ValueError])
def test_clearing_an_unknown_scope_is_an_error(kind: type[Exception]) -> None:
    with pytest.raises(kind, match="invalid scope"):
        RunnerScopedStateStore().clear_scope("galaxy", SimpleQuery(), RUNNER)


def test_null_is_a_value_and_a_missing_key_a_default() -> None:
    store = RunnerScopedStateStore()
    store.apply_update(SimpleQuery(), RUNNER, "actor", "k", None)
    assert store.build_snapshot(SimpleQuery(), RUNNER)["actor"] == {"k": None}


def test_limits_are_settings() -> None:
    store = RunnerScopedStateStore.open("memory://", limits=Limits(10, 3, 1))
    for key, value in (("four", 1), ("k", "12345678901"), ("k", [[1]])):
        assert not store.apply_update(SimpleQuery(), RUNNER, "actor", key, value)
    assert store.apply_update(SimpleQuery(), RUNNER, "actor", "k", [1])


def test_there_is_one_store_per_process() -> None:
    reset_state_store()
    first = get_state_store()
    assert get_state_store() is first
    first.apply_update(SimpleQuery(), RUNNER, "actor", "k", 1)
    reset_state_store()
    assert get_state_store() is not first
    assert get_state_store().build_snapshot(SimpleQuery(), RUNNER) == EMPTY
    reset_state_store()


@pytest.mark.parametrize("url", ["", "state.db", "mysql://user:hunter2@host/db", "sqlite://x/y"])
def test_a_url_that_is_not_one_we_know_is_named_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        StateStore.open(url)
    assert "hunter2" not in str(caught.value)


async def test_values_are_read_and_written_by_key(store: StateStore) -> None:
    key = key_of("actor")
    await store.apply(key, "conversation_id", {"a": [1]}, run_id="run-1")
    assert await store.get(key, "external.conversation_id") == {"a": [1]}
    assert await store.get(key, "conversation_id") == {"a": [1]}
    assert await store.get(key, "other", "default") == "default"
    await store.apply(key, "other", None)
    assert await store.get(key, "other", "default") is None
    assert await store.list(key, "o") == (["other"], False)
    assert await store.list(key, limit=1) == (["external.conversation_id"], True)


async def test_a_write_may_expect_a_version_and_may_end(store: StateStore) -> None:
    key = key_of("actor")
    await store.apply(key, "k", 1, expect=0, ttl_s=1000)
    entry = await store.backend.get(key, "k")
    assert entry is not None
    assert entry.expires_at is not None
    with pytest.raises(VersionConflict, match="at version 1, not 0"):
        await store.apply(key, "k", 2, expect=0)
    await store.apply(key, "k", 2, expect=1, ttl_s=-1)
    assert await store.get(key, "k") is None


async def test_bytes_that_are_not_a_value_are_reported_and_left_out(
    store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    key = key_of("actor")
    await store.backend.commit([Change(key, "bad", b"{secret"), Change(key, "good", b"[1]")])
    snapshot = await store.build_snapshot_from_event(SimpleEvent(), BINDING, RUNNER)
    assert snapshot["actor"] == {"good": [1]}
    (message,) = caplog.messages
    assert "actor key 'bad'" in message
    assert "secret" not in message
    with pytest.raises(CorruptValue, match="actor key 'bad'"):
        await store.get(key, "bad")
    await store.apply(key, "bad", "mended")
    assert await store.get(key, "bad") == "mended"


async def test_clear_takes_a_filter(store: StateStore) -> None:
    for scope in VALID_STATE_SCOPES:
        await store.apply(key_of(scope), "k", 1)
    assert await store.clear(ScopeFilter(parts={"actor_id": "alice"})) == 1
    assert (
        await store.clear_scope_from_event("actor", SimpleEvent(actor=None), BINDING, RUNNER) == 0
    )
    assert await store.clear_all() == 3


def test_a_backend_that_suspends_is_not_for_the_synchronous_store() -> None:
    class Suspending(StateStore):
        async def clear_all(self) -> int:
            import asyncio

            await asyncio.sleep(0)
            return 0

    with pytest.raises(RuntimeError, match="use StateStore"):
        RunnerScopedStateStore(Suspending()).clear_all()
