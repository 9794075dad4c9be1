"""The life of a conversation with an external agent: when it continues, and when a new one begins.

Pure functions over plain data. The id that the external agent gave the conversation, the external
id, is a value in the state and never part of a key. LangBot keys its transcripts, run ledger and
history by an id that it derives from `conversation.uuid`; a uuid that we set must not become that
id, or all of these would split at that moment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..state.external_id import uuid_after

DEFAULT_FORGET_ON = (
    "Conversation Not Exists",
    "Invalid conversation",
    "Conversation not found",
)
"""How Dify, Coze, and Coze Studio say that they do not know a conversation.

A runner must pass the words on for anybody to see them. LangBot's own Dify runner does; its Coze
runner drops the body of an answer that is no stream, and reads `message` where Coze has `msg`.

Source:
    Dify, api/controllers/service_api/app/completion.py, ChatApi: `Conversation Not Exists.` with
    status 404, also for a conversation of another `user` (_get_conversation_by_user in
    api/core/app/apps/message_based_app_generator.py).
    Coze, https://www.coze.cn/open/docs/developer_guides/coze_error_codes: code 4002,
    `invalid conversation`.
    Coze Studio, backend/types/errno/conversation.go: code 103000002, `conversation not found`.
    langbot-app/langbot-plugins, Runner/dify-agent/pkg/dify_client.py, chat_messages;
    Runner/coze-agent/pkg/coze_client.py, chat_messages, and components/runner/default.py, run.
"""

EXTERNAL_PREFIX = "external."
"""Keys with this prefix belong to the conversation with the external agent."""

LAST_ACTIVITY_KEY = "last_activity"
"""The key of the time of the last message or answer, in seconds since 1970."""

PATTERN = "re:"
"""The prefix of an entry of `forget_on` that is a regular expression."""


class Synced(NamedTuple):
    """How the extension has changed the uuid of a conversation.

    Attributes:
        uuids: Every uuid that it has set; a message under way may still carry an earlier one.
        before: The uuid that the conversation had before.
    """

    uuids: frozenset[str]
    before: str | None

    @classmethod
    def after(cls, synced: Synced | None, current: str | None, uuid: str | None) -> Synced:
        """Return the record after the uuid `current` was replaced by `uuid`."""
        if uuid == current:
            return synced or cls(frozenset(), None)
        uuids = synced.uuids if synced else frozenset()
        before = synced.before if synced else None
        if current is not None and current not in uuids:
            before = current
        return cls(uuids if uuid in {None, before} else uuids | {uuid}, before)


def uuid_on_resume(external_id: Any, current: str | None, synced: Synced | None) -> str | None:
    """Return the uuid of a conversation for its next message.

    Args:
        external_id: The stored external id; None for none.
        current: The uuid it has now; None in a new session.
        synced: How the extension has changed the uuid; None when it has not.

    Returns:
        `current` when the extension has not set it. Otherwise the external id when it is a
        non-empty string, the earlier uuid when there is none, `current` when it is anything else.
    """
    if current is not None and (synced is None or current not in synced.uuids):
        return current
    if external_id is None:
        return synced.before if synced else None
    return uuid_after(external_id, current)


def stable_conversation_id(
    derived: str | None, synced: Synced | None, variable: str | None, launcher: str | None
) -> str | None:
    """Return the id that LangBot would give a conversation without the extension.

    Args:
        derived: The id that LangBot derived, from the uuid when there is one.
        synced: How the extension has changed the uuid; None when it has not.
        variable: The pipeline variable `conversation_id`, which a listener may have set.
        launcher: The id that LangBot uses for a conversation without a uuid, `person_alice`.

    Source:
        LangBot 4.11.2, langbot/pkg/agent/runner/query_entry_adapter.py,
        _build_conversation_context.
    """
    if synced is None or derived not in synced.uuids:
        return derived
    if variable and variable not in synced.uuids:
        return synced.before or variable
    return synced.before or launcher


def is_expired(now: float, last_activity: Any, idle_s: float | None, expire_after_s: float) -> bool:
    """Return whether a conversation expired before its next message.

    Args:
        now: The time, in seconds since 1970.
        last_activity: The stored time of the last message; ignored when it is not a number.
        idle_s: For how many seconds this process has seen no message, by a clock that does not
            jump; None when it has seen none before.
        expire_after_s: The pipeline's `expire-time`; 0 and less for never.

    Returns:
        True when both measures exceed it, so that a clock that was set back expires nothing.

    Source:
        LangBot 4.11.2, langbot/pkg/pipeline/preproc/preproc.py, process: more than, and never for
        0 and less.
    """
    idle = [] if idle_s is None else [idle_s]
    if isinstance(last_activity, int | float):
        idle.append(now - last_activity)
    return expire_after_s > 0 and bool(idle) and min(idle) > expire_after_s


def is_dead(reason: str | None, forget_on: Sequence[str]) -> bool:
    """Return whether a run failed because the external agent has lost the conversation.

    Args:
        reason: The error of the run.
        forget_on: Texts to find in it, in any case, and patterns that begin with `re:`.
    """
    return any(_pattern(entry).search(reason or "") for entry in forget_on)


def fault_of_forget_on(entry: str) -> str | None:
    """Return what is wrong with an entry of `forget_on`; None when it is good."""
    if not entry.removeprefix(PATTERN).strip():
        return "an empty text would match every failure"
    try:
        _pattern(entry)
    except re.error as error:
        return f"not a regular expression: {error}"
    return None


def _pattern(entry: str) -> re.Pattern[str]:
    if entry.startswith(PATTERN):
        return re.compile(entry.removeprefix(PATTERN), re.IGNORECASE)
    return re.compile(re.escape(entry), re.IGNORECASE)
