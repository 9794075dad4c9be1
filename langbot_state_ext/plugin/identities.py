"""What belongs to a person, a group or a conversation, as filters; pure functions."""

from __future__ import annotations

from typing import Literal

from ..backends import ScopeFilter
from ..policy import OWN_RUNNER
from ..scopes import ScopeKey

OWN = ScopeFilter(parts={"runner_id": OWN_RUNNER})
"""The extension's own bookkeeping, which nobody is shown."""

Whose = Literal["person", "group", "conversation"]


def is_own(key: ScopeKey) -> bool:
    """Return whether a scope is the extension's own bookkeeping."""
    return key.part("runner_id") == OWN_RUNNER


def belongings(whose: Whose, name: str, *, bot: str | None = None) -> list[ScopeFilter]:
    """Name every scope that belongs to somebody; no scope matches two of the filters.

    Args:
        whose: What `name` names. To a person belong the person's own state and that of the
            private chat; to a group that of the group and its conversation.
        name: The id.
        bot: The bot's uuid. Default: every bot.

    Returns:
        The filters, for scopes named by an event and by a Query.
    """
    if whose == "conversation":
        return [
            ScopeFilter(parts={**_bot("bot_id", bot), "conversation_id": name}),
            _about_conversation(name, bot),
        ]
    own = own_state(name, bot=bot) if whose == "person" else []
    return own + chat_state(whose, name, bot=bot)


def own_state(person: str, *, bot: str | None = None) -> list[ScopeFilter]:
    """Name the scopes that are a person's own, wherever the person speaks."""
    return [
        ScopeFilter(parts={**_bot("bot_id", bot), "actor_id": person}),
        ScopeFilter(parts={**_bot("bot_uuid", bot), "sender_id": person}),
    ]


def chat_state(
    whose: Literal["person", "group"], name: str, *, bot: str | None = None
) -> list[ScopeFilter]:
    """Name the scopes of a private chat or a group, and of the conversation there."""
    chat = f"{whose}_{name}"
    return [
        ScopeFilter(parts={**_bot("bot_id", bot), "conversation_id": chat}),
        _about_conversation(chat, bot),
        ScopeFilter(parts={**_bot("bot_id", bot), "subject_type": whose, "subject_id": name}),
        ScopeFilter(parts={**_bot("bot_uuid", bot), "launcher_type": whose, "launcher_id": name}),
    ]


def _about_conversation(conversation_id: str, bot: str | None) -> ScopeFilter:
    """Name the subject of a message whose launcher LangBot does not tell, as with its Agents."""
    parts = {"subject_type": "conversation", "subject_id": conversation_id}
    return ScopeFilter(parts={**_bot("bot_id", bot), **parts})


def _bot(part: str, bot: str | None) -> dict[str, str]:
    return {} if bot is None else {part: bot}
