"""With `on_failed_run: rollback`, the updates of a run that did not complete are undone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from langbot_state_ext import (
    BackendUnavailable,
    RunLifecycle,
    ScopeFilter,
    StateStore,
    VersionConflict,
)
from langbot_state_ext.backends import Change
from langbot_state_ext.backends.memory import MemoryBackend
from langbot_state_ext.store.undo import REVISIONS
from langbot_state_ext.testing import (
    SimpleEvent,
)

from .runs import BINDING, RUNNER, bookkeeping, fill, key_of, run, state


async def half_a_run(lifecycle: RunLifecycle, run_id: str = "run-1") -> None:
    await lifecycle.before_run(run(run_id))
    for value in (2, 3):
        await lifecycle.update(run_id, "conversation", "kept", value)
    await lifecycle.update(run_id, "conversation", "conversation_id", "ext-2")
    await lifecycle.update(run_id, "actor", "new", 1)
    await lifecycle.state_delete(run_id, key_of("actor"), "new")
    await lifecycle.state_set(run_id, key_of("runner"), "new", 1)
    await lifecycle.state_delete(run_id, key_of("conversation"), "gone")


@pytest.mark.parametrize("status", ["failed", "timeout", "cancelled"])
async def test_a_run_that_did_not_complete_is_undone(
    store: StateStore, careful: RunLifecycle, status: str
) -> None:
    before = await fill(store)
    entry = await store.backend.get(key_of("conversation"), "kept")
    await half_a_run(careful)
    assert (await state(store))["conversation"]["kept"] == 3
    await careful.after_run("run-1", status, "no")
    assert await state(store) == before
    after = await store.backend.get(key_of("conversation"), "kept")
    assert entry is not None
    assert after is not None
    assert (after.run_id, after.expires_at) == ("run-0", entry.expires_at)
    assert not await bookkeeping(store)


@pytest.mark.parametrize("on_failed_run", ["keep", "rollback"])
async def test_a_run_that_completed_stays(store: StateStore, on_failed_run: Any) -> None:
    await fill(store)
    lifecycle = RunLifecycle(store, on_failed_run=on_failed_run)
    await half_a_run(lifecycle)
    expected = await state(store)
    await lifecycle.after_run("run-1", "completed")
    assert await state(store) == expected
    assert not await bookkeeping(store)


async def test_keep_keeps_what_a_failed_run_has_written(
    store: StateStore, lifecycle: RunLifecycle
) -> None:
    await fill(store)
    await half_a_run(lifecycle)
    expected = await state(store)
    await lifecycle.after_run("run-1", "failed", "no")
    assert await state(store) == expected


@pytest.mark.parametrize("order", [("run-1", "run-2"), ("run-2", "run-1")])
async def test_what_another_run_has_written_since_stays(
    store: StateStore,
    careful: RunLifecycle,
    caplog: pytest.LogCaptureFixture,
    order: tuple[str, str],
) -> None:
    await fill(store)
    await half_a_run(careful)
    await careful.before_run(run("run-2"))
    await careful.update("run-2", "conversation", "kept", "other's")
    await careful.update("run-2", "conversation", "gone", "other's")
    for name in order:
        await careful.after_run(name, {"run-1": "failed", "run-2": "completed"}[name])
    seen = await state(store)
    assert seen["conversation"] == {
        "kept": "other's",
        "gone": "other's",
        "external.conversation_id": "ext-1",
    }
    assert sorted(message.partition("; ")[2] for message in caplog.messages) == [
        "its conversation key 'gone' was kept: a later run overwrote it",
        "its conversation key 'kept' was kept: a later run overwrote it",
    ]


async def test_a_run_that_wrote_over_another_puts_the_others_back(
    store: StateStore, careful: RunLifecycle
) -> None:
    for run_id in ("run-1", "run-2"):
        await careful.before_run(run(run_id))
    for run_id, value in (("run-1", 1), ("run-2", 2), ("run-1", 3)):
        await careful.update(run_id, "actor", "n", value)
    await careful.after_run("run-1", "failed")
    assert (await state(store))["actor"] == {"n": 2}
    await careful.after_run("run-2", "completed")
    assert (await state(store))["actor"] == {"n": 2}


async def test_the_runs_of_a_dead_langbot_are_undone_at_the_next_start_of_the_same_langbot(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    async with StateStore.open(url) as store:
        before = await fill(store)
        await half_a_run(RunLifecycle(store, on_failed_run="rollback", instance_id="here"))
        await half_a_run(RunLifecycle(store, on_failed_run="rollback", instance_id="here"), "run-2")
        await RunLifecycle(store, on_failed_run="rollback", instance_id="there").before_run(run())
    async with StateStore.open(url) as store:
        assert await RunLifecycle(store, instance_id="there").undo_unfinished() == 0
        assert await RunLifecycle(store, instance_id="here").undo_unfinished() == 2
        assert await RunLifecycle(store, instance_id="here").undo_unfinished() == 0
        assert await state(store) == before


async def test_a_rollback_that_meets_another_writer_tries_again(
    store: StateStore, careful: RunLifecycle
) -> None:
    await fill(store)
    await careful.before_run(run())
    await careful.update("run-1", "conversation", "kept", 2)
    commit, late = store.backend.commit, [Change(key_of("conversation"), "kept", b"9")]

    async def with_a_late_writer(changes: Any) -> None:
        while late:
            await commit([late.pop()])
        await commit(changes)

    store.backend.commit = with_a_late_writer  # type: ignore[method-assign]
    await careful.after_run("run-1", "failed")
    assert (await state(store))["conversation"]["kept"] == 9


async def test_a_write_that_meets_another_writer_is_retried(
    store: StateStore, careful: RunLifecycle
) -> None:
    await fill(store)
    await careful.before_run(run())
    commit, late = store.backend.commit, [Change(key_of("conversation"), "kept", b"9")]

    async def with_a_late_writer(changes: Any) -> None:
        while late:
            await commit([late.pop()])
        await commit(changes)

    store.backend.commit = with_a_late_writer  # type: ignore[method-assign]
    await careful.update("run-1", "conversation", "kept", 2)
    await careful.after_run("run-1", "failed")
    assert (await state(store))["conversation"]["kept"] == 9


async def test_a_run_that_writes_from_two_tasks_is_undone_as_a_whole(
    store: StateStore, careful: RunLifecycle
) -> None:
    before = await fill(store)
    await careful.before_run(run())
    await asyncio.gather(
        *(careful.state_set("run-1", key_of("conversation"), "kept", n) for n in range(9)),
        *(careful.state_set("run-1", key_of("actor"), f"k{n}", n) for n in range(9)),
    )
    await careful.after_run("run-1", "cancelled")
    assert await state(store) == before


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("abc"), st.sampled_from("xy")),
        st.tuples(st.just("delete"), st.sampled_from("abc"), st.sampled_from("xy")),
        st.tuples(st.just("edit"), st.just("nobody"), st.sampled_from("xy")),
        st.tuples(st.sampled_from(["completed", "failed"]), st.sampled_from("abc"), st.just("")),
        st.tuples(st.just("clear"), st.just("nobody"), st.just("")),
        st.tuples(st.just("death"), st.just("nobody"), st.just("")),
    ),
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
@example([("write", "a", "x"), ("completed", "a", ""), ("write", "a", "x"), ("failed", "a", "")])
@example([("delete", "a", "x"), ("clear", "nobody", ""), ("failed", "a", "")])
def test_what_is_left_of_overlapping_runs_is_what_the_completed_ones_wrote(steps: Any) -> None:
    asyncio.run(compare_with_the_reference(steps))


async def compare_with_the_reference(steps: list[tuple[str, str, str]]) -> None:
    """Keep, by key, all that was written in its order; what a failed run wrote falls out.

    A key that somebody outside of runs has written is settled, and so is one that was cleared. A
    deletion of what is not there writes nothing.
    """
    actor, store = key_of("actor"), StateStore()
    everything: dict[str, list[tuple[str, Any]]] = {key: [("nobody", "first")] for key in "xy"}
    for key in "xy":
        await store.apply(actor, key, "first")
    lifecycle = await a_life(store)
    for number, (step, name, key) in enumerate(steps):
        if step == "write":
            await lifecycle.state_set(name, actor, key, number)
            everything[key].append((name, number))
        elif step == "delete":
            if await lifecycle.state_delete(name, actor, key):
                everything[key].append((name, None))
        elif step == "edit":
            await store.apply(actor, key, number)
            everything[key] = [("nobody", number)]
        elif step == "clear":
            await store.clear(ScopeFilter(key=actor))
            everything = {key: [("nobody", None)] for key in "xy"}
        else:
            ended = {"death": "abc"}.get(step, name)
            if step == "death":
                lifecycle = await a_life(store)
            else:
                await lifecycle.after_run(name, step)
                await lifecycle.before_run(run(name))
            completed = step == "completed"
            everything = {
                key: reference_end(written, ended, completed=completed)
                for key, written in everything.items()
            }
        seen = (await store.read([actor]))["actor"]
        assert seen == {k: w[-1][1] for k, w in everything.items() if w[-1][1] is not None}
    await lifecycle.undo_unfinished()
    assert not await bookkeeping(store)


def reference_end(written: Any, runs: str, *, completed: bool) -> Any:
    if completed:
        return [("nobody" if name in runs else name, value) for name, value in written]
    return [(name, value) for name, value in written if name not in runs]


async def a_life(store: StateStore) -> RunLifecycle:
    """Begin a LangBot's life, in which runs a, b and c are under way."""
    lifecycle = RunLifecycle(store, on_failed_run="rollback", instance_id="x", logger=Quiet())
    await lifecycle.undo_unfinished()
    for name in "abc":
        await lifecycle.before_run(run(name))
    return lifecycle


