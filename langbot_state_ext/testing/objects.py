"""Simple objects that stand in for LangBot's own: a Query, an event, a binding, a runner.

They have just the attributes that the store asks for, with defaults that make one person in one
private chat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..state.scopes import VALID_STATE_SCOPES


@dataclass
class SimpleDescriptor:
    """A runner.

    Attributes:
        id: The runner id.
    """

    id: str = "plugin:example/echo/default"


@dataclass
class SimpleConversation:
    """A conversation of a session.

    Attributes:
        uuid: What the conversation is called on the far side.
        create_time: When it began; anything that `str` makes text of.
    """

    uuid: str | None = None
    create_time: Any = None


@dataclass
class SimpleSession:
    """A session.

    Attributes:
        launcher_type: `person` or `group`.
        launcher_id: Who or which group.
        using_conversation: The conversation under way; None before the first message.
    """

    launcher_type: str = "person"
    launcher_id: int | str = "alice"
    using_conversation: SimpleConversation | None = field(default_factory=SimpleConversation)


@dataclass
class SimpleQuery:
    """A pipeline query.

    Attributes:
        bot_uuid: The bot.
        pipeline_uuid: The pipeline.
        sender_id: Who sent the message.
        session: The session that it belongs to.
    """

    bot_uuid: str | None = "bot-1"
    pipeline_uuid: str | None = "pipeline-1"
    sender_id: int | str | None = "alice"
    session: SimpleSession | None = field(default_factory=SimpleSession)


@dataclass
class SimpleActor:
    """Who acted.

    Attributes:
        actor_id: The person.
        actor_type: What kind of actor; `user` when absent.
    """

    actor_id: str | None = "alice"
    actor_type: str | None = "user"


@dataclass
class SimpleSubject:
    """What an event is about.

    Attributes:
        subject_id: The thing.
        subject_type: What kind of thing.
        data: What else is known of it.
    """

    subject_id: str | None = "alice"
    subject_type: str | None = "person"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class SimpleEvent:
    """An event.

    Attributes:
        conversation_id: The conversation.
        thread_id: The thread in it.
        actor: Who acted.
        subject: What it is about.
        bot_id: The bot.
        workspace_id: The tenant.
    """

    conversation_id: str | None = "person_alice"
    thread_id: str | None = None
    actor: SimpleActor | None = field(default_factory=SimpleActor)
    subject: SimpleSubject | None = field(default_factory=SimpleSubject)
    bot_id: str | None = "bot-1"
    workspace_id: str | None = None


@dataclass
class SimplePolicy:
    """What a binding allows.

    Attributes:
        enable_state: Whether the binding keeps state at all.
        state_scopes: The scopes that are enabled.
    """

    enable_state: bool = True
    state_scopes: Sequence[str] = VALID_STATE_SCOPES


@dataclass
class SimpleBindingScope:
    """What a binding without an id is bound to.

    Attributes:
        scope_type: `agent`, `bot`, `workspace` or `global`.
        scope_id: The id of that thing.
    """

    scope_type: str = "agent"
    scope_id: str | None = None


@dataclass
class SimpleBinding:
    """What ties an event to a runner.

    Attributes:
        binding_id: Its id.
        scope: What it is bound to, used where it has no id.
        state_policy: What it allows.
    """

    binding_id: str | None = "binding-1"
    scope: SimpleBindingScope | None = None
    state_policy: SimplePolicy = field(default_factory=SimplePolicy)
