"""What the harness shows is what the real LangBot does; and the examples, in both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langbot_state_ext.testing import RunnerHarness
from testkit.fakes import FakeAgent, FakeN8n
from testkit.langbot_host import LangBotHost

from .chats import PROBE_FOLDER
from .worlds import FAILED, HarnessWorld, World, Worlds

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
    "a message in parts": [
        {"steps": [{"parts": ["a", "b"]}, {"end": None}]},
        {"steps": [{"history_page": [None, None, None, 2]}]},
    ],
    "too late": [
        {"steps": [{"set": ["actor", "a.b", 1]}, {"sleep": 60}], "config": {"timeout": 2}},
        {},
    ],
    "a timeout that is none": [{"config": {"timeout": "abc"}}],
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
        {"steps": [{"history_page": []}]},
        {"steps": [{"history_page": []}]},
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


AGENTS_TURNS: dict[str, list[dict[str, Any]]] = {
    "an Agent's people": TURNS["every scope"],
    "an Agent's groups": TURNS["groups"],
    "an Agent's words": [
        {"steps": [{"say": "unheard"}, {"call_tool": ["event_reply", {"text": ""}]}]},
        {
            "steps": [
                {"set": ["actor", "a.b", 1]},
                {"call_tool": ["event_reply", {"text": "heard"}]},
                {"fail": "no"},
            ]
        },
        {},
    ],
}


@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS.keys())
def test_the_harness_shows_what_langbot_does(
    turns: list[dict[str, Any]], worlds: Worlds, tmp_path: Path
) -> None:
    config = turns[0].get("config", {})
    with in_harness(tmp_path, config=config) as harness:
        shown = talk(HarnessWorld(harness), turns)
    assert not differences(shown, talk(worlds.open(PROBE_FOLDER, config), turns))


@pytest.mark.parametrize("turns", AGENTS_TURNS.values(), ids=AGENTS_TURNS.keys())
def test_the_harness_shows_what_an_agent_of_langbots_does(
    turns: list[dict[str, Any]], worlds: Worlds, tmp_path: Path
) -> None:
    with in_harness(tmp_path, processor="agent") as harness:
        shown = talk(HarnessWorld(harness), turns)
    assert not differences(shown, talk(worlds.open(PROBE_FOLDER, {}, "agent"), turns))


def test_runs_that_overlap_see_what_they_see_in_langbot(worlds: Worlds, tmp_path: Path) -> None:
    with in_harness(tmp_path) as harness:
        shown = overlap(HarnessWorld(harness))
    assert not differences(shown, overlap(worlds.open(PROBE_FOLDER, {})))
    assert shown[0]["state"]["runner"] == {"begun": 1}
    assert shown[1]["state"]["runner"] == {"begun": 1, "go": 1, "who": "alice", "end": 1}


def overlap(world: World) -> list[Any]:
    """Have bob's run begin and end within alice's."""
    waits = [{"until_set": ["runner", "go"]}]
    last = [{"set": ["runner", "who", "alice"]}, {"set": ["runner", "end", 1]}]
    steps = [{"set": ["runner", "begun", 1]}, *waits, *last]
    finish = world.start(json.dumps(steps), sender="alice", until="begun")
    bobs = {"steps": [{"set": ["runner", "who", "bob"]}, {"set": ["runner", "go", 1]}]}
    within = talk(world, [{**bobs, "sender": "bob"}])
    finish()
    return [*within, *talk(world, [{"sender": "bob"}])]


def in_harness(folder: Path, **options: Any) -> RunnerHarness:
    """Open a harness that streams, as LangBot's HTTP platform does."""
    return RunnerHarness(
        PROBE_FOLDER, store=f"sqlite:///{folder}/state.db", streaming=True, **options
    )


def talk(world: World, turns: list[dict[str, Any]]) -> list[Any]:
    """Have the probe runner do what turns say, and return what it saw of LangBot."""
    seen = []
    for turn in turns:
        who = {name: turn[name] for name in ("sender", "group") if name in turn}
        if turn.get("reset"):
            world.new_conversation(**who)
            continue
        answer = world.say(json.dumps(turn.get("steps", [])), **who)
        is_seen = answer.startswith("{")
        seen.append(plain(json.loads(answer)) if is_seen else "".join(answer.split()))
    return seen


def differences(shown: Any, real: Any) -> dict[str, tuple[Any, Any]]:
    """Return what differs by its path: what the harness shows, and what LangBot does."""
    ours, theirs = dict(leaves(shown)), dict(leaves(real))
    return {
        path: (ours.get(path), theirs.get(path))
        for path in {**ours, **theirs}
        if ours.get(path, ours) != theirs.get(path, theirs)
    }


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the parts of a value that have no parts, by their paths."""
    if not isinstance(value, list | dict) or not value:
        yield path, value
        return
    for name, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(part, f"{path}/{name}")


CHANGING = {"transcript_id", "event_id", "created_at", "seq", "cursor", "prev_cursor"}
CHANGING |= {"msg_create_time", "sender_name", "next_cursor", "bot_id", "workspace_id"}
CHANGING |= {"run_id", "bot_uuid", "query_id", "subject_id"}
"""What is different in every run: ids and times."""


def plain(value: Any) -> Any:
    """Put the type in the place of what is different in every run, at any depth."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        return "what another run has seen"
    if isinstance(value, str):
        return value.partition(" Allowed tools")[0]
    if isinstance(value, dict):
        return {
            name: type(item).__name__ if name in CHANGING else plain(item)
            for name, item in value.items()
        }
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
        assert last(world.say("hello")) == "session 1: hello"
        assert last(world.say("hello", group="g1")) == "session 2: hello"
        assert last(world.say("again")) == "session 1: again"
        assert n8n.log[1][0].get_json()["conversation_id"].startswith("n8n_conversation_")


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


def last(streamed: str) -> str:
    """Return what a message has grown to, of which LangBot's HTTP platform gives each state."""
    return streamed.splitlines()[-1]
