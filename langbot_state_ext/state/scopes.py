"""Whose state it is: the four scopes, and an identity made from a Query or from an event.

Everything here is a pure function over plain attributes. LangBot's own objects, the SDK's and the
simple ones of `langbot_state_ext.testing` all fit `protocols`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, Literal, cast, get_args

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


@dataclass(frozen=True)
class ScopeKey:
    """Whose state: a scope and the named parts of its identity.

    Two keys are the same exactly when scope and parts are.

    Attributes:
        scope: The scope.
        parts: Name and value of each part, in a fixed order; None for a part that is absent.
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
) -> ScopeKey | None:
    """Name one scope of a Query.

    Args:
        scope: One of `VALID_STATE_SCOPES`.
        query: The query.
        descriptor: The runner.
        identity: What tells one conversation from the next. `create_time` falls back to
            `launcher` for a conversation that has none. Default `create_time`.

    Returns:
        The key; None when the query has no launcher and the scope needs one.

    Raises:
        ScopeError: The scope is unknown, or an id is not valid Unicode text.
    """
    runner: Parts = (("runner_id", descriptor.id),)
    pipeline = ("pipeline_uuid", _id(query.pipeline_uuid) or "unknown_pipeline")
    bot = ("bot_uuid", _id(query.bot_uuid) or "unknown_bot")
    if scope == "runner":
        return _key(scope, (*runner, pipeline))
    if scope == "actor":
        return _key(scope, (*runner, bot, ("sender_id", _id(query.sender_id) or "unknown_sender")))
    launcher = _launcher(query)
    if scope == "subject":
        return _key(scope, (*runner, bot, *launcher)) if launcher else None
    if scope != "conversation":
        raise ScopeError(INVALID_SCOPE)
    begun = ("conversation", _conversation_identity(query) if identity == "create_time" else None)
    return _key(scope, (*runner, bot, pipeline, *launcher, begun)) if launcher else None


def key_from_event(
    scope: str, event: EventLike, binding: BindingLike, descriptor: HasId
) -> ScopeKey | None:
    """Name one scope of an event under its binding.

    The parts have the names that LangBot's own key uses, so that either can be made of the other.

    Args:
        scope: One of `VALID_STATE_SCOPES`.
        event: The event.
        binding: What tied the event to the runner.
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
    """Name several scopes of an event, each as `key_from_event` does."""
    base: Parts = (
        ("runner_id", descriptor.id),
        ("binding_identity", binding_identity(binding)),
        ("bot_id", _id(event.bot_id)),
        ("workspace_id", _id(event.workspace_id)),
    )
    owns = [(scope, _event_identity(scope, event)) for scope in scopes]
    return [None if own is None else _key(scope, base + own) for scope, own in owns]


def binding_identity(binding: BindingLike) -> str:
    """Return what tells one binding from another.

    Returns:
        `binding_id`, else `scope_type:scope_id`, else `unknown_binding`.
    """
    own = _id(binding.binding_id)
    if own:
        return own
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
    """Name the thing that an event is about.

    LangBot's pipelines name the single message, by a number that begins again with each process.
    Such a subject means the group or private chat that the message is in.

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
    own = _id(subject_id)
    if subject_type != "message":
        return (subject_type or "unknown", own) if own else None
    launcher_type, launcher_id = (
        _id((data or {}).get(n)) for n in ("launcher_type", "launcher_id")
    )
    if launcher_type and launcher_id:
        return launcher_type, launcher_id
    conversation = _id(conversation_id)
    if conversation:
        return "conversation", conversation
    return ("message", own) if own else None


def _event_identity(scope: str, event: EventLike) -> Parts | None:
    if scope == "runner":
        return ()
    if scope == "conversation":
        conversation = _id(event.conversation_id)
        thread = ("thread_id", _id(event.thread_id))
        return (("conversation_id", conversation), thread) if conversation else None
    if scope == "actor":
        actor = event.actor
        actor_id = _id(actor.actor_id) if actor else None
        actor_type = ("actor_type", (actor and actor.actor_type) or "user")
        return (actor_type, ("actor_id", actor_id)) if actor_id else None
    if scope != "subject":
        raise ScopeError(INVALID_SCOPE)
    subject = event.subject
    named = subject and subject_identity(
        subject.subject_type,
        subject.subject_id,
        getattr(subject, "data", None),
        event.conversation_id,
    )
    return (("subject_type", named[0]), ("subject_id", named[1])) if named else None


def _launcher(query: QueryLike) -> Parts | None:
    holder: Any = query.session or query
    launcher_type = _id(getattr(holder, "launcher_type", None))
    launcher_id = _id(getattr(holder, "launcher_id", None))
    if not launcher_type or not launcher_id:
        return None
    return (("launcher_type", launcher_type), ("launcher_id", launcher_id))


def _conversation_identity(query: QueryLike) -> str | None:
    conversation = getattr(query.session, "using_conversation", None)
    return _id(getattr(conversation, "create_time", None))


def _id(value: object) -> str | None:
    """Return an id as text: `1` and `"1"` are one identity; None and empty text are none."""
    if type(value) is str:
        return value or None
    if isinstance(value, Enum):
        value = value.value
    return None if value is None or value == "" else str(value)


@lru_cache(maxsize=8192)
def _key(scope: str, parts: Parts) -> ScopeKey:
    key = ScopeKey(cast("Scope", scope), parts)
    try:
        key.storage  # noqa: B018 - an id that is not Unicode is found here, not in a backend
    except ValueError:
        raise ScopeError(f"an id of the {scope} has a lone surrogate, not valid Unicode") from None
    return key
