"""Rules that tie `external.conversation_id` to `conversation.uuid`. Pure functions.

The external id is a value in the state and never part of a key. LangBot keys its transcripts, run
ledger and history by an id that it derives from `conversation.uuid`; a uuid that we set must not
become that id, or all of these would split at that moment.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .policy import EXTERNAL_ID_KEY


class Synced(NamedTuple):
    """What the extension did to a conversation's uuid.

    Attributes:
        uuids: Every uuid that it ever set; a message under way may still carry an earlier one.
        before: The uuid that the conversation had of its own.
    """

    uuids: frozenset[str]
    before: str | None

    @classmethod
    def after(cls, synced: Synced | None, current: str | None, uuid: str | None) -> Synced:
        """Note that the uuid `current` was replaced by `uuid`."""
        uuids = synced.uuids if synced else frozenset()
        before = synced.before if synced else None
        if current not in uuids:
            before = current
        return cls(uuids | {uuid} if uuid else uuids, before)


def is_external_id(scope: str, key: str) -> bool:
    """Return whether an update names the conversation on the far side."""
    return scope == "conversation" and key == EXTERNAL_ID_KEY


def uuid_after(value: Any, current: str | None) -> str | None:
    """Say which uuid a conversation has after its external id became `value`.

    Args:
        value: The accepted value, any JSON.
        current: The uuid it has now.

    Returns:
        The value when it is a non-empty string, None when it is null, else `current`.
    """
    if value is None:
        return None
    return value if isinstance(value, str) and value else current


def stable_conversation_id(
    derived: str | None, synced: Synced | None, launcher: str | None
) -> str | None:
    """Say by which id LangBot shall know a conversation whose uuid may be ours.

    Args:
        derived: The id that LangBot derived, from the uuid when there is one.
        synced: What the extension did to the uuid; None when it did nothing.
        launcher: The id that LangBot uses for a conversation without a uuid, `person_alice`.

    Returns:
        The id it would have had without the extension.

    Source:
        LangBot 4.11.2, langbot/pkg/agent/runner/query_entry_adapter.py,
        _build_conversation_context.
    """
    if synced is None or derived not in synced.uuids:
        return derived
    return synced.before or launcher
