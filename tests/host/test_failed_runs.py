"""With `on_failed_run: rollback`, a run that does not complete leaves no trace.

This LangBot answers two messages of a chat at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from testkit.langbot_host import LangBotHost, with_extension

from .chats import PROBE, Chat, install_probe, new_chat, put, wait_until

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LangBotHost]:
    host = with_extension(tmp_path_factory.mktemp("rollback"), on_failed_run="rollback")
    host.config["system"] = {"session_retention": {"max_entries_per_workspace": 2}}
    host.config["concurrency"] = {"session": 2}
    with host:
        install_probe(host)
        yield host


@pytest.fixture
def chat(host: LangBotHost) -> Chat:
    return new_chat(host)


HALF_DONE = (
    put("actor", "kept", 2),
    put("conversation", "conversation_id", "ext-2"),
    put("subject", "new", 1),
    {"state_set": ["runner", "api", 1]},
    {"state_delete": ["actor", "gone"]},
)

FAIL = ({"fail": "no"},)


def is_half_done(chat: Chat) -> bool:
    """Say whether all of `HALF_DONE` is in the store."""
    stored = chat.stored()
    return (
        stored.get(("actor", "kept")) == 2
        and stored.get(("conversation", "external.conversation_id")) == "ext-2"
        and {("subject", "new"), ("runner", "api")} <= stored.keys()
        and ("actor", "gone") not in stored
    )


def before(chat: Chat) -> Any:
    """Give every scope something; return the next run's state."""
    chat.run(put("actor", "kept", 1), put("actor", "gone", 1))
    chat.run(put("conversation", "conversation_id", "ext-1"))
    return chat.state()


@pytest.mark.parametrize("end", [{"fail": "no"}, {"raise": "boom"}])
def test_a_failed_run_is_undone(chat: Chat, end: dict[str, Any]) -> None:
    state = before(chat)
    chat.failing_run(*HALF_DONE, end)
    seen = chat.run()
    assert seen["state"] == state
    assert seen["params"]["conversation_id"] == "ext-1"


def test_a_completed_run_stays(chat: Chat) -> None:
    before(chat)
    chat.run(*HALF_DONE)
    seen = chat.state()
    assert seen["actor"] == {"kept": 2}
    assert seen["conversation"] == {"external.conversation_id": "ext-2"}
    assert (seen["subject"], seen["runner"]) == ({"new": 1}, {"api": 1})


def test_a_run_that_times_out_is_undone(chat: Chat, host: LangBotHost) -> None:
    state = before(chat)
    host.update_pipeline(chat.pipeline, PROBE, runner_config={"timeout": 8})
    with chat.under_way(*HALF_DONE) as answer:
        wait_until(lambda: is_half_done(chat), "what the run writes")
        answer.result()
    host.update_pipeline(chat.pipeline, PROBE)
    assert chat.ledger("status")[-1] == "timeout"
    assert chat.state() == state


def test_a_failed_run_leaves_what_another_wrote_since(chat: Chat, host: LangBotHost) -> None:
    steps = (put("actor", "m", 1), put("actor", "n", 1), {"until_set": ["actor", "go"]}, *FAIL)
    with ThreadPoolExecutor(1) as pool:
        failing = pool.submit(chat.failing_run, *steps)
        wait_until(lambda: ("actor", "n") in chat.stored(), "what the run writes")
        with chat.under_way(put("actor", "n", 2), put("actor", "go", 1), group="g1"):
            failing.result()
    assert chat.state()["actor"] == {"n": 2, "go": 1}
    assert "key 'n' was kept: a later run overwrote it" in host.log


def test_runs_that_begin_while_others_fail_keep_what_they_write(chat: Chat) -> None:
    with ThreadPoolExecutor(1) as pool:
        for n in range(3):
            steps = (put("actor", f"failed-{n}", n), put("conversation", f"failed-{n}", n))
            with chat.under_way(*steps, then=FAIL) as failing:
                new = (put("actor", f"n{n}", n), put("conversation", f"n{n}", n))
                beginning = pool.submit(chat.run_beside, *new)
            beginning.result()
            failing.result()
    chat.wait_for_end()
    expected = {f"n{n}": n for n in range(3)}
    seen = chat.state()
    assert seen["actor"] == expected
    assert seen["conversation"] == expected


def test_a_run_under_way_keeps_its_conversation_alive(host: LangBotHost) -> None:
    chat = new_chat(host, expire_time=6)
    chat.run(put("conversation", "memory.x", 1), put("conversation", "conversation_id", "ext-1"))
    with chat.under_way():
        time.sleep(7)
        seen = chat.run_beside()
    assert seen["state"]["conversation"] == {"external.conversation_id": "ext-1", "memory.x": 1}
    assert seen["params"]["conversation_id"] == "ext-1"


def test_a_session_that_was_dropped_goes_on(chat: Chat) -> None:
    before(chat)
    for name in ("bob", "carol", "dave"):
        chat.run(sender=name, group=name)
    assert chat.run()["params"]["conversation_id"] == "ext-1"


def test_a_killed_run_is_undone_at_the_next_start(chat: Chat, host: LangBotHost) -> None:
    state = before(chat)
    with chat.under_way(*HALF_DONE) as dying:
        wait_until(lambda: is_half_done(chat), "what the run writes")
        host.kill()
        with pytest.raises(httpx.HTTPError):
            dying.result()
    host.start()
    host.wait_for_runner(PROBE)
    assert "Rolled back 1 unfinished run" in host.log
    seen = chat.run()
    assert seen["state"] == state
    assert seen["params"]["conversation_id"] == "ext-1"
