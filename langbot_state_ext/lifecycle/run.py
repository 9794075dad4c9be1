"""A run of a runner: what it is, what it begins with, and what comes of its updates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..state.policy import StatePolicyLike
from ..state.protocols import BindingLike, EventLike, HasId
from ..state.scopes import ScopeKey, Snapshot
from ..store.undo import RunUndo

OnFailedRun = Literal["keep", "rollback"]
OnUnavailable = Literal["fail", "continue"]


@dataclass(frozen=True)
class Run:
    """One run of a runner.

    Attributes:
        run_id: Its id, unique.
        event: What it answers.
        binding: What tied the event to the runner.
        descriptor: The runner.
    """

    run_id: str
    event: EventLike
    binding: BindingLike
    descriptor: HasId


class RunState(NamedTuple):
    """What a run begins with.

    Attributes:
        keys: Whose state its scopes are; those that it may not use are left out.
        snapshot: State by scope and key, always the four scopes.
    """

    keys: dict[str, ScopeKey]
    snapshot: Snapshot


class Resumed(NamedTuple):
    """How a conversation goes on with a message.

    Attributes:
        external_id: The stored external id; None for none.
        expired: Whether the conversation had expired, so that a new one begins.
    """

    external_id: Any = None
    expired: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of one update.

    Attributes:
        scope: The scope it named.
        key: The key as it is stored; the key it named when it was refused.
        refusal: Why it was refused; None when it was kept. Never holds the value.
    """

    scope: str
    key: str
    refusal: str | None

    @property
    def kept(self) -> bool:
        """Whether the update was kept."""
        return self.refusal is None


@dataclass
class ActiveRun:
    """A run that has begun and not ended.

    Attributes:
        keys: Whose state its scopes are.
        policy: What its binding says of state.
        external_ids: Every external id that it knew.
        undo: Makes its writes so that they can be undone; None where they are kept.
        sequences: The numbers of its results so far.
    """

    keys: dict[str, ScopeKey]
    policy: StatePolicyLike
    external_ids: list[Any]
    undo: RunUndo | None
    sequences: set[int] = field(default_factory=set)

    @property
    def conversation(self) -> ScopeKey | None:
        """Whose conversation scope it has; None for none."""
        return self.keys.get("conversation")
