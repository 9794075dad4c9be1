"""When a conversation with an external agent goes on, and when a new one begins."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import yaml

from testkit.langbot_host import LangBotHost

from .chats import PROBE, PROBE_FOLDER, Chat, put, wait_until

pytestmark = pytest.mark.host

EXTERNAL = "external.conversation_id"
DIFY_404 = (
    'Dify API error 404: {"code":"not_found","message":"Conversation Not Exists.","status":404}'
)


def begin(chat: Chat, **who: Any) -> None:
    """Let a runner keep an external id, and something in each of the other scopes."""
    steps = [put(scope, "memory.x", scope) for scope in ("actor", "subject", "runner")]
    chat.run(put("conversation", "memory.x", 1), put("conversation", EXTERNAL, "ext-1"), *steps)


def assert_continues(seen: Any, external_id: str = "ext-1") -> None:
    assert seen["state"]["conversation"] == {EXTERNAL: external_id, "memory.x": 1}
    assert seen["params"]["conversation_id"] == external_id
    assert seen["conversation_id"] == "person_alice"


def assert_new(seen: Any) -> None:
    """A new conversation: nothing of the old one, no id that anybody made up, the rest stays."""
    assert seen["state"]["conversation"] == {}
    assert seen["params"]["conversation_id"] is None
    assert seen["conversation_id"] == "person_alice"
    for scope in ("actor", "subject", "runner"):
        assert seen["state"][scope] == {"memory.x": scope}


def history(chat: Chat) -> int:
    return len(chat.run({"history_page": []})["steps"][0]["items"])


def assert_in_one_piece(chat: Chat, conversation_id: str = "person_alice") -> None:
    """LangBot's own run ledger and transcripts know just one conversation."""
    chat.wait_for_end()
    for table in ("agent_run", "transcript"):
        assert set(chat.ledger("conversation_id", table=table)) == {conversation_id}


def test_a_conversation_expires_when_it_was_idle_for_long_enough(
    host: LangBotHost, open_chat: Any
) -> None:
    chat = open_chat(host, expire_time=10)
    begin(chat)
    for _ in range(2):
        time.sleep(5.5)
        assert_continues(chat.run())
    time.sleep(10.5)
    assert_new(chat.run())
    begin(chat)
    assert_continues(chat.run())


def test_expiry_hides_the_history_as_a_reset_does(host: LangBotHost, open_chat: Any) -> None:
    chat = open_chat(host, expire_time=4)
    begin(chat)
    assert history(chat) == 3
    resets = host.log.count("was reset: cleared")
    time.sleep(4.5)
    with ThreadPoolExecutor(1) as pool:
        with chat.under_way(put("conversation", EXTERNAL, "ext-2")):
            queued = pool.submit(chat.run_beside, {"history_page": []})
            time.sleep(1)
        seen = queued.result()
    assert len(seen["steps"][0]["items"]) == 3
    assert seen["state"]["conversation"] == {EXTERNAL: "ext-2"}
    assert seen["params"]["conversation_id"] == "ext-2"
    assert_in_one_piece(chat)
    assert len(chat.ledger("id", table="transcript")) == 8
    assert host.log.count("was reset: cleared") == resets


@pytest.mark.parametrize("expire_time", [0, -5])
def test_a_conversation_without_an_expire_time_never_expires(
    host: LangBotHost, open_chat: Any, expire_time: int
) -> None:
    chat = open_chat(host, expire_time=expire_time)
    begin(chat)
    time.sleep(1.5)
    assert_continues(chat.run())


def test_a_message_that_waited_for_another_goes_on_with_the_conversation(
    host: LangBotHost, open_chat: Any
) -> None:
    """LangBot answers one message of a chat at a time, and measures from when that one came."""
    chat = open_chat(host, expire_time=6)
    begin(chat)
    with ThreadPoolExecutor(1) as pool:
        with chat.under_way():
            waiting = pool.submit(chat.run_beside)
            time.sleep(7)
            assert not waiting.done()
        assert_continues(waiting.result())


def test_the_uis_reset_begins_a_new_conversation(chat: Chat, host: LangBotHost) -> None:
    begin(chat)
    turns = history(chat)
    host.reset_context(chat.bot, "person_alice")
    assert_new(chat.run())
    assert_new(chat.run())
    assert history(chat) > turns >= 3
    assert_in_one_piece(chat)
    assert "was reset: cleared 2 entries" in host.log


def test_a_plugins_new_conversation_is_one(chat: Chat) -> None:
    begin(chat)
    turns = history(chat)
    assert "new" in chat.bot.say("!probe new")
    assert_new(chat.run())
    assert_new(chat.run())
    assert history(chat) > turns >= 3
    assert_in_one_piece(chat)


def test_a_reset_leaves_others_alone(chat: Chat, host: LangBotHost) -> None:
    begin(chat)
    chat.run(put("conversation", "memory.x", 1), group="g1", sender="alice")
    chat.run(put("conversation", "memory.x", 1), group="g2", sender="alice")
    host.reset_context(chat.bot, "group_g1")
    assert "memory.x" not in chat.state(group="g1")["conversation"]
    assert chat.state(group="g2")["conversation"]["memory.x"] == 1
    assert_continues(chat.run())


