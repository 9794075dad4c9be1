"""Two workspaces with the same bot, person, group and conversation: each sees its own state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from langbot_state_ext import ScopeKey, StateStore
from langbot_state_ext.plugin.page.inspector import Inspector

OURS, THEIRS = "w1", "w2"
WORKSPACES = (OURS, THEIRS)


def base(workspace: str | None) -> tuple[tuple[str, str | None], ...]:
    return (
        *(("runner_id", "r"), ("binding_identity", "b")),
        *(("bot_id", "b1"), ("workspace_id", workspace)),
    )


def alice(workspace: str | None) -> ScopeKey:
    return ScopeKey("actor", (*base(workspace), ("actor_type", "user"), ("actor_id", "alice")))


def group(workspace: str | None) -> ScopeKey:
    return ScopeKey("subject", (*base(workspace), ("subject_type", "group"), ("subject_id", "g1")))


def chat(workspace: str | None) -> ScopeKey:
    return ScopeKey(
        "conversation",
        (*base(workspace), ("conversation_id", "person_alice"), ("thread_id", None)),
    )


QUERY_ALICE = ScopeKey("actor", (("runner_id", "r"), ("bot_uuid", "b1"), ("sender_id", "alice")))
OF_NOBODY = (alice(None), QUERY_ALICE)
KEYS = (alice, group, chat)


def ref(key: ScopeKey) -> dict[str, Any]:
    return {"scope": key.scope, "parts": dict(key.parts)}


async def names(workspace: str | None) -> dict[str, str]:
    return {"b1": f"Helpdesk of {workspace}"}


@pytest_asyncio.fixture(params=["sqlite", "memory"])
async def inspector(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Inspector]:
    file = f"sqlite:///{tmp_path}/state.db"
    url = file if request.param == "sqlite" else "memory://"
    async with StateStore.open(url) as store:
        for workspace in WORKSPACES:
            for key in KEYS:
                await store.apply(key(workspace), "word", f"needle {workspace}")
        for nobodys in OF_NOBODY:
            await store.apply(nobodys, "word", "needle of nobody")
        inspector = Inspector(store, names, url=url)
        yield inspector
        await inspector.close()


@pytest.fixture
def store(inspector: Inspector) -> StateStore:
    return inspector._store


async def found(inspector: Inspector, workspace: str | None, **request: Any) -> set[str | None]:
    """Return the workspaces of what a search finds; each of their scopes must be there."""
    answer = await inspector.handle("/find", request, workspace)
    return {scope["parts"].get("workspace_id") for scope in answer["scopes"]}


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"scope": "actor"},
        {"runner": "r"},
        {"bot": "b1"},
        {"text": "alice"},
        {"text": "needle", "inside": True},
        {"text": "needle", "inside": True, "bot": "b1"},
        {"whose": "person", "id": "alice"},
        {"whose": "person", "id": "alice", "text": "needle", "inside": True},
    ],
)
async def test_find(inspector: Inspector, request_: dict[str, Any]) -> None:
    for workspace in WORKSPACES:
        assert await found(inspector, workspace, **request_) == {workspace}
    assert await found(inspector, "w3", **request_) == set()
    assert await found(inspector, None, **request_) == {*WORKSPACES, None}


async def test_find_looks_into_nothing_of_others(inspector: Inspector) -> None:
    request = {"text": "needle of nobody", "inside": True}
    answer = await inspector.handle("/find", request, OURS)
    assert (answer["scopes"], answer["looked_into"]) == ([], len(KEYS))


@pytest.mark.parametrize(("whose", "name"), [("group", "g1"), ("conversation", "person_alice")])
async def test_find_a_group_or_a_conversation(inspector: Inspector, whose: str, name: str) -> None:
    assert await found(inspector, OURS, whose=whose, id=name) == {OURS}
    assert await found(inspector, None, whose=whose, id=name) == set(WORKSPACES)


async def test_overview(inspector: Inspector) -> None:
    for workspace in WORKSPACES:
        answer = await inspector.handle("/overview", {}, workspace)
        assert (answer["scopes"], answer["entries"], answer["bots"]) == (3, 3, {"b1": 3})
        parts = [one["scope"]["parts"]["workspace_id"] for one in answer["newest"]]
        assert parts == [workspace] * 3
        assert answer["bot_names"] == {"b1": f"Helpdesk of {workspace}"}
    assert (await inspector.handle("/overview", {}, "w3"))["entries"] == 0
    assert (await inspector.handle("/overview", {}))["entries"] == 8


async def test_an_overview_follows_the_writes_of_its_own_workspace(inspector: Inspector) -> None:
    for workspace in WORKSPACES:
        await inspector.handle("/overview", {}, workspace)
    await inspector.handle("/clear", {"scope": ref(alice(OURS))}, OURS)
    assert (await inspector.handle("/overview", {}, OURS))["entries"] == 2
    assert (await inspector.handle("/overview", {}, THEIRS))["entries"] == 3


Body = Callable[[ScopeKey], dict[str, Any]]

READS: list[tuple[str, Body]] = [
    ("/entries", lambda key: {"scope": ref(key)}),
    ("/entry", lambda key: {"scope": ref(key), "key": "word", "reveal": True}),
    ("/export", lambda key: {"scope": ref(key)}),
]
WRITES: list[tuple[str, Body]] = [
    ("/save", lambda key: {"scope": ref(key), "key": "word", "text": "1", "version": 1}),
    ("/delete", lambda key: {"scope": ref(key), "key": "word", "version": 1}),
    ("/clear", lambda key: {"scope": ref(key)}),
]


@pytest.mark.parametrize(("endpoint", "body"), [*READS, *WRITES])
async def test_an_endpoint_on_a_scope_knows_none_of_another_workspace(
    inspector: Inspector, store: StateStore, endpoint: str, body: Body
) -> None:
    for key in (*(make(THEIRS) for make in KEYS), *OF_NOBODY):
        before = await store.backend.entries(key)
        answer = await inspector.handle(endpoint, body(key), OURS)
        assert answer["error"]["code"] == ("refused" if endpoint == "/save" else "gone")
        assert "needle" not in str(answer)
        assert await store.backend.entries(key) == before
    for key, workspace in ((alice(OURS), OURS), (alice(THEIRS), THEIRS), (QUERY_ALICE, None)):
        assert "error" not in await inspector.handle(endpoint, body(key), workspace)


async def test_save_makes_no_scope_for_another_workspace(
    inspector: Inspector, store: StateStore
) -> None:
    new = ScopeKey("actor", (*base(THEIRS), ("actor_type", "user"), ("actor_id", "new")))
    save = {"scope": ref(new), "key": "k", "text": "1", "version": 0}
    assert (await inspector.handle("/save", save, OURS))["error"]["code"] == "refused"
    assert await store.backend.load([new]) == [{}]
    assert "error" not in await inspector.handle("/save", save, THEIRS)


async def test_person_and_erase(inspector: Inspector, store: StateStore) -> None:
    for request in ({"id": "alice"}, {"id": "alice", "bot": "b1"}):
        preview = await inspector.handle("/person", request, OURS)
        assert [s["parts"]["workspace_id"] for s in preview["scopes"]] == [OURS, OURS]
        assert await inspector.handle("/person", request, "w3") == {"scopes": [], "entries": 0}
    assert await inspector.handle("/erase", {"id": "alice"}, "w3") == {"deleted": 0}
    assert await inspector.handle("/erase", {"id": "alice"}, OURS) == {"deleted": 2}
    left = await store.backend.load([alice(OURS), chat(OURS), group(OURS)])
    assert [len(entries) for entries in left] == [0, 0, 1]
    kept = await store.backend.load([alice(THEIRS), chat(THEIRS), group(THEIRS), *OF_NOBODY])
    assert [len(entries) for entries in kept] == [1] * 5
    assert await inspector.handle("/erase", {"id": "alice"}) == {"deleted": 4}


async def test_every_endpoint_is_tried_here(inspector: Inspector) -> None:
    tried = {endpoint for endpoint, _ in (*READS, *WRITES)}
    assert inspector.endpoints.keys() - tried == {"/find", "/overview", "/person", "/erase"}
