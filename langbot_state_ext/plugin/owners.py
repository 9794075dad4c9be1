"""Whose a scope is: what belongs to somebody, as filters, and who is named; pure functions."""

from __future__ import annotations

from typing import Literal

from ..backends import ScopeFilter
from ..state.policy import BOOKKEEPING_RUNNER
from ..state.scopes import Scope, ScopeKey

BOOKKEEPING = ScopeFilter(parts={"runner_id": BOOKKEEPING_RUNNER})
"""The extension's own bookkeeping, which people are never shown."""

Whose = Literal["person", "group", "conversation"]

NAMES = (*("actor_id", "sender_id", "subject_id", "launcher_id", "conversation_id", "thread_id"),)
"""The parts of an identity that name somebody or a chat; the others are LangBot's own ids."""

_BY_EVENT = ("runner_id", "binding_identity", "bot_id", "workspace_id")
_BY_LAUNCHER = ("runner_id", "bot_uuid", "launcher_type", "launcher_id")

SHAPES: dict[Scope, tuple[frozenset[str], frozenset[str]]] = {
    "runner": (frozenset(_BY_EVENT), frozenset({"runner_id", "pipeline_uuid"})),
    "actor": (
        frozenset({*_BY_EVENT, "actor_type", "actor_id"}),
        frozenset({"runner_id", "bot_uuid", "sender_id"}),
    ),
    "subject": (
        frozenset({*_BY_EVENT, "subject_type", "subject_id"}),
        frozenset(_BY_LAUNCHER),
    ),
    "conversation": (
        frozenset({*_BY_EVENT, "conversation_id", "thread_id"}),
        frozenset({*_BY_LAUNCHER, "pipeline_uuid", "conversation"}),
    ),
}
"""The parts that a key of each scope has: named by an event, and by a Query."""


def is_whole(key: ScopeKey) -> bool:
    """Return whether a key has a runner, and just the parts that LangBot's runs give it."""
    names = frozenset(name for name, _ in key.parts)
    return names in SHAPES[key.scope] and key.part("runner_id") is not None


def has_name(key: ScopeKey, text: str) -> bool:
    """Return whether a text, casefolded, occurs in the id of whoever the scope is about."""
    return any(text in (value or "").casefold() for name, value in key.parts if name in NAMES)


def of_bot(bot: str | None) -> list[ScopeFilter]:
    """Name the scopes of a bot, or all of them; no scope matches two of the filters."""
    if bot is None:
        return [ScopeFilter()]
    return [ScopeFilter(parts={part: bot}) for part in ("bot_id", "bot_uuid")]


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
