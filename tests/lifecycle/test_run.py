"""A run reads, writes and ends; the State API writes for it."""

from __future__ import annotations

from typing import Any

import pytest

from langbot_state_ext import (
    VALID_STATE_SCOPES,
    BackendUnavailable,
    InvalidKey,
    Limits,
    RunLifecycle,
    StateStore,
)
from langbot_state_ext.backends.memory import MemoryBackend

from .runs import key_of, run


async def test_a_run_reads_writes_and_ends(lifecycle: RunLifecycle) -> None:
    snapshot = await lifecycle.before_run(run())
    assert list(snapshot) == list(VALID_STATE_SCOPES)
    assert "run-1" in lifecycle
    outcome = await lifecycle.update("run-1", "actor", "n", 1)
    assert outcome is not None
    assert (outcome.kept, outcome.scope, outcome.key) == (True, "actor", "n")
    await lifecycle.after_run("run-1", "completed")
    await lifecycle.after_run("run-1", "completed")
    assert "run-1" not in lifecycle
    entry = await lifecycle.store.backend.get(key_of("actor"), "n")
    assert entry is not None
    assert entry.run_id == "run-1"


async def test_a_sequence_counts_once_per_run(lifecycle: RunLifecycle) -> None:
    for run_id in ("run-1", "run-2"):
        await lifecycle.before_run(run(run_id))
        assert await lifecycle.update(run_id, "actor", "n", run_id, sequence=1)
        assert await lifecycle.update(run_id, "actor", "n", "again", sequence=1) is None
        assert await lifecycle.store.get(key_of("actor"), "n") == run_id


async def test_a_refusal_names_its_reason(lifecycle: RunLifecycle) -> None:
    await lifecycle.before_run(run())
    for scope, key, value, reason in (
        ("person", "k", 1, "invalid scope"),
        ("actor", "k", {1}, "set is not a JSON type"),
        ("actor", "", 1, "the key is empty"),
        ("None", "", None, "invalid scope"),
    ):
        outcome = await lifecycle.update("run-1", scope, key, value)
        assert outcome is not None
        assert not outcome.kept
        assert reason in str(outcome.refusal)
    assert await lifecycle.store.clear_all() == 0


async def test_a_run_that_is_not_known_is_an_error(lifecycle: RunLifecycle) -> None:
    with pytest.raises(KeyError):
        await lifecycle.update("run-1", "actor", "n", 1)
    await lifecycle.before_run(run())
    lifecycle.discard("run-1")
    assert "run-1" not in lifecycle
    assert lifecycle.conversation_of("run-1") is None


class Unreachable(MemoryBackend):
    """A store that can't be reached."""

    async def load(self, keys: Any) -> Any:
        raise BackendUnavailable("the store is gone")


async def test_a_store_that_cant_be_read_fails_the_run_or_gives_it_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = StateStore(Unreachable())
    with pytest.raises(BackendUnavailable):
        await RunLifecycle(store).before_run(run())
    lifecycle = RunLifecycle(store, on_unavailable="continue")
    assert await lifecycle.before_run(run()) == {scope: {} for scope in VALID_STATE_SCOPES}
    assert "runs without state: the store is gone" in caplog.text


async def test_the_state_api_writes_for_a_run_and_without_one(lifecycle: RunLifecycle) -> None:
    await lifecycle.before_run(run())
    for run_id in ("run-1", "unknown", None):
        await lifecycle.state_set(run_id, key_of("actor"), "k", run_id)
        assert await lifecycle.store.get(key_of("actor"), "k") == run_id
        assert await lifecycle.state_delete(run_id, key_of("actor"), "k")
        assert not await lifecycle.state_delete(run_id, key_of("actor"), "k")


async def test_the_state_api_refuses_a_key_over_the_limit() -> None:
    lifecycle = RunLifecycle(StateStore(limits=Limits(key_length=9)))
    outcome = await lifecycle.state_set(None, key_of("actor"), "k" * 10, 1)
    assert outcome.refusal == "the key has 10 characters, the limit is 9"
    for call in (
        lifecycle.state_delete(None, key_of("actor"), "k" * 10),
        lifecycle.state_list(key_of("actor"), "k" * 10, 1),
    ):
        with pytest.raises(InvalidKey, match="the key has 10 characters, the limit is 9"):
            await call


async def test_the_state_api_lists_a_hundred_keys_at_most(lifecycle: RunLifecycle) -> None:
    for number in range(101):
        await lifecycle.state_set(None, key_of("actor"), f"k{number:03}", number)
    for limit, expected in ((2, 2), (0, 100), (-1, 100), (None, 100), (100, 100), (1000, 100)):
        keys, more = await lifecycle.state_list(key_of("actor"), "k", limit)
        assert (len(keys), more) == (expected, True)
