"""`!state`: everybody sees and erases their own, admins more in private, always one reply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pytest_mock import MockerFixture

from langbot_state_ext import ScopeKey, StateStore
from langbot_state_ext.plugin.command.command import LINES, Speaker, StateCommands
from langbot_state_ext.plugin.command.texts import TEXTS, language_of, say
from langbot_state_ext.state.policy import BOOKKEEPING_RUNNER

ALICE = Speaker(None, "b1", "alice", private=True, admin=False)
ALICE_IN_GROUP = Speaker(None, "b1", "alice", private=False, admin=False)
ADMIN = Speaker(None, "b1", "root", private=True, admin=True)
ADMIN_GROUP = Speaker(None, "b1", "mallory", private=False, admin=True)


def key(scope: str, bot: str = "b1", **parts: str) -> ScopeKey:
    return ScopeKey(scope, (("runner_id", "r"), ("bot_id", bot), *parts.items()))  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with StateStore.open(f"sqlite:///{tmp_path}/s.db") as store:
        await fill(store)
        yield store


async def fill(store: StateStore) -> None:
    await store.apply(key("actor", actor_id="alice"), "prefs.name", "Al")
    await store.apply(key("actor", actor_id="alice"), "api_key", "sk-1")
    await store.apply(key("actor", "b2", actor_id="alice"), "other.bot", 1)
    await store.apply(key("conversation", conversation_id="person_alice"), "summary", "tea")
    await store.apply(key("actor", actor_id="bob"), "prefs.name", "Bob")
    group = key("subject", subject_type="group", subject_id="g 1")
    await store.apply(group, "group\ntopic", "a\nb\u202e")
    await store.apply(
        ScopeKey(
            "actor", (("runner_id", BOOKKEEPING_RUNNER), ("bot_id", "b1"), ("actor_id", "alice"))
        ),
        "journal",
        1,
    )


class Begun:
    times = 0

    async def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def begun() -> Begun:
    return Begun()


@pytest.fixture
def commands(store: StateStore, begun: Begun) -> StateCommands:
    return StateCommands(store, "en_US", begun)


async def test_you_see_what_is_kept_about_you_here(commands: StateCommands) -> None:
    assert await commands.reply([], ALICE) == (
        'What this bot keeps about you:\n- api_key: "•••"\n- prefs.name: "Al"\n\n'
        'About this chat:\n- summary: "tea"'
    )


async def test_in_a_group_you_see_your_own_alone(commands: StateCommands) -> None:
    reply = await commands.reply([""], ALICE_IN_GROUP)
    assert "prefs.name" in reply
    assert "summary" not in reply
    assert "topic" not in reply
    nobody = Speaker(None, "b1", "carol", private=False, admin=False)
    assert await commands.reply([], nobody) == "This bot keeps nothing about you."


async def test_forgetting_asks_for_the_word(commands: StateCommands, store: StateStore) -> None:
    asked = await commands.reply(["forget"], ALICE_IN_GROUP)
    assert "2 entries" in asked
    assert "!state forget yes" in asked
    for words in (["forget", "no"], ["forget", "yes", "please"], ["forget", "bob"]):
        assert await commands.reply(words, ALICE_IN_GROUP) == asked
    assert await store.get(key("actor", actor_id="alice"), "prefs.name") == "Al"
    assert await commands.reply(["FORGET", "", "Yes"], ALICE) == (
        "Erased 2 entries about you.\n"
        "Not erased: 1 entry about this chat. To clear the conversation, send: !state new"
    )
    assert await commands.reply(["forget", "yes"], ALICE) == "This bot keeps nothing about you."
    assert await store.get(key("actor", actor_id="bob"), "prefs.name") == "Bob"
    assert await store.get(key("actor", "b2", actor_id="alice"), "other.bot") == 1


async def test_a_new_conversation_begins(commands: StateCommands, begun: Begun) -> None:
    assert await commands.reply(["new"], ALICE) == "Started a new conversation."
    assert begun.times == 1


async def test_in_a_group_a_new_conversation_asks_for_the_word(
    commands: StateCommands, begun: Begun
) -> None:
    for speaker in (ALICE_IN_GROUP, ADMIN_GROUP):
        for words in (["new"], ["new", "no"], ["new", "yes", "please"]):
            asked = await commands.reply(words, speaker)
            assert "for everybody in this group" in asked
            assert asked.endswith("!state new yes")
    assert begun.times == 0
    said = await commands.reply(["new", "YES"], ALICE_IN_GROUP)
    assert said == "Started a new conversation for everybody in this group."
    assert begun.times == 1


async def test_a_chat_of_which_nothing_is_kept_is_not_spoken_of(
    commands: StateCommands, store: StateStore
) -> None:
    bob = Speaker(None, "b1", "bob", private=True, admin=False)
    assert await commands.reply(["forget"], bob) == (
        "This permanently erases 1 entry that this bot keeps about you. "
        "To confirm, send: !state forget yes"
    )


async def test_values_are_not_read_to_be_counted(
    commands: StateCommands, store: StateStore, mocker: MockerFixture
) -> None:
    read = mocker.spy(store.backend, "entries")
    await commands.reply(["forget"], ALICE)
    await commands.reply(["clear", "person", "bob"], ADMIN)
    assert read.call_count == 0


async def test_what_failed_is_in_the_log(
    commands: StateCommands, store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.close()
    reply = await commands.reply([], ALICE)
    assert reply == "That did not work. Ask the operator of this bot."
    assert "is not open" in caplog.text
    assert "is not open" in await commands.reply(["show", "person", "alice"], ADMIN)


@pytest.mark.parametrize("speaker", [ALICE, ALICE_IN_GROUP, ADMIN_GROUP])
@pytest.mark.parametrize("words", [["show", "person", "bob"], ["clear", "person", "bob", "yes"]])
async def test_others_are_for_admins_in_private_only(
    commands: StateCommands, store: StateStore, speaker: Speaker, words: list[str]
) -> None:
    assert "Only this bot's admins" in await commands.reply(words, speaker)
    assert await store.get(key("actor", actor_id="bob"), "prefs.name") == "Bob"


async def test_an_admin_sees_and_clears_others(commands: StateCommands, store: StateStore) -> None:
    shown = await commands.reply(["show", "person", "bob"], ADMIN)
    assert shown == 'What this bot keeps about person bob:\n- prefs.name: "Bob"'
    shown = await commands.reply(["show", "group", "g", "1"], ADMIN)
    assert shown.splitlines()[1] == '- group\\ntopic: "a\\nb\\u202e"'
    assert "keeps nothing about person zed" in await commands.reply(
        ["show", "person", "zed"], ADMIN
    )
    assert "keeps nothing about group zed" in await commands.reply(["clear", "group", "zed"], ADMIN)
    asked = await commands.reply(["clear", "group", "g", "1"], ADMIN)
    assert "!state clear group g 1 yes" in asked
    cleared = await commands.reply(["clear", "group", "g", "1", "yes"], ADMIN)
    assert cleared == "Erased 1 entry about group g 1."
    assert "Bob" in await commands.reply(["show", "Person", "bob"], ADMIN)
    cleared = await commands.reply(["clear", "PERSON", "bob", "YES"], ADMIN)
    assert cleared == "Erased 1 entry about person bob."
    assert "For admins" in await commands.reply(["help"], ADMIN)


@pytest.mark.parametrize(
    "words", [["show"], ["clear"], ["show", "me"], ["show", "person"], ["clear", "yes"]]
)
async def test_half_a_command_gets_help(commands: StateCommands, words: list[str]) -> None:
    assert "!state show person ID" in await commands.reply(words, ADMIN)


async def test_an_unknown_word_gets_a_reply(commands: StateCommands) -> None:
    reply = await commands.reply(["wat", "{0}"], ALICE)
    assert reply.startswith("Unknown command.")
    assert "!state forget" in reply
    assert "For admins" not in reply


async def test_without_a_sender_nothing_is_shown(commands: StateCommands) -> None:
    nobody = Speaker(None, "b1", None, private=False, admin=False)
    for words in ([], ["forget", "yes"]):
        assert "does not say who you are" in await commands.reply(words, nobody)


async def test_a_long_list_is_cut(commands: StateCommands, store: StateStore) -> None:
    for number in range(40):
        await store.apply(key("actor", actor_id="carol"), f"k{number:02}", "x" * 1000)
    reply = await commands.reply([], Speaker(None, "b1", "carol", private=False, admin=False))
    assert len(reply.splitlines()) == LINES + 2
    assert reply.endswith("… and 10 more.")
    assert max(map(len, reply.splitlines())) < 200


def test_every_text_is_there_in_both_languages() -> None:
    values = {"name": "N", "count": 1, "reason": "R"}
    for text, (english, chinese) in TEXTS.items():
        assert say("both", text, **values) == (
            f"{say('en_US', text, **values)}\n{say('zh_Hans', text, **values)}"
        )
        assert english != chinese


def test_the_language_is_a_setting() -> None:
    assert language_of("zh_Hans") == "zh_Hans"
    assert language_of(None) == language_of("klingon") == "both"


@pytest_asyncio.fixture
async def two_workspaces(store: StateStore) -> StateStore:
    """Give two workspaces the same bot, person and group, and a Query's key to neither."""
    for workspace in ("w1", "w2"):
        mine = {"workspace_id": workspace}
        await store.apply(key("actor", **mine, actor_id="dora"), "where", workspace)
        chat = key("conversation", **mine, conversation_id="person_dora")
        await store.apply(chat, "chat", workspace)
        room = key("subject", **mine, subject_type="group", subject_id="g2")
        await store.apply(room, "room", workspace)
    await store.apply(QUERY_DORA, "where", "nowhere")
    return store


