"""With `on_failed_run: rollback`, a run that does not complete leaves no trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from examples.langbot_host import LangBotHost

from .conftest import HERE, PROBE, Chat, new_chat, with_extension


def put(scope: str, key: str, value: Any) -> dict[str, Any]:
    return {"set": [scope, key, value]}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LangBotHost]:
    host = with_extension(tmp_path_factory.mktemp("rollback"), on_failed_run="rollback")
    host.config["system"] = {"session_retention": {"max_entries_per_workspace": 2}}
    with host:
        host.install_plugin(host.build_plugin(HERE / "probe_runner"), runner_id=PROBE)
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


def before(chat: Chat) -> Any:
    """Give every scope something; return the next run's state."""
    chat.run(put("actor", "kept", 1), put("actor", "gone", 1))
    chat.run(put("conversation", "conversation_id", "ext-1"))
    return chat.state()


@pytest.mark.parametrize("end", [{"fail": "no"}, {"raise": "boom"}])
def test_a_failed_run_is_taken_back(chat: Chat, end: dict[str, Any]) -> None:
    state = before(chat)
    chat.failing_run(*HALF_DONE, {"sleep": 0.5}, end)
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


def test_a_failed_run_leaves_what_another_wrote_since(chat: Chat, host: LangBotHost) -> None:
    with ThreadPoolExecutor(1) as pool:
        steps = (put("actor", "n", 1), put("actor", "m", 1), {"sleep": 3}, {"fail": "no"})
        failing = pool.submit(chat.failing_run, *steps)
        time.sleep(1.5)
        chat.run(put("actor", "n", 2), group="g1")
        failing.result()
    assert chat.state()["actor"] == {"n": 2}
    assert "key 'n' stays: another run has written it since" in host.log


def test_a_session_that_was_dropped_goes_on(chat: Chat) -> None:
    before(chat)
    for name in ("bob", "carol", "dave"):
        chat.run(sender=name, group=name)
    assert chat.run()["params"]["conversation_id"] == "ext-1"


def test_a_killed_run_is_taken_back_at_the_next_start(chat: Chat, host: LangBotHost) -> None:
    state = before(chat)
    with ThreadPoolExecutor(1) as pool:
        dying = pool.submit(chat.failing_run, *HALF_DONE, {"sleep": 30})
        time.sleep(2)
        host.kill()
        with pytest.raises(httpx.HTTPError):
            dying.result()
    host.start()
    host.wait_for_runner(PROBE)
    assert "Took back what 1 runs had written that never ended" in host.log
    seen = chat.run()
    assert seen["state"] == state
    assert seen["params"]["conversation_id"] == "ext-1"
