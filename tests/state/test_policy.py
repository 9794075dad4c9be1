"""What a binding allows, and older names of keys."""

from __future__ import annotations

import pytest

from langbot_state_ext import LEGACY_KEY_MAPPING
from langbot_state_ext.state.policy import canonical_key, scope_refusal
from langbot_state_ext.testing import SimplePolicy


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


def test_an_older_key_means_the_newer_one() -> None:
    assert LEGACY_KEY_MAPPING == {"conversation_id": "external.conversation_id"}
    assert canonical_key("conversation_id") == "external.conversation_id"
    assert canonical_key("memory.turns") == "memory.turns"
