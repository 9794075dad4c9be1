"""Whose a scope is: the filters for somebody's scopes, and whom a scope names. Pure functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal, TypedDict

from ..backends import ScopeFilter
from ..state.policy import BOOKKEEPING_RUNNER
from ..state.scopes import (
    EVENT_PARTS,
    LAUNCHER_TYPES,
    QUERY_PARTS,
    LauncherType,
    ScopeKey,
    conversation_id_of,
    launcher_of,
)

BOOKKEEPING = ScopeFilter(parts={"runner_id": BOOKKEEPING_RUNNER})
"""The extension's own bookkeeping, which people are never shown."""

WORKSPACE = "workspace_id"
"""The part of a key that says which workspace of LangBot it belongs to."""

OwnerKind = Literal["person", "group", "conversation"]

Owner = TypedDict("Owner", {"kind": str, "id": str | None, "in": str | None})
"""Whose a scope is: see `whose`."""

QUERY_ONLY = frozenset({"bot_uuid", "sender_id", "launcher_type", "launcher_id"})
"""The parts that filters name and only the keys of Queries have."""

NAMES = ("actor_id", "sender_id", "subject_id", "launcher_id", "conversation_id", "thread_id")
"""The parts of a key that name a person or a chat; the others are LangBot's own ids."""


def is_in_workspace(key: ScopeKey, workspace: str | None) -> bool:
    """Return whether a workspace sees a scope; None is a LangBot that has just one, and sees all.

    No workspace sees a key without one, such as a Query's.
    """
    return workspace is None or key.part(WORKSPACE) == workspace


def has_known_shape(key: ScopeKey) -> bool:
    """Return whether a key has a runner, and exactly the parts that runs give such a key."""
    names = {name for name, _ in key.parts}
    shapes = (EVENT_PARTS[key.scope], QUERY_PARTS[key.scope])
    return key.part("runner_id") is not None and any(names == set(shape) for shape in shapes)


def is_named(key: ScopeKey, text: str) -> bool:
    """Return whether a casefolded text occurs in an id of the person or chat of a scope."""
    return any(text in (value or "").casefold() for name, value in key.parts if name in NAMES)


def whose(key: ScopeKey) -> Owner:
    """Return whose a scope is.

    Returns:
        `kind` is `person`, `group`, `conversation`, `subject` or `runner`. `id` is that person's or
        thing's; None for the runner, and where the key lacks it. `in` is the conversation id where
        the key has one. `filters_for(kind, id)` finds the scope of a person, a group or a
        conversation again.
    """
    if key.scope == "runner":
        return {"kind": "runner", "id": None, "in": None}
    if key.scope == "actor":
        return {"kind": "person", "id": key.part("actor_id") or key.part("sender_id"), "in": None}
    kind = key.part("subject_type") or key.part("launcher_type")
    name = key.part("subject_id") or key.part("launcher_id")
    if key.scope == "conversation":
        launcher = conversation_id_of(kind, name) if kind and name else None
        return _owner_of_conversation(key.part("conversation_id") or launcher)
    if kind == "conversation":
        return _owner_of_conversation(name)
    return {"kind": kind if kind in LAUNCHER_TYPES else "subject", "id": name, "in": None}


def _owner_of_conversation(conversation_id: str | None) -> Owner:
    kind, name = launcher_of(conversation_id) or ("conversation", conversation_id)
    return {"kind": kind, "id": name, "in": conversation_id}


def filters_for_bot(bot: str | None, *, workspace: str | None = None) -> list[ScopeFilter]:
    """Return the filters for a bot's scopes, or for all; no scope matches two of them."""
    if bot is None:
        return _within(workspace, [ScopeFilter()])
    return _within(workspace, [ScopeFilter(parts={part: bot}) for part in ("bot_id", "bot_uuid")])


def filters_for(
    whose: OwnerKind, name: str, *, bot: str | None = None, workspace: str | None = None
) -> list[ScopeFilter]:
    """Return the filters for every scope that belongs to somebody.

    Args:
        whose: What `name` names. To a person belong the actor scopes and the private chat; to a
            group the group and its conversation.
        name: The id.
        bot: The bot's uuid. Default: every bot.
        workspace: The workspace, see `is_in_workspace`. Default: all.

    Returns:
        The filters, for the keys of events and of Queries; no scope matches two of them.
    """
    if whose == "conversation":
        return _within(workspace, _filters_for_conversation(name, bot))
    actor = filters_for_actor(name, bot=bot, workspace=workspace) if whose == "person" else []
    return actor + filters_for_chat(whose, name, bot=bot, workspace=workspace)


def filters_for_actor(
    person: str, *, bot: str | None = None, workspace: str | None = None
) -> list[ScopeFilter]:
    """Return the filters for a person's actor scopes, in every chat."""
    filters = [
        ScopeFilter(parts={**_bot("bot_id", bot), "actor_id": person}),
        ScopeFilter(parts={**_bot("bot_uuid", bot), "sender_id": person}),
    ]
    return _within(workspace, filters)


def filters_for_chat(
    whose: LauncherType, name: str, *, bot: str | None = None, workspace: str | None = None
) -> list[ScopeFilter]:
    """Return the filters for a private chat or a group, and for the conversation there."""
    filters = [
        *_filters_for_conversation(conversation_id_of(whose, name), bot),
        ScopeFilter(parts={**_bot("bot_id", bot), "subject_type": whose, "subject_id": name}),
        ScopeFilter(parts={**_bot("bot_uuid", bot), "launcher_type": whose, "launcher_id": name}),
    ]
    return _within(workspace, filters)


def _filters_for_conversation(conversation_id: str, bot: str | None) -> list[ScopeFilter]:
    """Return the filters for a conversation, and for the messages whose launcher is not known."""
    messages = {"subject_type": "conversation", "subject_id": conversation_id}
    return [
        ScopeFilter(parts={**_bot("bot_id", bot), "conversation_id": conversation_id}),
        ScopeFilter(parts={**_bot("bot_id", bot), **messages}),
    ]


def _within(workspace: str | None, filters: Iterable[ScopeFilter]) -> list[ScopeFilter]:
    """Return the filters for what a workspace sees, without those that match no key of an event."""
    if workspace is None:
        return list(filters)
    return [
        dataclasses.replace(which, parts={**which.parts, WORKSPACE: workspace})
        for which in filters
        if QUERY_ONLY.isdisjoint(which.parts)
    ]


def _bot(part: str, bot: str | None) -> dict[str, str]:
    return {} if bot is None else {part: bot}
