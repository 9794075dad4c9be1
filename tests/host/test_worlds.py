"""What the harness shows is what the real LangBot does; and the examples, in both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.fake_services import FakeAgent, FakeN8n
from examples.langbot_host import LangBotHost
from langbot_state_ext.testing import RunnerHarness

from .worlds import FAILED, PROBE, HarnessWorld, World, Worlds

EXAMPLES = Path(__file__).parents[2] / "examples"

OpenWorld = Callable[..., World]

TURNS: dict[str, list[dict[str, Any]]] = {
    "nothing": [{}, {}],
    "every scope": [
        {
            "steps": [
                {"set": ["conversation", "memory.a", 1]},
                {"set": ["actor", "prefs.b", {"x": [None, 1.5]}]},
                {"set": ["subject", "group.c", "tea"]},
                {"set": ["runner", "cache.d", True]},
            ]
        },
        {},
        {"sender": "bob"},
        {"group": "g1"},
    ],
    "groups": [
        {"steps": [{"set": ["subject", "group.c", "tea"]}], "group": "g1"},
        {"group": "g1", "sender": "bob"},
        {"group": "g2"},
    ],
    "values": [
        {
            "steps": [
                {"set": ["actor", "v.null", None]},
                {"set": ["actor", "v.big", 2**70]},
                {"set": ["actor", "v.text", "\u00e9\u4e2d\U0001f600"]},
                {"set": ["actor", "v.deep", [[[[{}]]]]]},
            ]
        },
        {"steps": [{"set": ["actor", "v.text", ""]}]},
        {},
    ],
    "refusals": [
        {
            "steps": [
                {"set": ["nobody", "a.b", 1]},
                {"set": ["actor", "k" * 256, 1]},
                {"set": ["actor", 5, 1]},
                {"surrogate": ["actor", "v.surrogate"]},
                {"nan": ["actor", "v.nan"]},
                {"set": ["actor", "v.good", 1]},
            ]
        },
        {},
    ],
    "the far side": [
        {"steps": [{"set": ["conversation", "conversation_id", "far-1"]}]},
        {},
        {"steps": [{"set": ["conversation", "external.conversation_id", None]}]},
        {},
    ],
    "a run that fails": [
        {"steps": [{"set": ["actor", "a.a", 1]}, {"set": ["actor", "", 1]}]},
        {"steps": [{"set": ["actor", "a.b", 1]}, {"fail": "no"}]},
        {"steps": [{"set": ["actor", "a.c", 1]}, {"raise": "no"}]},
        {},
    ],
    "an id that the far side has lost": [
        {
            "steps": [
                {"set": ["conversation", "external.conversation_id", "far-1"]},
                {"set": ["conversation", "external.thread", "t"]},
                {"set": ["conversation", "memory.a", 1]},
            ]
        },
        {"steps": [{"fail": "404: Conversation Not Exists."}]},
        {},
    ],
    "the State API": [
        {
            "steps": [
                {"state_set": ["actor", "p.a", 1]},
                {"state_set": ["actor", "p.b", None]},
                {"state_set": ["actor", "q", 1]},
                {"state_get": ["actor", "p.a"]},
                {"state_get": ["actor", "p.none"]},
                {"state_list": ["actor", "p."]},
                {"state_list": ["actor", None, 2]},
                {"state_delete": ["actor", "p.a"]},
                {"state_delete": ["actor", "p.a"]},
                {"state_set": ["conversation", "conversation_id", "far-2"]},
                {"state_get": ["conversation", "external.conversation_id"]},
            ]
        },
        {},
    ],
    "the State API's refusals": [
        {
            "steps": [
                {"state_get": ["nobody", "a"]},
                {"state_get": ["", "a"]},
                {"state_get": ["actor", ""]},
                {"state_set": ["actor", "k" * 256, 1]},
                {"state_set": ["actor", "", 1]},
                {"event_get": ["e"]},
                {"history_search": ["a"]},
                {"call_tool": ["event_reply", {"text": "hi"}]},
            ]
        }
    ],
    "the history": [
        {"steps": [{"set": ["actor", "a.b", 1]}]},
        {"steps": [{"history_page": []}]},
        {"steps": [{"history_page": [None, None, None, 1]}]},
        {"steps": [{"history_page": ["person_other"]}]},
        {"steps": [{"history_page": []}], "group": "g1"},
    ],
    "a new conversation": [
        {"steps": [{"set": ["conversation", "memory.a", 1]}, {"set": ["actor", "prefs.b", 1]}]},
        {"reset": True},
        {},
    ],
}


@pytest.fixture(scope="session")
def worlds(host: LangBotHost, tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    return Worlds(host, tmp_path_factory.mktemp("plugins"))


@pytest.fixture(params=["harness", "langbot"])
def open_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenWorld]:
    if request.param == "langbot":
        worlds: Worlds = request.getfixturevalue("worlds")
        yield lambda plugin, **config: worlds.open(plugin, config)
        return
    opened = []

    def open_harness(plugin: Path, **config: Any) -> World:
        opened.append(RunnerHarness(plugin, config=config, store=f"sqlite:///{tmp_path}/state.db"))
        return HarnessWorld(opened[-1])

    yield open_harness
    for harness in opened:
        harness.close()


@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS.keys())
def test_the_harness_shows_what_langbot_does(
    turns: list[dict[str, Any]], worlds: Worlds, tmp_path: Path
) -> None:
    with RunnerHarness(PROBE, store=f"sqlite:///{tmp_path}/state.db") as harness:
        shown = talk(HarnessWorld(harness), turns)
    assert shown == talk(worlds.open(PROBE, {}), turns)


def talk(world: World, turns: list[dict[str, Any]]) -> list[Any]:
    """Have the probe runner do what turns say, and return what it saw of LangBot."""
    seen = []
    for turn in turns:
        who = {name: turn[name] for name in ("sender", "group") if name in turn}
        if turn.get("reset"):
            world.new_conversation(**who)
            continue
        answer = world.say(json.dumps(turn.get("steps", [])), **who)
        seen.append(answer if answer == FAILED else of_langbot(json.loads(answer)))
    return seen


def of_langbot(seen: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is different in every run: ids and times."""
    kept = ("state", "conversation_id", "steps", "params")
    return {name: plain(seen[name]) for name in kept}


