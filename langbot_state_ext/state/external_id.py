"""The id that a service outside LangBot gave a conversation: a value in the state, never a key."""

from __future__ import annotations

from typing import Any

EXTERNAL_ID_KEY = "external.conversation_id"
"""The key under which a runner keeps the external id, in scope `conversation`."""


def is_external_id(scope: str, key: str) -> bool:
    """Return whether a scope and a key hold the external id of a conversation."""
    return scope == "conversation" and key == EXTERNAL_ID_KEY


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
