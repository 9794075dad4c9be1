"""The id that a service outside LangBot gave a conversation: a value in the state, never a key."""

from __future__ import annotations

from typing import Any

from .protocols import EventLike
from .scopes import conversation_id_of, subject_identity

EXTERNAL_ID_KEY = "external.conversation_id"
"""The key under which a runner keeps the external id, in scope `conversation`."""


def is_external_id(scope: str, key: str) -> bool:
    """Return whether a scope and a key hold the external id of a conversation."""
    return scope == "conversation" and key == EXTERNAL_ID_KEY


def given_conversation_id(event: EventLike) -> str | None:
    """Return the id that a plugin gave an event's conversation in a pipeline.

    LangBot derives `person_alice` from the launcher where a conversation has no uuid. A runner may
    take any id for one of its external agent, so a derived one is none.

    Returns:
        The id; None for a derived one, and for an event without a launcher to compare it with.

    Source:
        LangBot 4.11.2, langbot/pkg/agent/runner/query_entry_adapter.py,
        _build_conversation_context; langbot/pkg/platform/botmgr.py derives the id of other events.
    """
    subject = event.subject
    if subject is None or subject.subject_type != "message":
        return None
    chat = subject_identity("message", subject.subject_id, subject.data, None)
    if chat is None or chat[0] == "message" or event.conversation_id == conversation_id_of(*chat):
        return None
    return event.conversation_id


def uuid_after(value: Any, current: str | None) -> str | None:
    """Return the uuid of a conversation after its external id became `value`.

    Args:
        value: The accepted value, any JSON.
        current: The uuid it has now.

    Returns:
        The value when it is a non-empty string, None when it is null, else `current`.
    """
    if value is None:
        return None
    return value if isinstance(value, str) and value else current
