"""Searching and counting beside LangBot: in a process of its own, or in the loop with pauses."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from langbot_state_ext import (
    BackendError,
    BackendUnavailable,
    Change,
    MigrationError,
    ScopeError,
    ScopeKey,
    StateError,
    StateStore,
)
from langbot_state_ext.backends.pace import Pace
from langbot_state_ext.plugin.owners import filters_for
from langbot_state_ext.plugin.page import process
from langbot_state_ext.plugin.page.inspector import Inspector
from langbot_state_ext.plugin.page.jobs import LoopJobs
from langbot_state_ext.plugin.page.process import MODULE, ProcessJobs
from langbot_state_ext.plugin.page.responses import error_name, error_named
from langbot_state_ext.store.erase import matching_scopes
from testkit.ports import free_ports

FIND: dict[str, Any] = {"request": {"text": "needle", "inside": True}, "workspace": None}


def person(number: int) -> ScopeKey:
    return ScopeKey("actor", (("runner_id", "r"), ("actor_id", f"p{number}")))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[StateStore]:
    async with StateStore.open(url) as store:
        for number in range(20):
            await store.apply(person(number), "k", "needle" if number % 2 else "hay")
        yield store


@pytest_asyncio.fixture
async def jobs(url: str, store: StateStore) -> AsyncIterator[ProcessJobs]:
    jobs = ProcessJobs(url)
    yield jobs
    await jobs.close()


async def started(jobs: ProcessJobs) -> int:
    """Let it run a job, and return the id of its process."""
    await jobs.run("find", FIND)
    return pid_of(jobs)


def pid_of(jobs: ProcessJobs) -> int:
    assert jobs._process is not None
    return jobs._process.pid


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_finds_and_counts_what_this_process_would(
    jobs: ProcessJobs, store: StateStore
) -> None:
    here = LoopJobs(store.backend, 1)
    figures = {"now": time.time(), "workspace": None}
    for job, arguments in (("find", FIND), ("figures", figures)):
        answer = await jobs.run(job, arguments)
        assert answer == await here.run(job, arguments)
        assert answer["scopes"]


async def test_one_process_serves_every_call_and_comes_last(jobs: ProcessJobs) -> None:
    pid = await started(jobs)
    assert set(await asyncio.gather(started(jobs), started(jobs))) == {pid}
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19


async def test_a_process_that_dies_at_work_is_told_and_started_anew(
    jobs: ProcessJobs, url: str, store: StateStore
) -> None:
    pid = await started(jobs)
    os.kill(pid, signal.SIGSTOP)
    job = asyncio.create_task(jobs.run("find", FIND))
    await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(BackendUnavailable, match="ended with exit status -9: try again"):
        await job
    assert await started(jobs) != pid


async def test_a_process_that_dies_without_work_is_not_missed(jobs: ProcessJobs) -> None:
    pid = await started(jobs)
    os.kill(pid, signal.SIGKILL)
    while is_running(pid):
        await asyncio.sleep(0.01)
    assert await started(jobs) != pid


async def test_a_process_that_does_not_start_is_told(
    jobs: ProcessJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(BackendUnavailable, match="does not start"):
        await jobs.run("find", FIND)


async def test_a_job_that_is_cancelled_ends_its_process(jobs: ProcessJobs) -> None:
    pid = await started(jobs)
    os.kill(pid, signal.SIGSTOP)
    job = asyncio.create_task(jobs.run("find", FIND))
    await asyncio.sleep(0.05)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not is_running(pid)
    assert await started(jobs) != pid


async def test_without_a_job_it_ends_after_a_while(
    jobs: ProcessJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "IDLE_S", 2.0)
    pid = await started(jobs)
    await asyncio.sleep(1.2)
    assert await started(jobs) == pid
    await asyncio.sleep(1.2)
    assert is_running(pid)
    while is_running(pid):
        await asyncio.sleep(0.05)
    assert await started(jobs) != pid


async def test_closing_the_page_ends_its_processes(store: StateStore, url: str) -> None:
    async def names(_workspace: str | None) -> dict[str, str]:
        return {}

    inspector = Inspector(store, names, url=url)
    await inspector.handle("/find", {})
    assert isinstance(inspector._searching, ProcessJobs)
    assert inspector._searching._process is None
    await inspector.handle("/find", {"text": "p1"})
    await inspector.handle("/overview", {})
    assert isinstance(inspector._counting, ProcessJobs)
    pids = [pid_of(inspector._searching), pid_of(inspector._counting)]
    assert all(is_running(pid) for pid in pids)
    await inspector.close()
    await inspector.close()
    assert not any(is_running(pid) for pid in pids)


def test_it_ends_with_langbot(tmp_path: Path) -> None:
    """Also when LangBot is killed."""
    code = f"""
import asyncio, os
from langbot_state_ext.plugin.page.process import ProcessJobs

async def main():
    jobs = ProcessJobs("sqlite:///{tmp_path}/s.db")
    await jobs.run("figures", {{"now": 0, "workspace": None}})
    print(jobs._process.pid, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    pid = int(done.stdout)
    end = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_running(pid)
    assert done.stderr == ""


async def test_the_password_is_in_no_list_of_processes() -> None:
    (port,) = free_ports(1)
    jobs = ProcessJobs(f"redis://:hush-hush@127.0.0.1:{port}/0")
    with pytest.raises(BackendUnavailable) as caught:
        await jobs.run("find", FIND)
    assert str(port) in str(caught.value)
    assert "hush-hush" not in str(caught.value)
    for name in ("cmdline", "environ"):
        assert b"hush-hush" not in Path(f"/proc/{pid_of(jobs)}/{name}").read_bytes()
    await jobs.close()


async def test_a_store_that_is_no_store_is_told(jobs: ProcessJobs, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"not a database at all" * 100)
    other = ProcessJobs(f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(MigrationError):
        await other.run("find", FIND)
    await other.close()
    cursor = {"request": {**FIND["request"], "cursor": "rubbish"}, "workspace": None}
    with pytest.raises(ScopeError, match="start the search again"):
        await jobs.run("find", cursor)
    assert await started(jobs) == pid_of(jobs)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BackendUnavailable("m"), BackendUnavailable),
        (MigrationError("m"), MigrationError),
        (BackendError("m"), BackendError),
        (ScopeError("m"), ScopeError),
        (StateError("m"), StateError),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: StateError, kind: type) -> None:
    crossed = error_named(error_name(error), str(error))
    assert (type(crossed), str(crossed)) == (kind, "m")


def test_the_process_imports_no_more_than_it_needs() -> None:
    code = f"import sys, {MODULE}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    unwanted = {"langbot", "langbot_plugin", "sqlalchemy", "wrapt", "yaml", "psycopg", "redis"}
    assert tops & unwanted == set()


async def test_a_pause_is_as_long_as_the_share_says(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = 100.0, list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    for share, worked, expected in (
        (0.1, 0.004, [pytest.approx(0.036)]),
        (0.1, 0.0015, []),
        (1, 0.004, [0]),
    ):
        each = Pace(share)
        now += worked
        await each.step()
        await each.step()
        assert slept == expected
        slept.clear()


async def test_looking_for_a_person_in_memory_lets_others_run() -> None:
    async with StateStore.open("memory://") as store:
        await store.backend.commit([Change(person(n), "k", b"1") for n in range(20_000)])
        looking = asyncio.create_task(
            matching_scopes(store.backend, filters_for("person", "p7", bot="b"))
        )
        turns = 0
        while not looking.done():
            await asyncio.sleep(0)
            turns += 1
    assert turns > 10
