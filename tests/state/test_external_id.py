"""Which id of an event's conversation may be one of an external agent."""

from __future__ import annotations

from typing import Any

import pytest

from langbot_state_ext.state.external_id import given_conversation_id
from langbot_state_ext.testing import SimpleEvent, SimpleSubject

ALICE = {"launcher_type": "person", "launcher_id": "alice"}
UUID = "6f0a4a4e-7f0b-4f5e-9a55-1f2a3b4c5d6e"


@pytest.mark.parametrize(
    ("conversation_id", "kind", "data", "given"),
    [
        ("person_alice", "message", ALICE, None),
        ("group_g1", "message", {"launcher_type": "group", "launcher_id": "g1"}, None),
        ("person_7", "message", {"launcher_type": "person", "launcher_id": 7}, None),
        (UUID, "message", ALICE, UUID),
        ("person_bob", "message", ALICE, "person_bob"),
        (None, "message", ALICE, None),
        (UUID, "message", {}, None),
        ("group_g1", "group", {"group_name": "g1"}, None),
        (UUID, "interaction", {"action_id": "a"}, None),
    ],
)
def test_only_an_id_that_langbot_did_not_derive_counts(
    conversation_id: str | None, kind: str, data: dict[str, Any], given: str | None
) -> None:
    event = SimpleEvent(conversation_id, subject=SimpleSubject("1", kind, data))
    assert given_conversation_id(event) == given


def test_an_event_without_a_subject_has_none() -> None:
    assert given_conversation_id(SimpleEvent(UUID)) is None