QUERY_DORA = ScopeKey("actor", (("runner_id", "r"), ("bot_uuid", "b1"), ("sender_id", "dora")))


async def test_people_see_and_erase_what_their_own_workspace_keeps(
    commands: StateCommands, two_workspaces: StateStore
) -> None:
    dora = Speaker("w1", "b1", "dora", private=True, admin=False)
    assert await commands.reply([], dora) == (
        'What this bot keeps about you:\n- where: "w1"\n\nAbout this chat:\n- chat: "w1"'
    )
    assert "Erased 1 entry about you." in await commands.reply(["forget", "yes"], dora)
    assert "w1" in await commands.reply([], dora)  # the chat
    other = Speaker("w2", "b1", "dora", private=True, admin=False)
    assert '- where: "w2"' in await commands.reply([], other)
    assert await two_workspaces.get(QUERY_DORA, "where") == "nowhere"


async def test_an_admin_sees_and_erases_what_their_own_workspace_keeps(
    commands: StateCommands, two_workspaces: StateStore
) -> None:
    admin = Speaker("w1", "b1", "root", private=True, admin=True)
    for words, entries in ((["person", "dora"], ["where", "chat"]), (["group", "g2"], ["room"])):
        shown = await commands.reply(["show", *words], admin)
        assert sorted(shown.splitlines()[1:]) == sorted(f'- {name}: "w1"' for name in entries)
        cleared = await commands.reply(["clear", *words, "yes"], admin)
        assert str(len(entries)) in cleared
        assert "w1" not in await commands.reply(["show", *words], admin)
    others = Speaker("w2", "b1", "root", private=True, admin=True)
    for words in (["person", "dora"], ["group", "g2"]):
        assert '"w2"' in await commands.reply(["show", *words], others)
    everywhere = Speaker(None, "b1", "root", private=True, admin=True)
    assert '"nowhere"' in await commands.reply(["show", "person", "dora"], everywhere)
