"""What the core needs of LangBot's objects, as types: descriptor, binding, event, query."""

from __future__ import annotations

from typing import Any, Protocol


class HasId(Protocol):
    """A runner descriptor."""

    @property
    def id(self) -> str:
        """The runner id, `plugin:author/name/runner`."""


class BindingScopeLike(Protocol):
    """What a binding without an id is bound to."""

    @property
    def scope_type(self) -> str:
        """`agent`, `bot`, `workspace` or `global`."""

    @property
    def scope_id(self) -> str | None:
        """The id of that thing."""


class BindingLike(Protocol):
    """What ties an event to a runner; LangBot's `AgentBinding` is one."""

    @property
    def binding_id(self) -> str | None:
        """The binding's own id."""

    @property
    def scope(self) -> Any:
        """A `BindingScopeLike`, used where there is no binding id."""

    @property
    def state_policy(self) -> Any:
        """A `StatePolicyLike`."""


class EventLike(Protocol):
    """An event; LangBot's `AgentEventEnvelope` is one."""

    @property
    def bot_id(self) -> str | None:
        """The bot's uuid."""

    @property
    def workspace_id(self) -> str | None:
        """The tenant."""

    @property
    def conversation_id(self) -> str | None:
        """The conversation, `person_alice`."""

    @property
    def thread_id(self) -> str | None:
        """The thread in it, where the platform has threads."""

    @property
    def actor(self) -> Any:
        """Who acted: `actor_type`, `actor_id`; or None."""

    @property
    def subject(self) -> Any:
        """What it is about: `subject_type`, `subject_id`, `data`; or None."""


class QueryLike(Protocol):
    """A pipeline query; LangBot's `Query` is one."""

    @property
    def bot_uuid(self) -> str | None:
        """The bot's uuid."""

    @property
    def pipeline_uuid(self) -> str | None:
        """The pipeline's uuid."""

    @property
    def sender_id(self) -> int | str | None:
        """Who sent the message."""

    @property
    def session(self) -> Any:
        """The session: `launcher_type`, `launcher_id`, `using_conversation`; or None."""
