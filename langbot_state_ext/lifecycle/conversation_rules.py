"""The life of a conversation with an outside agent: when it goes on, and when a new one begins.

Pure functions over plain data. The id that the outside agent gave the conversation, the external
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
"""What a runner keeps under this prefix belongs to the conversation on the far side."""

LAST_ACTIVITY_KEY = "last_activity"
"""When a conversation's last message or answer came, in seconds since 1970, in a scope of ours."""

PATTERN = "re:"
"""What makes an entry of `forget_on` a regular expression."""


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
        """Note that the uuid `current` was replaced by `uuid`; nothing where these are the same."""
        if uuid == current:
            return synced or cls(frozenset(), None)
        uuids = synced.uuids if synced else frozenset()
        before = synced.before if synced else None
        if current is not None and current not in uuids:
            before = current
        return cls(uuids if uuid in {None, before} else uuids | {uuid}, before)


def uuid_on_resume(external_id: Any, current: str | None, synced: Synced | None) -> str | None:
    """Say which uuid a conversation has when its next message comes.

    Args:
        external_id: What the state has as external id; None when it has none.
        current: The uuid it has now; None in a session that LangBot has just made.
        synced: What the extension did to the uuid; None when it did nothing.

    Returns:
        `current` when it is LangBot's own. Else the external id when that is a non-empty string,
        the uuid that the conversation had before us when there is none, and `current` when it is
        anything else.
    """
    if current is not None and (synced is None or current not in synced.uuids):
        return current
    if external_id is None:
        return synced.before if synced else None
    return uuid_after(external_id, current)


def stable_conversation_id(
    derived: str | None, synced: Synced | None, variable: str | None, launcher: str | None
) -> str | None:
    """Say by which id LangBot shall know a conversation whose uuid may be ours.

    Args:
        derived: The id that LangBot derived, from the uuid when there is one.
        synced: What the extension did to the uuid; None when it did nothing.
        variable: The pipeline variable `conversation_id`, which a listener may have set.
        launcher: The id that LangBot uses for a conversation without a uuid, `person_alice`.

    Returns:
        The id it would have had without the extension.

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
    """Say whether a conversation has ended before its next message came.

    Args:
        now: The time, in seconds since 1970.
        last_activity: What the state has as time of the last message; anything but a number is
            no time.
        idle_s: For how many seconds this process has seen no message, by a clock that does not
            jump; None when it has seen none before.
        expire_after_s: The pipeline's `expire-time`; 0 and less for never.

    Returns:
        True when by both measures more time has passed; a clock that was set back ends nothing.

    Source:
        LangBot 4.11.2, langbot/pkg/pipeline/preproc/preproc.py, process: more than, and never for
        0 and less.
    """
    idle = [] if idle_s is None else [idle_s]
    if isinstance(last_activity, int | float):
        idle.append(now - last_activity)
    return expire_after_s > 0 and bool(idle) and min(idle) > expire_after_s


def is_dead(reason: str | None, forget_on: Sequence[str]) -> bool:
    """Say whether a run failed since the far side does not know the conversation any more.

    Args:
        reason: The words with which the run failed.
        forget_on: Texts that occur in such words, in any case, and patterns that begin with
            `re:`, searched for in them.
    """
    return any(_pattern(entry).search(reason or "") for entry in forget_on)


def fault_of_forget_on(entry: str) -> str | None:
    """Say what is wrong with an entry of `forget_on`; None when it is good."""
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
