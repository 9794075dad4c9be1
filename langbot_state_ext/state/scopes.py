"""Whose state it is: the four scopes, and the identity that a Query or an event gives each.

Pure functions over plain attributes: `protocols` says which. LangBot's own objects have them, and
so have the SDK's and the simple ones of `langbot_state_ext.testing`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args

from pydantic_core import to_json

from ..errors import ScopeError
from .protocols import BindingLike, BindingScopeLike, EventLike, HasId, QueryLike

Scope = Literal["conversation", "actor", "subject", "runner"]
"""The four scopes of state."""

VALID_STATE_SCOPES: tuple[Scope, ...] = get_args(Scope)
"""The names of the four scopes, in the order in which LangBot gives them."""

ConversationIdentity = Literal["create_time", "launcher"]
"""What tells one conversation of a Query from the next: its creation, or the launcher alone."""

Snapshot = dict[str, dict[str, Any]]
"""State by scope and key; always has the four scopes."""

KEY_VERSION = 1

INVALID_SCOPE = f"invalid scope: valid are {', '.join(VALID_STATE_SCOPES)}"

Parts = tuple[tuple[str, str | None], ...]

_EVENT = ("runner_id", "binding_identity", "bot_id", "workspace_id")

EVENT_PARTS: dict[Scope, tuple[str, ...]] = {
    "conversation": (*_EVENT, "conversation_id", "thread_id"),
    "actor": (*_EVENT, "actor_type", "actor_id"),
    "subject": (*_EVENT, "subject_type", "subject_id"),
    "runner": _EVENT,
}
"""The parts of a key that an event gives, by scope; named like the columns of LangBot's table."""

_EVENT_NAMES = tuple(dict.fromkeys(name for parts in EVENT_PARTS.values() for name in parts))

_REQUIRED_EVENT_PART: dict[str, str] = {
    "conversation": "conversation_id",
    "actor": "actor_id",
    "subject": "subject_id",
}
"""The part without which an event has no key in a scope."""

_LAUNCHER = ("launcher_type", "launcher_id")

QUERY_PARTS: dict[Scope, tuple[str, ...]] = {
    "conversation": ("runner_id", "bot_uuid", "pipeline_uuid", *_LAUNCHER, "conversation"),
    "actor": ("runner_id", "bot_uuid", "sender_id"),
    "subject": ("runner_id", "bot_uuid", *_LAUNCHER),
    "runner": ("runner_id", "pipeline_uuid"),
}
"""The parts of a key that a Query gives, by scope."""

LauncherType = Literal["person", "group"]
"""The kinds of chat: a private one and a group."""

LAUNCHER_TYPES: tuple[LauncherType, ...] = get_args(LauncherType)


@dataclass(frozen=True, eq=False)
class ScopeKey:
    """Whose state: a scope and the named parts of its identity.

    Two keys are the same exactly when scope and parts are; the order of the parts does not matter.

    Attributes:
        scope: The scope.
        parts: Name and value of each part; None for a part that is absent.
    """

    scope: Scope
    parts: Parts

    @cached_property
    def storage(self) -> str:
        """The form under which a backend keeps it: `{scope}:v1:{sha256 of canonical JSON}`.

        Hashed, so that no separator inside an id can make two identities meet; 76 to 82 ASCII
        characters, the same in every process and version.
        """
        parts = dict(sorted(self.parts))
        canonical = to_json({"version": KEY_VERSION, "scope": self.scope, "parts": parts})
        return f"{self.scope}:v{KEY_VERSION}:{hashlib.sha256(canonical).hexdigest()}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScopeKey) and self.storage == other.storage

    def __hash__(self) -> int:
        return hash(self.storage)

    def part(self, name: str) -> str | None:
        """Return one part of the identity; None when it is absent or not a part of this scope."""
        return dict(self.parts).get(name)


def empty_snapshot() -> Snapshot:
    """Return a snapshot without state."""
    return {scope: {} for scope in VALID_STATE_SCOPES}


def key_from_query(
    scope: str,
    query: QueryLike,
    descriptor: HasId,
    *,
    identity: ConversationIdentity = "create_time",
) -> ScopeKey:
    """Return the key of one scope of a Query.

    A launcher that the Query lacks is an absent part of the key: Queries without one share their
    conversation and subject with each other, and with no Query that has one.

    Args:
        scope: One of `VALID_STATE_SCOPES`.
        query: The query.
        descriptor: The runner.
        identity: What tells one conversation from the next. `create_time` falls back to
            `launcher` for a conversation that has none. Default `create_time`.

    Returns:
        The key.

    Raises:
        ScopeError: The scope is unknown, or an id is not valid Unicode text.
    """
    holder: Any = query.session or query
    values = {
        "runner_id": descriptor.id,
        "bot_uuid": _id(query.bot_uuid) or "unknown_bot",
        "pipeline_uuid": _id(query.pipeline_uuid) or "unknown_pipeline",
        "sender_id": _id(query.sender_id) or "unknown_sender",
        "launcher_type": _id(getattr(holder, "launcher_type", None)),
        "launcher_id": _id(getattr(holder, "launcher_id", None)),
        "conversation": _created(query) if identity == "create_time" else None,
    }
    return _key(scope, QUERY_PARTS, values)


def key_from_event(
    scope: str, event: EventLike, binding: BindingLike, descriptor: HasId
) -> ScopeKey | None:
    """Return the key of one scope of an event under its binding.

    Args:
        scope: One of `VALID_STATE_SCOPES`.
        event: The event.
        binding: What ties the event to the runner.
        descriptor: The runner.

    Returns:
        The key; None when the event lacks the identity that the scope needs.

    Raises:
        ScopeError: The scope is unknown, or an id is not valid Unicode text.

    Source:
        LangBot 4.11.2, langbot/pkg/agent/runner/state_scope.py, build_state_scope_key; the key of
        a message subject is ours, see `subject_identity`.
    """
    return keys_from_event((scope,), event, binding, descriptor)[0]