CHANGING = {"transcript_id", "event_id", "created_at", "seq", "cursor", "prev_cursor"}
CHANGING |= {
    "msg_create_time",
    "sender_name",
    "next_cursor",
    "bot_id",
    "workspace_id",
    "metadata",
    "run_id",
}


def plain(value: Any) -> Any:
    """Leave out what is different in every run, at any depth."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict) and value.get("role") == "assistant":
        return sorted(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name not in CHANGING}
    return value


def test_preferences(open_world: OpenWorld) -> None:
    world = open_world(EXAMPLES / "preferences_runner")
    assert world.say("name Alice", sender="alice", group="g1") == "Hi Alice!"
    assert world.say("language fr", sender="alice", group="g2") == "Salut Alice !"
    assert world.say("hello", sender="bob", group="g2") == "Hi stranger!"
    assert world.say("tone formal", sender="alice") == "Bonjour, Alice."


def test_a_poll(open_world: OpenWorld) -> None:
    world = open_world(EXAMPLES / "poll_runner")
    world.say("poll Tea or coffee? tea coffee", group="g1")
    world.say("vote tea", sender="alice", group="g1")
    world.say("vote coffee", sender="alice", group="g1")
    assert world.say("vote tea", sender="bob", group="g1") == "Tea or coffee? tea: 1, coffee: 1"
    assert world.say("result", group="g2") == "There is no poll."


def test_an_n8n_workflow(open_world: OpenWorld) -> None:
    with FakeN8n() as n8n:
        world = open_world(EXAMPLES / "n8n_runner", **{"webhook-url": n8n.url})
        assert world.say("break") == FAILED
        assert world.say("hello") == "session 1: hello"
        assert world.say("hello", group="g1") == "session 2: hello"
        assert world.say("again") == "session 1: again"
        assert n8n.asked[1]["conversation_id"].startswith("n8n_conversation_")


def test_an_outside_agent_over_a_restart(open_world: OpenWorld) -> None:
    with FakeAgent() as agent:
        world = open_world(EXAMPLES / "outside_runner", url=agent.url)
        assert world.say("hello") == "conversation-1, turn 1: hello"
        assert world.say("hello", group="g1") == "conversation-2, turn 1: hello"
        world.restart()
        assert world.say("again") == "conversation-1, turn 2: again"
        world.new_conversation(group="g1")
        assert world.say("hello", group="g1") == "conversation-3, turn 1: hello"
        agent.forget()
        assert world.say("hello") == FAILED
        assert world.say("hello") == "conversation-4, turn 1: hello"
