"""What a binding allows, and older names of keys."""

from __future__ import annotations

from typing import Any

import pytest

from langbot_state_ext import LEGACY_KEY_MAPPING
from langbot_state_ext.state.policy import Refusal, canonical_key, locate, scope_refusal
from langbot_state_ext.testing import SimplePolicy
from langbot_state_ext.testing.contract import person


@pytest.mark.parametrize(
    ("scope", "policy", "reason"),
    [
        ("actor", SimplePolicy(), None),
        ("person", SimplePolicy(), "invalid scope: valid are conversation, actor, subject, runner"),
        ("person", SimplePolicy(enable_state=False), "invalid scope"),
        ("actor", SimplePolicy(enable_state=False), "state is disabled"),
        ("runner", SimplePolicy(state_scopes=["actor"]), "not enabled"),
    ],
)
def test_each_refusal_has_its_own_reason(
    scope: str, policy: SimplePolicy, reason: str | None
) -> None:
    found = scope_refusal(scope, policy)
    assert found is None if reason is None else reason in str(found)


@pytest.mark.parametrize("scope", ["person", ["actor"], None])
def test_a_scope_of_any_type_that_is_not_one_of_the_four_is_refused(scope: Any) -> None:
    located = locate(scope, {"actor": person("alice")}, SimplePolicy())
    assert isinstance(located, Refusal)
    assert "invalid scope" in located.reason


def test_a_policy_that_changes_during_a_run_holds_at_once() -> None:
    keys = {"actor": person("alice")}
    assert locate("actor", keys, SimplePolicy()) == person("alice")
    located = locate("actor", keys, SimplePolicy(state_scopes=[]))
    assert located == Refusal("the scope is not enabled by the binding's policy")


def test_an_older_key_means_the_newer_one() -> None:
    assert LEGACY_KEY_MAPPING == {"conversation_id": "external.conversation_id"}
    assert canonical_key("conversation_id") == "external.conversation_id"
    assert canonical_key("memory.turns") == "memory.turns"
