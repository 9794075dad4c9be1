"""The rules of a conversation's life, each by itself."""

from __future__ import annotations

from typing import Any

import pytest

from langbot_state_ext.lifecycle.conversation_rules import (
    DEFAULT_FORGET_ON,
    Synced,
    fault_of_forget_on,
    is_dead,
    is_expired,
    stable_conversation_id,
    uuid_on_resume,
)
from langbot_state_ext.state.external_id import uuid_after

OURS = Synced(frozenset({"ext-1", "ext-2"}), None)


@pytest.mark.parametrize(
    ("value", "current", "uuid"),
    [("x", None, "x"), ("x", "y", "x"), (None, "y", None), ("", "y", "y"), (7, "y", "y"),
     ({"a": 1}, None, None)],
)  # fmt: skip
def test_an_accepted_external_id_sets_the_uuid(value: Any, current: Any, uuid: Any) -> None:
    assert uuid_after(value, current) == uuid


@pytest.mark.parametrize(
    ("external_id", "current", "synced", "uuid"),
    [
        ("ext-1", None, None, "ext-1"),  # a session that LangBot has just made
        (None, None, None, None),
        (5, None, None, None),
        (5, "ext-1", OURS, "ext-1"),
        ("", None, None, None),
        ("ext-1", "langbots", None, "langbots"),
        ("ext-1", "langbots", OURS, "langbots"),
        ("ext-2", "ext-1", OURS, "ext-2"),  # changed elsewhere
        (None, "ext-1", OURS, None),  # expired, reset or forgotten
        (None, "ext-1", Synced(frozenset({"ext-1"}), "before"), "before"),
    ],
)
def test_the_uuid_follows_the_state(
    external_id: Any, current: Any, synced: Synced | None, uuid: Any
) -> None:
    assert uuid_on_resume(external_id, current, synced) == uuid


@pytest.mark.parametrize(
    ("derived", "synced", "variable", "stable"),
    [
        ("person_a", None, None, "person_a"),
        ("langbots", OURS, None, "langbots"),
        ("ext-1", OURS, "ext-1", "person_a"),
        ("ext-1", OURS, "ext-2", "person_a"),
        ("ext-1", OURS, "listeners", "listeners"),
        ("ext-1", Synced(frozenset({"ext-1"}), "before"), "listeners", "before"),
        (None, OURS, None, None),
    ],
)
def test_a_uuid_of_ours_never_becomes_the_key(
    derived: Any, synced: Synced | None, variable: Any, stable: Any
) -> None:
    assert stable_conversation_id(derived, synced, variable, "person_a") == stable


def test_what_was_synced_is_remembered() -> None:
    synced = Synced.after(None, "langbots", "ext-1")
    assert synced == Synced(frozenset({"ext-1"}), "langbots")
    synced = Synced.after(synced, "ext-1", None)
    assert synced == Synced(frozenset({"ext-1"}), "langbots")
    assert Synced.after(synced, None, "ext-2").uuids == {"ext-1", "ext-2"}


def test_a_uuid_that_stays_or_comes_back_is_whose_it_was() -> None:
    assert Synced.after(None, "langbots", "langbots") == Synced(frozenset(), None)
    assert Synced.after(OURS, "ext-1", "ext-1") == OURS
    synced = Synced(frozenset({"ext-1"}), "langbots")
    assert Synced.after(synced, "ext-1", "langbots") == synced


@pytest.mark.parametrize(
    ("last", "idle_s", "expire_after_s", "expired"),
    [
        (880.0, None, 100, True),
        (900.0, None, 100, False),  # not more than
        (880, None, 0, False),
        (880, None, -5, False),
        (None, None, 100, False),
        ("yesterday", None, 100, False),
        (None, 120.0, 100, True),
        (880.0, 5.0, 100, False),  # the clock was set forward
        (5000.0, None, 100, False),  # the clock was set back
        (5000.0, 120.0, 100, False),
        (999.0, 120.0, 100, False),  # another machine has seen a message
    ],
)
def test_when_a_conversation_has_expired(
    last: Any, idle_s: float | None, expire_after_s: float, expired: bool
) -> None:
    assert is_expired(1000.0, last, idle_s, expire_after_s) == expired


@pytest.mark.parametrize(
    ("reason", "dead"),
    [
        ('404 {"code":"not_found","message":"Conversation Not Exists.","status":404}', True),
        ('Coze error: {"code": 4002, "msg": "invalid conversation"}', True),
        ("Workflow operation failure: conversation not found", True),
        ("Conversation quota exceeded", False),
        ("Coze API returned no response", False),
        ("", False),
        (None, False),
    ],
)
def test_how_the_external_agent_says_that_a_conversation_is_gone(reason: Any, dead: bool) -> None:
    assert is_dead(reason, DEFAULT_FORGET_ON) == dead
    assert not is_dead(reason, [])


def test_a_pattern_is_searched_for_and_a_text_is_literal() -> None:
    assert is_dead("Session 17 has ended", ["re:session \\d+ has"])
    assert not is_dead("aXb", ["a.b"])
    assert is_dead("A.B", ["a.b"])


@pytest.mark.parametrize("entry", ["re:(", "re:", "", "  ", "re: "])
def test_an_entry_that_is_no_text_or_pattern_has_a_fault(entry: str) -> None:
    assert fault_of_forget_on(entry)
    assert fault_of_forget_on("re:a+") is None
