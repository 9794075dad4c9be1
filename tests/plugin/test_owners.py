"""Whose a scope is, and which scopes belong to somebody."""

from __future__ import annotations

from typing import cast

import pytest

from langbot_state_ext import (
    VALID_STATE_SCOPES,
    Change,
    Scope,
    ScopeKey,
    key_from_event,
    key_from_query,
)
from langbot_state_ext.backends.memory import MemoryBackend
from langbot_state_ext.plugin.owners import (
    OwnerKind,
    filters_for,
    filters_for_bot,
    has_known_shape,
    is_in_workspace,
    whose,
)
from langbot_state_ext.testing.objects import (
    SimpleBinding,
    SimpleDescriptor,
    SimpleEvent,
    SimpleQuery,
)


def key(scope: Scope, **parts: str | None) -> ScopeKey:
    return ScopeKey(scope, (("runner_id", "r"), *parts.items()))


@pytest.mark.parametrize("scope", VALID_STATE_SCOPES)
def test_a_key_of_a_run_has_a_known_shape(scope: str) -> None:
    descriptor = SimpleDescriptor()
    by_query = key_from_query(scope, SimpleQuery(), descriptor)
    by_event = key_from_event(scope, SimpleEvent(), SimpleBinding(), descriptor)
    for made in (by_query, by_event):
        assert made is not None
        assert has_known_shape(made)
        assert not has_known_shape(ScopeKey(made.scope, made.parts[1:]))
        assert not has_known_shape(ScopeKey(made.scope, (*made.parts, ("x", "y"))))


@pytest.mark.parametrize(
    ("scope", "parts", "expected"),
    [
        ("actor", {"actor_type": "user", "actor_id": "alice"}, ("person", "alice", None)),
        ("actor", {"sender_id": "alice"}, ("person", "alice", None)),
        ("actor", {}, ("person", None, None)),
        ("subject", {"subject_type": "person", "subject_id": "a"}, ("person", "a", None)),
        ("subject", {"subject_type": "group", "subject_id": "g1"}, ("group", "g1", None)),
        ("subject", {"launcher_type": "person", "launcher_id": "a"}, ("person", "a", None)),
        ("subject", {"launcher_type": "group", "launcher_id": "g1"}, ("group", "g1", None)),
        ("subject", {"subject_type": "room", "subject_id": "r"}, ("subject", "r", None)),
        ("subject", {"launcher_type": None, "launcher_id": None}, ("subject", None, None)),
        *(
            (scope, {**kind, name: conversation}, (*owner, conversation))
            for scope, kind, name in (
                ("subject", {"subject_type": "conversation"}, "subject_id"),
                ("conversation", {"thread_id": None}, "conversation_id"),
            )
            for conversation, owner in (
                ("person_alice", ("person", "alice")),
                ("group_g_1", ("group", "g_1")),
                ("channel_c", ("conversation", "channel_c")),
                ("person_", ("conversation", "person_")),
            )
        ),
        (
            "conversation",
            {"launcher_type": "person", "launcher_id": "a"},
            ("person", "a", "person_a"),
        ),
        ("conversation", {}, ("conversation", None, None)),
        ("runner", {"binding_identity": "b"}, ("runner", None, None)),
    ],
)
def test_a_scope_says_whose_it_is(
    scope: Scope, parts: dict[str, str | None], expected: tuple[str, str | None, str | None]
) -> None:
    kind, name, conversation = expected
    assert whose(key(scope, **parts)) == {"kind": kind, "id": name, "in": conversation}


def test_the_conversation_of_a_query_in_another_kind_of_chat_has_its_id() -> None:
    owner = whose(key("conversation", launcher_type="channel", launcher_id="c"))
    assert owner == {"kind": "conversation", "id": "channel_c", "in": "channel_c"}


@pytest.mark.parametrize(
    "owned",
    [
        key("actor", bot_id="b1", actor_id="alice"),
        key("actor", bot_uuid="b1", sender_id="alice"),
        key("subject", bot_id="b1", subject_type="person", subject_id="alice"),
        key("subject", bot_id="b1", subject_type="conversation", subject_id="group_g"),
        key("subject", bot_id="b1", subject_type="conversation", subject_id="other"),
        key("subject", bot_uuid="b1", launcher_type="group", launcher_id="g"),
        key("conversation", bot_id="b1", conversation_id="person_alice"),
        key("conversation", bot_id="b1", conversation_id="other"),
        key("conversation", bot_uuid="b1", launcher_type="person", launcher_id="alice"),
    ],
)
async def test_a_scope_is_found_by_whose_it_is(owned: ScopeKey) -> None:
    backend = MemoryBackend()
    await backend.commit([Change(owned, "k", b"1")])
    owner = whose(owned)
    kind, name = cast("OwnerKind", owner["kind"]), owner["id"] or ""
    for bot, count in ((None, 1), ("b1", 1), ("b2", 0)):
        pages = [await backend.scopes(f, None, 9) for f in filters_for(kind, name, bot=bot)]
        assert [stored.key for page in pages for stored in page.scopes] == [owned] * count


def in_workspace(workspace: str | None, **parts: str) -> ScopeKey:
    return key("actor", bot_id="b1", workspace_id=workspace, **parts)


async def test_a_workspace_sees_its_own_scopes_alone() -> None:
    backend = MemoryBackend()
    mine, other, nobodys = (in_workspace(name, actor_id="a") for name in ("w1", "w2", None))
    query = key("actor", bot_uuid="b1", sender_id="a")
    every = [mine, other, nobodys, query]
    await backend.commit([Change(each, "k", b"1") for each in every])
    for workspace, expected in (("w1", [mine]), ("w2", [other]), ("w3", []), (None, every)):
        assert [each for each in every if is_in_workspace(each, workspace)] == expected
        for filters in (
            filters_for("person", "a", workspace=workspace),
            filters_for("person", "a", bot="b1", workspace=workspace),
            filters_for_bot(None, workspace=workspace),
            filters_for_bot("b1", workspace=workspace),
        ):
            pages = [await backend.scopes(each, None, 9) for each in filters]
            found = [stored.key for page in pages for stored in page.scopes]
            assert sorted(found, key=str) == sorted(expected, key=str)