def keys_from_event(
    scopes: Iterable[str], event: EventLike, binding: BindingLike, descriptor: HasId
) -> list[ScopeKey | None]:
    """Return the keys of several scopes of an event, each as `key_from_event` does."""
    values = _event_values(event, binding, descriptor)
    return [_event_key(scope, values) for scope in scopes]


def conversation_id_of(launcher_type: str, launcher_id: str) -> str:
    """Return LangBot's id of a chat's conversation: `person_alice`, `group_g1`."""
    return f"{launcher_type}_{launcher_id}"


def launcher_of(conversation_id: str | None) -> tuple[LauncherType, str] | None:
    """Return the chat that a conversation id names: `("person", "alice")` for `person_alice`.

    Returns:
        Launcher type and launcher id; None when the id does not come from a launcher.
    """
    kind, _, launcher_id = (conversation_id or "").partition("_")
    launcher_type = next((each for each in LAUNCHER_TYPES if each == kind), None)
    return (launcher_type, launcher_id) if launcher_type and launcher_id else None


def conversation_id_of_session(session_id: str) -> str:
    """Return the conversation id of a session of LangBot 4.11.0, `person_alice` for `PERSON_alice`.

    Returns:
        The id; the session id itself when it does not come from a launcher.
    """
    kind, mark, launcher_id = session_id.partition("_")
    is_launcher = mark and kind in {each.upper() for each in LAUNCHER_TYPES}
    return conversation_id_of(kind.lower(), launcher_id) if is_launcher else session_id


def binding_identity(binding: BindingLike) -> str:
    """Return what tells one binding from another.

    Returns:
        `binding_id`, else `scope_type:scope_id`, else `unknown_binding`.
    """
    binding_id = _id(binding.binding_id)
    if binding_id:
        return binding_id
    scope: BindingScopeLike | None = binding.scope
    if scope is not None and scope.scope_type and scope.scope_id:
        return f"{scope.scope_type}:{scope.scope_id}"
    return "unknown_binding"


def subject_identity(
    subject_type: str | None,
    subject_id: object,
    data: Mapping[str, Any] | None,
    conversation_id: str | None,
) -> tuple[str, str] | None:
    """Return type and id of what an event is about.

    LangBot's pipelines give the single message, by a number that restarts with each process. Such
    a subject means the group or private chat that the message is in.

    Args:
        subject_type: The event's subject type; `unknown` when absent.
        subject_id: The event's subject id.
        data: The subject's data, `launcher_type` and `launcher_id` in it.
        conversation_id: The event's conversation.

    Returns:
        Type and id, `("group", "g1")`; None when there is no id at all.

    Source:
        LangBot 4.11.2, langbot/pkg/agent/runner/query_entry_adapter.py, _build_subject_context.
    """
    subject = _id(subject_id)
    if subject_type != "message":
        return (subject_type or "unknown", subject) if subject else None
    launcher_type, launcher_id = (_id((data or {}).get(name)) for name in _LAUNCHER)
    if launcher_type and launcher_id:
        return launcher_type, launcher_id
    conversation = _id(conversation_id)
    if conversation:
        return "conversation", conversation
    return ("message", subject) if subject else None


def _event_values(
    event: EventLike, binding: BindingLike, descriptor: HasId
) -> tuple[str | None, ...]:
    """Return the values of `_EVENT_NAMES`, in their order."""
    actor, subject = event.actor, event.subject
    conversation_id = _id(event.conversation_id)
    subject_type, subject_id = (
        subject
        and subject_identity(
            subject.subject_type,
            subject.subject_id,
            getattr(subject, "data", None),
            conversation_id,
        )
    ) or (None, None)
    return (
        descriptor.id,
        binding_identity(binding),
        _id(event.bot_id),
        _id(event.workspace_id),
        conversation_id,
        _id(event.thread_id),
        (actor and actor.actor_type) or "user",
        _id(actor.actor_id) if actor else None,
        subject_type,
        subject_id,
    )


@lru_cache(maxsize=8192)
def _event_key(scope: str, values: tuple[str | None, ...]) -> ScopeKey | None:
    named = dict(zip(_EVENT_NAMES, values, strict=True))
    required = _REQUIRED_EVENT_PART.get(scope)
    return _key(scope, EVENT_PARTS, named) if required is None or named[required] else None


def _created(query: QueryLike) -> str | None:
    conversation = getattr(query.session, "using_conversation", None)
    return _id(getattr(conversation, "create_time", None))


def _id(value: object) -> str | None:
    """Return an id as text: `1` and `"1"` are one identity; None and empty text are none."""
    if type(value) is str:
        return value or None
    if isinstance(value, Enum):
        value = value.value
    return None if value is None or value == "" else str(value)


def _key(
    scope: str, parts: Mapping[Scope, tuple[str, ...]], values: Mapping[str, str | None]
) -> ScopeKey:
    if scope not in VALID_STATE_SCOPES:
        raise ScopeError(INVALID_SCOPE)
    return _checked(scope, tuple([(name, values[name]) for name in parts[scope]]))


@lru_cache(maxsize=8192)
def _checked(scope: Scope, parts: Parts) -> ScopeKey:
    key = ScopeKey(scope, parts)
    try:
        key.storage  # noqa: B018 - find an id that is not Unicode here, not in a backend
    except ValueError:
        raise ScopeError(f"an id of the {scope} has a lone surrogate, not valid Unicode") from None
    return key
