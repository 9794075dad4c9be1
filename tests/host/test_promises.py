"""What the extension promises, seen through a real LangBot."""

from __future__ import annotations

import re
from typing import Any

import pytest

from testkit.langbot_host import LangBotHost

from .chats import Chat, put

pytestmark = pytest.mark.host

EXTERNAL = "external.conversation_id"


def warnings(host: LangBotHost, text: str) -> list[str]:
    return [line for line in host.log.splitlines() if "WARNING" in line and text in line]


def test_the_log_says_who_keeps_the_state(host: LangBotHost) -> None:
    lines = [line for line in host.log.splitlines() if "langbot-state-ext" in line]
    (line,) = [line for line in lines if "keeps the state" in line]
    assert re.search(r"keeps the state of LangBot 4\.11\.\d's runners in sqlite:////", line)


def test_updates_are_in_the_next_runs_snapshot(chat: Chat) -> None:
    assert chat.state() == {"conversation": {}, "actor": {}, "subject": {}, "runner": {}}
    value = {"int": 2**63 - 1, "text": "\u2028é😀", "null": None, "float": -0.0, "list": [True]}
    chat.run(*(put(scope, "memory.x", value) for scope in chat.state()))
    seen = chat.state()
    assert all(seen[scope]["memory.x"] == value for scope in seen)


def test_the_external_id_becomes_the_uuid_and_the_history_stays_whole(chat: Chat) -> None:
    first = chat.run(put("conversation", "conversation_id", "ext-1"))
    second = chat.run({"history_page": []})
    assert second["state"]["conversation"] == {EXTERNAL: "ext-1"}
    assert second["params"]["conversation_id"] == "ext-1"
    assert first["conversation_id"] == second["conversation_id"] == "person_alice"
    assert len(second["steps"][0]["items"]) >= 2
    chat.run(put("conversation", EXTERNAL, None))
    third = chat.run({"history_page": []})
    assert third["state"]["conversation"] == {EXTERNAL: None}
    assert third["params"].get("conversation_id") in {None, "person_alice"}
    assert len(third["steps"][0]["items"]) > len(second["steps"][0]["items"])


@pytest.mark.parametrize("value", [5, {"id": 1}, [], True, ""])
def test_an_external_id_that_is_no_text_is_kept_and_not_synced(chat: Chat, value: Any) -> None:
    chat.run(put("conversation", EXTERNAL, "ext-1"), put("conversation", EXTERNAL, value))
    seen = chat.run()
    assert seen["state"]["conversation"] == {EXTERNAL: value}
    assert seen["params"]["conversation_id"] == "ext-1"


def test_a_groups_state_belongs_to_the_group(chat: Chat) -> None:
    chat.run(put("subject", "group.topic", "tea"), put("actor", "n", 1), group="g1")
    assert chat.state(sender="bob", group="g1")["subject"] == {"group.topic": "tea"}
    assert chat.state(sender="bob", group="g1")["actor"] == {}
    assert chat.state(group="g2")["subject"] == {}
    assert chat.state(group="g2")["actor"] == {"n": 1}
    assert chat.state()["subject"] == {}


def test_bots_never_meet(chat: Chat, host: LangBotHost, open_chat: Any) -> None:
    other = open_chat(host)
    for scope in ("conversation", "actor", "subject", "runner"):
        chat.run(put(scope, "k", 1))
    assert all("k" not in values for values in other.state().values())


def test_the_state_api_sees_and_changes_the_same_state(chat: Chat) -> None:
    done = chat.run(
        put("actor", "prefs.b", [1]),
        {"until_set": ["actor", "prefs.b"]},
        {"state_get": ["actor", "prefs.b"]},
        {"state_set": ["actor", "prefs.a", {"x": None}]},
        {"state_set": ["conversation", "conversation_id", "ext-9"]},
        {"state_list": ["actor"]},
        {"state_delete": ["actor", "prefs.b"]},
        {"state_get": ["actor", "prefs.b"]},
        {"state_get": ["actor", "prefs.a"]},
    )["steps"]
    assert done[0]["value"] == [1]
    assert sorted(done[3]["keys"]) == ["prefs.a", "prefs.b"]
    assert done[5]["value"] is None
    assert done[6]["value"] == {"x": None}
    seen = chat.run()
    assert seen["state"]["actor"] == {"prefs.a": {"x": None}}
    assert seen["params"]["conversation_id"] == "ext-9"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"surrogate": ["actor", "bad.surrogate"]}, "lone surrogate"),
        (put("actor", "bad.size", "x" * 300_000), "over the limit of 262144 bytes"),
        (put("actor", "bad." + "k" * 300, 1), "the limit is 255"),
    ],
)
def test_what_is_refused_is_named_once_and_the_run_goes_on(
    chat: Chat, host: LangBotHost, step: Any, reason: str
) -> None:
    before = len(warnings(host, reason))
    assert chat.run(step, put("actor", "good", 1))["state"]["actor"] == {}
    assert chat.state()["actor"] == {"good": 1}
    (line,) = warnings(host, reason)[before:]
    assert "actor" in line
    assert "bad." in line
    assert "xxxx" not in line


def test_a_key_of_another_scope_is_refused_and_the_run_goes_on(
    chat: Chat, host: LangBotHost
) -> None:
    chat.run(put("person", "k", 1), put("actor", "good", 1))
    assert chat.state()["actor"] == {"good": 1}
    assert warnings(host, "invalid state.updated payload")