class Quiet:
    def warning(self, text: str) -> None:
        assert "a later run overwrote it" in text


async def test_revisions_that_cant_be_read_are_named_and_dropped(
    store: StateStore, careful: RunLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    before = await fill(store)
    await careful.before_run(run())
    await careful.state_set("run-1", key_of("conversation"), "kept", 2)
    for data in (b"{", b"{}", b"[]", b"null"):
        await store.backend.commit([Change(REVISIONS, data.decode(), data)])
    caplog.clear()
    await careful.after_run("run-1", "failed")
    assert await state(store) == before
    assert caplog.text.count("The revisions of a key can't be read") == 4
    assert not await bookkeeping(store)


async def test_a_run_that_could_not_be_confirmed_is_confirmed_later(
    store: StateStore, careful: RunLifecycle, mocker: MockerFixture
) -> None:
    await careful.before_run(run())
    await careful.state_set("run-1", key_of("actor"), "n", 1)
    gone = mocker.patch.object(store.backend, "entries", side_effect=BackendUnavailable("gone"))
    with pytest.raises(BackendUnavailable):
        await careful.after_run("run-1", "completed")
    mocker.stop(gone)
    await careful.finish_ended_runs()
    assert await RunLifecycle(store, instance_id="here").undo_unfinished() == 0
    assert (await state(store))["actor"] == {"n": 1}


async def test_a_run_that_could_not_be_undone_is_undone_when_the_next_one_ends(
    store: StateStore, careful: RunLifecycle, mocker: MockerFixture
) -> None:
    before = await fill(store)
    await careful.before_run(run())
    await careful.state_set("run-1", key_of("conversation"), "kept", "half")
    gone = mocker.patch.object(store.backend, "entries", side_effect=BackendUnavailable("gone"))
    with pytest.raises(BackendUnavailable):
        await careful.after_run("run-1", "failed")
    mocker.stop(gone)
    await careful.before_run(run("run-2"))
    await careful.after_run("run-2", "completed")
    assert await state(store) == before
    assert not await bookkeeping(store)


async def test_a_write_that_is_cancelled_is_undone(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    async with StateStore.open(f"sqlite:///{file}") as store:
        before = await fill(store)
        careful = RunLifecycle(store, on_failed_run="rollback")
        await careful.before_run(run())
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(
                careful.state_set("run-1", key_of("conversation"), "kept", "half")
            )
            await asyncio.sleep(0.2)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            ending = asyncio.create_task(careful.after_run("run-1", "cancelled"))
            await asyncio.sleep(0.2)
            other.execute("ROLLBACK")
        await ending
        assert await state(store) == before


async def test_two_runs_that_both_fail_leave_what_was_before(
    store: StateStore, careful: RunLifecycle
) -> None:
    before = await fill(store)
    for name in ("run-1", "run-2"):
        await careful.before_run(run(name))
        await careful.state_set(name, key_of("conversation"), "kept", name)
    await careful.after_run("run-1", "failed")
    await careful.after_run("run-2", "failed")
    assert await state(store) == before


class Slow(MemoryBackend):
    """A store whose calls give way to others, as those over a network do."""

    async def get(self, scope: Any, key: str) -> Any:
        await asyncio.sleep(0)
        return await super().get(scope, key)

    async def entries(self, scope: Any) -> Any:
        await asyncio.sleep(0)
        return await super().entries(scope)

    async def commit(self, changes: Any) -> None:
        await asyncio.sleep(0)
        await super().commit(changes)


@pytest.mark.parametrize("steps_ahead", range(12))
@pytest.mark.parametrize("status", ["completed", "failed"])
async def test_a_write_that_meets_the_end_of_its_run_shares_its_fate(
    status: str, steps_ahead: int
) -> None:
    store = StateStore(Slow())
    await store.apply(key_of("actor"), "n", "before")
    careful = RunLifecycle(store, on_failed_run="rollback", instance_id="here")
    await careful.before_run(run())
    await careful.state_set("run-1", key_of("actor"), "n", "early")
    writing = asyncio.create_task(careful.state_set("run-1", key_of("actor"), "n", "late"))
    for _ in range(steps_ahead):
        await asyncio.sleep(0)
    await careful.after_run("run-1", status)
    outcome = await writing
    assert (
        await store.get(key_of("actor"), "n") == {"completed": "late", "failed": "before"}[status]
    )
    assert outcome.kept or "run-1 has failed" in str(outcome.refusal)
    assert not await bookkeeping(store)


async def test_runs_of_two_langbots_that_both_fail_leave_what_was_before(
    store: StateStore,
) -> None:
    before = await fill(store)
    here, there = (
        RunLifecycle(store, on_failed_run="rollback", instance_id=name, logger=Quiet())
        for name in ("here", "there")
    )
    for lifecycle, name in ((here, "run-1"), (there, "run-2"), (here, "run-1")):
        await lifecycle.before_run(run(name))
        await lifecycle.state_set(name, key_of("conversation"), "kept", name)
    await here.after_run("run-1", "failed")
    assert (await state(store))["conversation"]["kept"] == "run-2"
    assert await RunLifecycle(store, instance_id="there", logger=Quiet()).undo_unfinished() == 1
    assert await state(store) == before
    assert not await bookkeeping(store)


async def test_nothing_that_was_erased_comes_back(store: StateStore, careful: RunLifecycle) -> None:
    await fill(store)
    await half_a_run(careful)
    await store.clear_scope_from_event("conversation", SimpleEvent(), BINDING, RUNNER)
    assert b"ext-1" not in str(await store.backend.entries(REVISIONS)).encode()
    await careful.after_run("run-1", "failed")
    assert (await state(store))["conversation"] == {}


class ConflictsOnce(MemoryBackend):
    """Has another writer's change before the first commit that is armed."""

    armed = False

    async def commit(self, changes: Sequence[Change]) -> None:
        if self.armed:
            self.armed = False
            raise VersionConflict("runner", "k", 1, 2)
        await super().commit(changes)


async def test_revisions_that_cant_be_read_are_named_once_also_after_a_conflict(
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = ConflictsOnce()
    lifecycle = RunLifecycle(StateStore(backend), on_failed_run="rollback")
    await lifecycle.before_run(run())
    await lifecycle.update("run-1", "actor", "n", 1)
    await backend.commit([Change(REVISIONS, "bad", b"{")])
    backend.armed = True
    await lifecycle.after_run("run-1", "failed")
    assert not backend.armed
    assert caplog.text.count("The revisions of a key can't be read") == 1
