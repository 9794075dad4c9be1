"""The API between page and plugin: data in, data or an error out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pytest_mock import MockerFixture

from langbot_state_ext import BackendError, Change, ScopeKey, StateStore
from langbot_state_ext.plugin.masking import MASK
from langbot_state_ext.plugin.page import figures, search
from langbot_state_ext.plugin.page.endpoints import EXPORT_BYTES
from langbot_state_ext.plugin.page.inspector import Inspector
from langbot_state_ext.state.policy import BOOKKEEPING_RUNNER

ALICE = ScopeKey("actor", (("runner_id", "r1"), ("bot_id", "b1"), ("actor_id", "alice")))
ALICE_CHAT = ScopeKey(
    "conversation", (("runner_id", "r1"), ("bot_id", "b1"), ("conversation_id", "person_alice"))
)
BOB = ScopeKey("actor", (("runner_id", "r2"), ("bot_id", "b2"), ("actor_id", "bob")))
GROUP = ScopeKey(
    "subject",
    (("runner_id", "r1"), ("bot_id", "b1"), ("subject_type", "group"), ("subject_id", "g1")),
)
OURS = ScopeKey("runner", (("runner_id", BOOKKEEPING_RUNNER), ("binding_identity", "adopted")))


QUERY_ALICE = ScopeKey("actor", (("runner_id", "r9"), ("bot_uuid", "b1"), ("sender_id", "alice")))
QUERY_CHAT = ScopeKey(
    "subject",
    (
        *(("runner_id", "r9"), ("bot_uuid", "b1")),
        *(("launcher_type", "person"), ("launcher_id", "alice")),
    ),
)
QUERY_GROUP = ScopeKey(
    "subject",
    (
        *(("runner_id", "r9"), ("bot_uuid", "b1")),
        *(("launcher_type", "group"), ("launcher_id", "alice")),
    ),
)


def ref(key: ScopeKey) -> dict[str, Any]:
    return {"scope": key.scope, "parts": dict(key.parts)}


class Clock:
    now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[StateStore]:
    async with StateStore.open(url) as store:
        await fill(store)
        yield store


async def fill(store: StateStore) -> None:
    state: dict[ScopeKey, dict[str, Any]] = {
        ALICE: {"prefs.name": "Alise", "api_key": "sk-1", "login": {"password": "p", "host": "h"}},
        ALICE_CHAT: {"memory.summary": "Talks about tea"},
        BOB: {"prefs.name": "Bob"},
        GROUP: {"group.topic": "tea"},
        OURS: {"rows": 3},
    }
    for key, values in state.items():
        for name, value in values.items():
            await store.apply(key, name, value, run_id="run-1")


async def names(_workspace: str | None) -> dict[str, str]:
    return {"b1": "Helpdesk"}


@pytest_asyncio.fixture
async def inspector(store: StateStore, url: str, clock: Clock) -> AsyncIterator[Inspector]:
    inspector = Inspector(store, names, url=url, clock=clock)
    yield inspector
    await inspector.close()


@pytest.fixture
def here(inspector: Inspector) -> Inspector:
    """Return an inspector whose jobs run in this process, where a test can reach in."""
    inspector._searching = inspector._counting = inspector._here
    return inspector


async def found(inspector: Inspector, **request: Any) -> list[tuple[str, str]]:
    answer = await inspector.handle("/find", request)
    return sorted((s["scope"], list(s["parts"].values())[-1]) for s in answer["scopes"])


async def test_an_overview_hides_the_bookkeeping(inspector: Inspector) -> None:
    answer = await inspector.handle("/overview", None)
    assert (answer["scopes"], answer["entries"]) == (4, 6)
    assert answer["runners"] == {"r1": 3, "r2": 1}
    assert answer["bots"] == {"b1": 3, "b2": 1}
    assert answer["bot_names"] == {"b1": "Helpdesk"}
    assert answer["url"].startswith("sqlite:///")
    assert answer["newest"][0]["key"] == "group.topic"
    assert "rows" not in [one["key"] for one in answer["newest"]]
    json.dumps(answer)


async def test_an_overview_rests_after_the_work_and_ten_seconds_at_the_most(
    inspector: Inspector, store: StateStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "REST", 1e9)
    first = await inspector.handle("/overview", None)
    await store.apply(BOB, "more", 1)
    clock.now += 9.9
    assert await inspector.handle("/overview", None) == first
    clock.now += 0.2
    assert (await inspector.handle("/overview", None))["entries"] == first["entries"] + 1


@pytest.mark.parametrize(
    ("endpoint", "body", "entries"),
    [
        ("/save", {"scope": ref(BOB), "key": "more", "text": "1", "version": 0}, 7),
        ("/delete", {"scope": ref(BOB), "key": "prefs.name", "version": 1}, 5),
        ("/clear", {"scope": ref(ALICE)}, 3),
        ("/erase", {"id": "alice"}, 2),
    ],
)
async def test_a_change_shows_in_the_overview_at_once(
    inspector: Inspector, endpoint: str, body: dict[str, Any], entries: int
) -> None:
    await inspector.handle("/overview", None)
    assert "error" not in await inspector.handle(endpoint, body)
    assert (await inspector.handle("/overview", None))["entries"] == entries


@pytest.fixture
def slow(
    store: StateStore, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> asyncio.Event:
    """Let an overview take until the event is set."""
    ready, make = asyncio.Event(), store.backend.overview

    async def overview(*args: Any, **kwargs: Any) -> Any:
        await ready.wait()
        return await make(*args, **kwargs)

    mocker.patch.object(store.backend, "overview", overview)
    monkeypatch.setattr(figures, "WAIT_S", 0.05)
    return ready


async def test_a_slow_overview_holds_nobody_up(
    here: Inspector, store: StateStore, clock: Clock, slow: asyncio.Event
) -> None:
    first = await here.handle("/overview", None)
    clock.now += 12
    pending = await here.handle("/overview", None)
    assert (first["pending_s"], pending["pending_s"]) == (0, 12)
    assert pending["url"].startswith("sqlite:///")
    assert await found(here, scope="actor") == [("actor", "alice"), ("actor", "bob")]
    slow.set()
    assert (await here.handle("/overview", None))["entries"] == 6
    slow.clear()
    clock.now += 3600
    assert (await here.handle("/overview", None))["entries"] == 6
    slow.set()


async def test_an_overview_that_was_made_before_a_change_is_made_again(
    here: Inspector, store: StateStore, slow: asyncio.Event
) -> None:
    assert "pending_s" in await here.handle("/overview", None)
    await here.handle("/clear", {"scope": ref(ALICE)})
    slow.set()
    await here.handle("/overview", None)
    assert (await here.handle("/overview", None))["entries"] == 3


async def test_an_overview_that_fails_late_is_told(
    here: Inspector, store: StateStore, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overview(*_args: Any, **_kwargs: Any) -> Any:
        await asyncio.sleep(0.1)
        raise BackendError("the store is tired")

    broken = mocker.patch.object(store.backend, "overview", overview)
    monkeypatch.setattr(figures, "WAIT_S", 0.01)
    assert "pending_s" in await here.handle("/overview", None)
    await asyncio.sleep(0.2)
    error = (await here.handle("/overview", None))["error"]
    assert (error["code"], error["message"]) == ("unavailable", "the store is tired")
    assert error["url"].startswith("sqlite:///")
    assert broken is store.backend.overview


async def test_bots_without_a_name_do_not_keep_the_figures_away(
    store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def names(_workspace: str | None) -> dict[str, str]:
        raise RuntimeError("LangBot does not say")

    with caplog.at_level(logging.WARNING):
        answer = await Inspector(store, names, url="memory://").handle("/overview", None)
    assert (answer["entries"], answer["bot_names"]) == (6, {})
    assert "LangBot does not say" in caplog.text


async def test_bots_are_named_in_the_task_of_the_request(store: StateStore) -> None:
    asked_in = []

    async def names(_workspace: str | None) -> dict[str, str]:
        asked_in.append(asyncio.current_task())
        return {}

    await Inspector(store, names, url="memory://").handle("/overview", None)
    assert asked_in == [asyncio.current_task()]


async def test_scopes_are_found_by_each_condition(inspector: Inspector) -> None:
    alice, chat, bob = ("actor", "alice"), ("conversation", "person_alice"), ("actor", "bob")
    group = ("subject", "g1")
    assert await found(inspector) == [alice, bob, chat, group]
    assert await found(inspector, scope="actor") == [alice, bob]
    assert await found(inspector, runner="r2") == [bob]
    assert await found(inspector, bot="b1") == [alice, chat, group]
    assert await found(inspector, text="ALIC") == [alice, chat]
    assert await found(inspector, whose="person", id="alice") == [alice, chat]
    assert await found(inspector, whose="person", id="alice", bot="b2") == []
    assert await found(inspector, whose="group", id="g1") == [group]
    assert await found(inspector, whose="conversation", id="person_alice") == [chat]
    assert await found(inspector, whose="person") == [alice, bob, chat, group]


async def test_a_text_is_looked_for_in_the_names_of_people_and_chats_alone(
    inspector: Inspector, store: StateStore
) -> None:
    lan = ScopeKey(
        "actor", (("runner_id", "plugin:langbot/x"), ("bot_id", "b1"), ("actor_id", "zoe"))
    )
    await store.apply(lan, "prefs.name", "alice, or Lan")
    for text in ("langbot", "b1", "r1", "group"):
        assert await found(inspector, text=text) == []
    assert await found(inspector, text="lan") == []
    assert await found(inspector, text="lan", inside=True) == [("actor", "zoe")]
    assert await found(inspector, text="alice") == [
        ("actor", "alice"),
        ("conversation", "person_alice"),
    ]
    assert await found(inspector, text="alice", inside=True) == [("actor", "zoe")]


async def test_a_bot_is_chosen_by_either_of_its_names(
    inspector: Inspector, store: StateStore
) -> None:
    await store.apply(QUERY_ALICE, "k", 1)
    assert ("actor", "alice") in await found(inspector, bot="b1", runner="r9")
    assert await found(inspector, bot="b2", runner="r9") == []
    assert (await inspector.handle("/overview", None))["bots"] == {"b1": 4, "b2": 1}


async def test_the_bookkeeping_is_never_found_or_touched(
    inspector: Inspector, store: StateStore
) -> None:
    assert await found(inspector, runner=BOOKKEEPING_RUNNER) == []
    assert await found(inspector, text="rows", inside=True) == []
    for endpoint in ("/entries", "/clear", "/export"):
        answer = await inspector.handle(endpoint, {"scope": ref(OURS)})
        assert answer["error"]["code"] == "refused"
    assert await store.get(OURS, "rows") == 3


async def test_looking_inside_finds_keys_and_values_but_nothing_hidden(
    inspector: Inspector, store: StateStore
) -> None:
    answer = await inspector.handle("/find", {"text": "alise", "inside": True})
    assert [scope["keys"] for scope in answer["scopes"]] == [["prefs.name"]]
    assert (answer["looked_into"], answer["cursor"]) == (4, None)
    assert await found(inspector, text="TOPIC", inside=True) == [("subject", "g1")]
    assert await found(inspector, text="bob", inside=True) == [("actor", "bob")]
    assert await found(inspector, text="sk-1", inside=True) == []
    assert await found(inspector, text='"p"', inside=True) == []
    await store.backend.commit([Change(BOB, "broken", b"alise {")])
    assert await found(inspector, text="alise", inside=True) == [("actor", "alice")]


async def test_pages_go_on_where_the_last_one_ended(
    inspector: Inspector, store: StateStore
) -> None:
    for number in range(250):
        key = ScopeKey("actor", (("runner_id", "r3"), ("actor_id", f"p{number}")))
        await store.apply(key, "k", "needle" if number % 5 == 0 else "hay")
    for request, expected in (
        ({"runner": "r3", "limit": 100}, 250),
        ({"text": "needle", "inside": True, "limit": 20}, 50),
        ({"whose": "person", "id": "alice", "limit": 1}, 2),
    ):
        scopes, cursor = [], None
        while True:
            page = await inspector.handle("/find", {**request, "cursor": cursor})
            scopes += [json.dumps(scope["parts"]) for scope in page["scopes"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert len(scopes) == len(set(scopes)) == expected


async def test_a_request_looks_into_a_bounded_piece_and_goes_on_there(
    here: Inspector, store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        key = ScopeKey("actor", (("runner_id", "r3"), ("actor_id", f"p{number}")))
        await store.apply(key, "k", f"needle {'x' * 50_000}")
    monkeypatch.setattr(search, "BUDGET_BYTES", 400_000)
    scopes, cursor, looked = [], None, []
    while True:
        request = {"text": "needle", "inside": True, "cursor": cursor, "limit": 200}
        page = await here.handle("/find", request)
        scopes += [json.dumps(scope["parts"]) for scope in page["scopes"]]
        looked.append(page["looked_into"])
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(scopes) == len(set(scopes)) == 30
    assert max(looked) <= 16
    assert sum(looked) == 34


async def test_a_request_whose_time_is_over_has_still_come_further(
    here: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BUDGET_S", 1e-9)
    monkeypatch.setattr(search, "BATCH_BYTES", 1)
    seen, cursor = 0, None
    for _ in range(5):
        page = await here.handle("/find", {"text": "tea", "inside": True, "cursor": cursor})
        seen, cursor = seen + page["looked_into"], page["cursor"]
    assert (seen, cursor) == (4, None)


async def test_looking_inside_leaves_the_event_loop_free(
    inspector: Inspector, store: StateStore
) -> None:
    changes = []
    for number in range(100):
        key = ScopeKey("actor", (("runner_id", "r3"), ("actor_id", f"p{number}")))
        changes.append(Change(key, "k", json.dumps(["\\é" * 50] * 300).encode()))
    await store.backend.commit(changes)
    looking = asyncio.create_task(inspector.handle("/find", {"text": "needle", "inside": True}))
    turns = 0
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10


async def test_a_text_that_is_stored_as_an_escape_is_found(
    inspector: Inspector, store: StateStore
) -> None:
    await store.backend.commit([Change(BOB, "cafe", b'"caf\\u00e9"')])
    assert await found(inspector, text="CAFÉ", inside=True) == [("actor", "bob")]


@pytest.mark.parametrize("cursor", ["", "x|", "7||", "-1||", "0|x", "rubbish"])
async def test_a_strange_cursor_is_refused(inspector: Inspector, cursor: str) -> None:
    answer = await inspector.handle("/find", {"cursor": cursor})
    assert answer["error"]["code"] == "refused"


async def test_entries_are_shown_without_what_is_hidden(inspector: Inspector) -> None:
    answer = await inspector.handle("/entries", {"scope": ref(ALICE)})
    shown = {entry["key"]: (entry["preview"], entry["masked"]) for entry in answer["entries"]}
    assert shown == {
        "api_key": (f'"{MASK}"', True),
        "login": (f'{{"password": "{MASK}", "host": "h"}}', True),
        "prefs.name": ('"Alise"', False),
    }
    assert {entry["run_id"] for entry in answer["entries"]} == {"run-1"}


async def test_entries_come_in_pages_of_keys(inspector: Inspector, store: StateStore) -> None:
    keys = sorted(f"k{number}" for number in range(230))
    await store.backend.commit([Change(BOB, key, b"1") for key in [*keys, "prefs.name"]])
    seen, after = [], None
    while True:
        answer = await inspector.handle("/entries", {"scope": ref(BOB), "after": after})
        seen += [entry["key"] for entry in answer["entries"]]
        after = answer["next"]
        if after is None:
            break
    assert seen == [*keys, "prefs.name"]


async def test_a_hidden_value_is_shown_on_request(inspector: Inspector) -> None:
    request = {"scope": ref(ALICE), "key": "api_key"}
    assert (await inspector.handle("/entry", request))["entry"]["text"] == f'"{MASK}"'
    shown = (await inspector.handle("/entry", {**request, "reveal": True}))["entry"]
    assert (shown["text"], shown["masked"]) == ('"sk-1"', False)


async def test_a_value_comes_back_exactly(inspector: Inspector, store: StateStore) -> None:
    value = {
        "big": 2**70,
        "rtl": "a\u202eb",
        "script": "<script>",
        "emoji": "👩\u200d🚀",
        "half": 0.1,
    }
    await store.apply(BOB, "exact", value)
    entry = (await inspector.handle("/entry", {"scope": ref(BOB), "key": "exact"}))["entry"]
    assert "\\u202e" in entry["text"]
    assert "\u202e" not in entry["text"]
    assert json.loads(entry["text"]) == value
    save = {"scope": ref(BOB), "key": "exact", "text": entry["text"], "version": 1}
    assert (await inspector.handle("/save", save))["entry"]["version"] == 2
    assert await store.get(BOB, "exact") == value


async def test_a_broken_value_says_so(inspector: Inspector, store: StateStore) -> None:
    await store.backend.commit([Change(BOB, "broken", b"\xff{")])
    entry = (await inspector.handle("/entry", {"scope": ref(BOB), "key": "broken"}))["entry"]
    assert entry["text"] is None
    listed = await inspector.handle("/entries", {"scope": ref(BOB)})
    assert listed["entries"][0]["preview"] is None


async def test_saving_keeps_the_expiry_and_names_no_run(
    inspector: Inspector, store: StateStore
) -> None:
    await store.apply(BOB, "short", 1, ttl_s=1000)
    before = await store.backend.get(BOB, "short")
    save = {"scope": ref(BOB), "key": "short", "text": "2", "version": 1}
    entry = (await inspector.handle("/save", save))["entry"]
    assert before is not None
    assert entry["expires_at"] == before.expires_at
    assert entry["run_id"] is None


async def test_a_newer_write_is_shown_and_not_overwritten(
    inspector: Inspector, store: StateStore
) -> None:
    await store.apply(ALICE, "prefs.name", "Alice")
    save = {"scope": ref(ALICE), "key": "prefs.name", "text": '"Al"', "version": 1}
    answer = await inspector.handle("/save", save)
    assert answer["error"]["code"] == "conflict"
    assert answer["error"]["current"]["text"] == '"Alice"'
    assert await store.get(ALICE, "prefs.name") == "Alice"
    answer = await inspector.handle("/delete", {**save, "version": 1} | {"text": None})
    assert answer["error"]["code"] == "bad_request"
    delete = {"scope": ref(ALICE), "key": "prefs.name", "version": 1}
    assert (await inspector.handle("/delete", delete))["error"]["code"] == "conflict"
    assert await store.get(ALICE, "prefs.name") == "Alice"
    answer = await inspector.handle("/save", {**save, "version": 0})
    assert answer["error"]["code"] == "conflict"
    await store.backend.commit([Change(ALICE, "prefs.name", None)])
    assert (await inspector.handle("/save", save))["error"]["current"] is None


async def test_an_entry_is_added_and_deleted(inspector: Inspector, store: StateStore) -> None:
    save = {"scope": ref(BOB), "key": "new 'key\"", "text": "null", "version": 0}
    assert (await inspector.handle("/save", save))["entry"]["text"] == "null"
    delete = {"scope": ref(BOB), "key": "new 'key\"", "version": 1}
    assert await inspector.handle("/delete", delete) == {"entry": None}
    assert await store.list(BOB) == (["prefs.name"], False)


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("k", "{", "not JSON"),
        ("k", "NaN", "not JSON"),
        ("k", '{"a": [{"b": 1, "c": 2, "b": 3}]}', "'b' appears twice"),
        ("k", '"' + "x" * 300_000 + '"', "262144"),
        ("k", "[" * 70 + "]" * 70, "64"),
        ("k", "[" * 5000 + "]" * 5000, "not JSON"),
        ("", "1", "empty"),
        ("a\0b", "1", "NUL"),
        ("k" * 256, "1", "255"),
    ],
)
async def test_a_value_outside_the_limits_is_refused(
    inspector: Inspector, key: str, text: str, reason: str
) -> None:
    save = {"scope": ref(BOB), "key": key, "text": text, "version": 0}
    answer = await inspector.handle("/save", save)
    assert answer["error"]["code"] == "refused"
    assert reason in answer["error"]["message"]
    assert "xxx" not in answer["error"]["message"]


@pytest.mark.parametrize(
    "parts",
    [{}, {"we'ird x": "1"}, {"runner_id": "r1", "actor_id": "x"}, {"runner_id": None}],
)
async def test_no_scope_is_made_that_nobody_would_read(
    inspector: Inspector, store: StateStore, parts: dict[str, Any]
) -> None:
    scope = {"scope": "actor", "parts": parts}
    save = {"scope": scope, "key": "k", "text": "1", "version": 0}
    answer = await inspector.handle("/save", save)
    assert answer["error"]["code"] == "refused"
    assert "choose an existing scope" in answer["error"]["message"]
    assert len(await found(inspector)) == 4


async def test_a_scope_that_was_emptied_can_be_written_again(inspector: Inspector) -> None:
    scope = {"scope": "actor", "parts": {"runner_id": "r", "bot_uuid": "b", "sender_id": "x"}}
    save = {"scope": scope, "key": "k", "text": "1", "version": 0}
    assert (await inspector.handle("/save", save))["entry"]["version"] == 1


async def test_what_is_gone_is_an_error_in_the_data(
    inspector: Inspector, store: StateStore
) -> None:
    assert await inspector.handle("/clear", {"scope": ref(ALICE)}) == {"deleted": 3}
    assert (await inspector.handle("/entries", {"scope": ref(ALICE)}))["error"]["code"] == "gone"
    entry = {"scope": ref(ALICE), "key": "api_key"}
    assert (await inspector.handle("/entry", entry))["error"]["code"] == "gone"
    for endpoint in ("/clear", "/export"):
        answer = await inspector.handle(endpoint, {"scope": ref(ALICE)})
        assert answer["error"]["code"] == "gone"
    assert await store.get(BOB, "prefs.name") == "Bob"


async def test_a_person_is_erased_and_nobody_else(inspector: Inspector, store: StateStore) -> None:
    await store.apply(GROUP, "about.alice", "stays: it is the group's")
    request = {"id": "alice", "bot": "b1"}
    preview = await inspector.handle("/person", request)
    assert (len(preview["scopes"]), preview["entries"]) == (2, 4)
    assert await inspector.handle("/erase", {"id": "alice", "bot": "b2"}) == {"deleted": 0}
    assert await inspector.handle("/erase", request) == {"deleted": 4}
    assert (await inspector.handle("/person", {"id": "alice"}))["scopes"] == []
    assert await found(inspector) == [("actor", "bob"), ("subject", "g1")]


async def test_what_a_query_names_is_erased_too(inspector: Inspector, store: StateStore) -> None:
    for key in (QUERY_ALICE, QUERY_CHAT, QUERY_GROUP):
        await store.apply(key, "k", 1)
    assert (await inspector.handle("/erase", {"id": "alice", "bot": "b1"}))["deleted"] == 6
    left = await store.backend.load([QUERY_ALICE, QUERY_CHAT, QUERY_GROUP])
    assert left == [{}, {}, {"k": b"1"}]


async def test_a_person_with_many_runners_is_erased_everywhere(
    inspector: Inspector, store: StateStore
) -> None:
    for number in range(450):
        key = ScopeKey("actor", (("runner_id", f"r{number}"), ("actor_id", "busy")))
        await store.apply(key, "k", 1)
    assert (await inspector.handle("/person", {"id": "busy"}))["entries"] == 450
    assert await inspector.handle("/erase", {"id": "busy"}) == {"deleted": 450}


async def test_no_request_reads_more_than_it_shows(
    here: Inspector, store: StateStore, mocker: MockerFixture
) -> None:
    await store.backend.commit([Change(BOB, f"k{number:03}", b"1") for number in range(300)])
    get, load = mocker.spy(store.backend, "get"), mocker.spy(store.backend, "load")
    entries = mocker.spy(store.backend, "entries")
    await here.handle("/entries", {"scope": ref(BOB), "after": "k100", "limit": 7})
    assert [call.args[1] for call in get.call_args_list] == [f"k{n}" for n in range(101, 108)]
    await here.handle("/find", {})
    await here.handle("/overview", None)
    assert (load.call_count, entries.call_count) == (0, 0)


async def test_an_export_comes_in_pieces(inspector: Inspector, store: StateStore) -> None:
    big = "x" * 250_000
    for number in range(70):
        await store.apply(BOB, f"k{number:02}", big if number < 12 else number)
    keys, pieces, after = [], 0, None
    while True:
        request = {"scope": ref(BOB), "after": after}
        piece = await inspector.handle("/export", request)
        assert len(json.dumps(piece)) < EXPORT_BYTES + 300_000
        keys += [entry["key"] for entry in piece["entries"]]
        after, pieces = piece["next"], pieces + 1
        if after is None:
            break
    assert keys == [*(f"k{number:02}" for number in range(70)), "prefs.name"]
    assert pieces == 3
    revealed = await inspector.handle("/export", {"scope": ref(ALICE), "reveal": True})
    assert '"sk-1"' in [entry["text"] for entry in revealed["entries"]]


@pytest.mark.parametrize(
    ("endpoint", "body", "place"),
    [
        ("/entries", None, "scope"),
        ("/entries", {"scope": {"scope": "actor", "parts": {"a": 1}}}, "scope.parts.a"),
        ("/entries", {"scope": {"scope": "nobody", "parts": {}}}, "scope.scope"),
        ("/entries", {"scope": {"scope": "actor", "parts": {}}, "limit": 10_000}, "limit"),
        ("/find", {"surprise": 1}, "surprise"),
        ("/find", [1, 2], "body"),
        ("/find", "text", "body"),
        ("/save", {"scope": {"scope": "actor", "parts": {}}, "key": "k"}, "text"),
        ("/erase", {"id": ""}, "id"),
        ("/find", {"text": "\ud800"}, "text"),
    ],
)
async def test_a_wrong_shape_is_refused(
    inspector: Inspector, endpoint: str, body: object, place: str
) -> None:
    answer = await inspector.handle(endpoint, body)
    assert answer["error"]["code"] == "bad_request"
    assert place in answer["error"]["message"]


async def test_an_unknown_endpoint_is_refused(inspector: Inspector) -> None:
    answer = await inspector.handle("/nowhere", {})
    assert answer["error"]["code"] == "unknown_endpoint"


async def test_a_store_that_fails_is_an_error_in_the_data(
    inspector: Inspector, store: StateStore
) -> None:
    await store.backend.close()
    answer = await inspector.handle("/find", {})
    assert answer["error"]["code"] == "unavailable"


async def test_what_an_agent_keeps_of_a_private_chat_is_erased_too(
    inspector: Inspector, store: StateStore
) -> None:
    note = ScopeKey(
        "subject",
        (
            ("runner_id", "plugin:a/b/c"),
            ("binding_identity", "agent"),
            ("bot_id", "b1"),
            ("subject_type", "conversation"),
            ("subject_id", "person_alice"),
        ),
    )
    await store.apply(note, "note", "private")
    assert (await inspector.handle("/erase", {"id": "alice", "bot": "b1"}))["deleted"] >= 1
    assert await store.backend.load([note]) == [{}]