def test_a_dead_id_is_forgotten_and_the_next_message_begins_anew(
    chat: Chat, host: LangBotHost
) -> None:
    begin(chat)
    chat.run(put("conversation", "external.parent", "m-1"))
    turns = history(chat)
    chat.failing_run({"fail": DIFY_404})
    seen = chat.run()
    assert seen["state"]["conversation"] == {"memory.x": 1}
    assert seen["params"]["conversation_id"] is None
    assert seen["state"]["actor"] == {"memory.x": "actor"}
    chat.run(put("conversation", EXTERNAL, "ext-2"))
    assert_continues(chat.run(), "ext-2")
    assert history(chat) > turns
    assert_in_one_piece(chat)
    (line,) = [line for line in host.log.splitlines() if "forgot external." in line]
    assert "external.parent" in line
    assert "the next message begins a new one" in line


def test_another_failure_forgets_nothing(chat: Chat) -> None:
    begin(chat)
    chat.failing_run({"fail": "Dify API error 500: Internal Server Error"})
    chat.failing_run({"raise": "boom"})
    assert_continues(chat.run())
    turns = history(chat)
    assert turns >= 4


def test_a_group_talking_at_once_loses_and_mixes_nothing(chat: Chat) -> None:
    def say(number: int) -> None:
        who = {"sender": f"p{number % 3}", "group": f"g{number % 2}"}
        steps = [put(scope, f"n{number}", number) for scope in ("conversation", "actor", "subject")]
        chat.post(*steps, **who)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(say, range(12)))
    for number in range(12):
        chat.wait_for("subject", f"n{number}", sender="nobody", group=f"g{number % 2}")
    for group in (0, 1):
        seen = chat.state(sender="nobody", group=f"g{group}")
        expected = {f"n{n}": n for n in range(12) if n % 2 == group}
        assert seen["subject"] == expected
        assert seen["conversation"] == expected
    for person in range(3):
        seen = chat.state(sender=f"p{person}")["actor"]
        assert seen == {f"n{n}": n for n in range(12) if n % 3 == person}


@pytest.fixture(scope="session")
def steered(host: LangBotHost, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Install the probe runner once more, as one whose runs take the messages that follow."""
    plugin = tmp_path_factory.mktemp("plugins") / "steered_runner"
    commands = shutil.ignore_patterns("__pycache__", "commands")
    shutil.copytree(PROBE_FOLDER, plugin, ignore=commands)
    manifest = yaml.safe_load((plugin / "manifest.yaml").read_text())
    manifest["metadata"]["name"] = "SteeredRunner"
    del manifest["spec"]["components"]["Command"]
    (plugin / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    runner = plugin / "components" / "runner" / "default.yaml"
    found = yaml.safe_load(runner.read_text())
    found["spec"]["capabilities"]["steering"] = True
    runner.write_text(yaml.safe_dump(found))
    runner_id = PROBE.replace("ProbeRunner", "SteeredRunner")
    host.install_plugin(host.build_plugin(plugin), runner_id=runner_id)
    return runner_id


def test_a_message_that_steers_a_run_writes_nothing_of_its_own(
    host: LangBotHost, steered: str
) -> None:
    pipeline = host.create_pipeline("steered", steered)
    chat = Chat(host, host.create_bot("steered", pipeline), pipeline)
    then: tuple[dict[str, Any], ...] = ({"steering_pull": []}, put("conversation", "n", 2))
    with chat.under_way(put("actor", "n", 1), then=then, group="g1") as answer:
        chat.post(put("actor", "n", 3), sender="bob", group="g1")
        wait_until(lambda: "as steering input for run" in host.log, "the message to be taken")
    (pulled,) = json.loads(answer.result())["steps"][0]["items"]
    assert pulled["actor"]["actor_id"] == "bob"
    assert_in_one_piece(chat, "group_g1")
    assert len(chat.ledger("run_id")) == 1
    assert chat.stored() == {("actor", "n"): 1, ("conversation", "n"): 2}


def test_a_store_that_cant_be_reached_fails_aloud_and_recovers(
    host: LangBotHost, open_chat: Any
) -> None:
    chat = open_chat(host, expire_time=3600)
    begin(chat)
    chat.wait_for_end()
    with closing(sqlite3.connect(host.folder / "data" / "state.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        said = chat.bot.say("[]")
        db.execute("ROLLBACK")
    assert "locked by another process" in said
    assert_continues(chat.run())


def test_a_restart_continues_what_has_not_expired(host: LangBotHost, open_chat: Any) -> None:
    chat, short, long = (
        open_chat(host),
        open_chat(host, expire_time=2),
        open_chat(host, expire_time=900),
    )
    for each in (chat, short, long):
        begin(each)
    chat.run(put("subject", "topic", "tea"), group="g1")
    turns, group = history(chat), chat.state(group="g1", sender="bob")
    host.restart(runner_ids=[PROBE])
    first = chat.run({"history_page": []})
    assert_continues(first)
    assert len(first["steps"][0]["items"]) > turns
    assert chat.state(group="g1", sender="bob") == group
    assert_new(short.run())
    assert_continues(long.run())
    assert_continues(chat.run())
    chat.failing_run({"fail": DIFY_404})
    assert chat.run()["params"]["conversation_id"] is None
    assert history(chat) > turns
    for each in (short, long):
        assert_in_one_piece(each)
