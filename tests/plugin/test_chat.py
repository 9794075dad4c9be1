"""`!state` in the real LangBot, from a private chat and from a group."""

from __future__ import annotations

import pytest

from .driver import Operator


def test_everybody_sees_their_own_state(operator: Operator) -> None:
    operator.bot.say("call me Ann", sender="cmd-ann")
    reply = operator.bot.say("!state", sender="cmd-ann")
    assert "What this bot keeps about you:\n机器人保存的关于您的状态：" in reply
    assert '- prefs.name: "Ann"' in reply
    assert "- memory.turns: 1" in reply


def test_in_a_group_nobody_sees_or_clears_what_is_anothers(operator: Operator) -> None:
    say = operator.bot.say
    say("call me Bea", sender="cmd-bea", group="cmd-g")
    say("call me Cid", sender="cmd-cid", group="cmd-g")
    assert '"Cid"' in say("!state", sender="cmd-cid", group="cmd-g")
    reply = say("!state", sender="cmd-bea", group="cmd-g")
    assert '"Bea"' in reply
    assert "Cid" not in reply
    assert "memory.turns" not in reply
    assert "1 entry" in say("!state forget", sender="cmd-bea", group="cmd-g")
    assert "Erased 1 entry" in say("！state forget yes", sender="cmd-bea", group="cmd-g")
    assert "keeps nothing about you" in say("!state", sender="cmd-bea", group="cmd-g")
    assert '"Cid"' in say("!state", sender="cmd-cid", group="cmd-g")
    assert "keeps nothing about you" in say("!state", sender="cmd-newcomer", group="cmd-g")


def test_only_admins_in_a_private_chat_see_and_clear_others(operator: Operator) -> None:
    say = operator.bot.say
    say("call me Dee", sender="cmd-dee")
    show, clear = "!state show person cmd-dee", "!state clear person cmd-dee yes"
    for command in (show, clear):
        assert "Only this bot's admins" in say(command, sender="cmd-boss")
    path = f"/api/v1/platform/bots/{operator.bot.uuid}/admins"
    for kind, name in (("person", "cmd-boss"), ("group", "cmd-g2")):
        admin = {"launcher_type": kind, "launcher_id": name}
        operator.host.api("POST", path, json=admin)
    assert "Only this bot's admins" in say(clear, sender="cmd-eve", group="cmd-g2")
    assert '"Dee"' in say(show, sender="cmd-boss")
    assert "Erased 2 entries about person cmd-dee" in say(clear, sender="cmd-boss")
    assert "keeps nothing about you" in say("!state", sender="cmd-dee")


@pytest.mark.parametrize("text", ["!state help", "!state wat", "!state  forget", "！state {0} %s"])
def test_there_is_always_a_reply(operator: Operator, text: str) -> None:
    assert operator.bot.say(text, sender="cmd-odd").strip()


def test_a_new_conversation_begins(operator: Operator) -> None:
    operator.bot.say("hi", sender="cmd-new")
    assert "turn 2 here" in operator.bot.say("hi", sender="cmd-new")
    assert "Started a new conversation" in operator.bot.say("!state new", sender="cmd-new")
    assert "turn 1 here" in operator.bot.say("hi", sender="cmd-new")


def test_a_group_begins_a_new_conversation_with_the_word_alone(operator: Operator) -> None:
    say = operator.bot.say
    say("hi", sender="cmd-ed", group="cmd-g3")
    assert "!state new yes" in say("!state new", sender="cmd-fay", group="cmd-g3")
    assert "turn 2 here" in say("hi", sender="cmd-ed", group="cmd-g3")
    assert "for everybody" in say("!state new yes", sender="cmd-fay", group="cmd-g3")
    assert "turn 1 here" in say("hi", sender="cmd-ed", group="cmd-g3")
