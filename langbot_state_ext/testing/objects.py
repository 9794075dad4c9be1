"""Simple objects in place of LangBot's own: a Query, an event, a binding, a descriptor.

They have the attributes that the store reads. The defaults make one person in a private chat.
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
        uuid: The id of the conversation, which the external id sets.
        create_time: When it began; any value that `str` converts to text.
    """

    uuid: str | None = None
    create_time: Any = None


@dataclass
class SimpleSession:
    """A session.

    Attributes:
        launcher_type: `person` or `group`.
        launcher_id: The person or the group.
        using_conversation: The current conversation; None before the first message.
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
        sender_id: The person who sent the message.
        session: The session of the message.
    """

    bot_uuid: str | None = "bot-1"
    pipeline_uuid: str | None = "pipeline-1"
    sender_id: int | str | None = "alice"
    session: SimpleSession | None = field(default_factory=SimpleSession)


@dataclass
class SimpleActor:
    """The actor of an event.

    Attributes:
        actor_id: The person.
        actor_type: The type of actor; `user` when absent.
    """

    actor_id: str | None = "alice"
    actor_type: str | None = "user"


@dataclass
class SimpleSubject:
    """The subject of an event, such as a group.

    Attributes:
        subject_id: Its id.
        subject_type: Its type.
        data: More about it.
    """

    subject_id: str | None = "alice"
    subject_type: str | None = "person"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class SimpleEvent:
    """An event.

    Attributes:
        conversation_id: The conversation.
        thread_id: The thread in the conversation.
        actor: The actor.
        subject: The subject.
        bot_id: The bot.
        workspace_id: The workspace.
    """

    conversation_id: str | None = "person_alice"
    thread_id: str | None = None
    actor: SimpleActor | None = field(default_factory=SimpleActor)
    subject: SimpleSubject | None = field(default_factory=SimpleSubject)
    bot_id: str | None = "bot-1"
    workspace_id: str | None = None


@dataclass
class SimplePolicy:
    """The state policy of a binding.

    Attributes:
        enable_state: Whether the binding keeps state.
        state_scopes: The scopes that are enabled.
    """

    enable_state: bool = True
    state_scopes: Sequence[str] = VALID_STATE_SCOPES


@dataclass
class SimpleBindingScope:
    """The scope of a binding without an id.

    Attributes:
        scope_type: `agent`, `bot`, `workspace` or `global`.
        scope_id: The id of the agent, bot or workspace.
    """

    scope_type: str = "agent"
    scope_id: str | None = None


@dataclass
class SimpleBinding:
    """A binding, which ties events to a runner.

    Attributes:
        binding_id: Its id.
        scope: Its scope, which identifies it when it has no id.
        state_policy: Its state policy.
    """

    binding_id: str | None = "binding-1"
    scope: SimpleBindingScope | None = None
    state_policy: SimplePolicy = field(default_factory=SimplePolicy)
