"""Which scopes a binding allows, what a key means, and why an update is refused: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from .external_id import EXTERNAL_ID_KEY
from .protocols import BindingLike, EventLike, HasId
from .scopes import INVALID_SCOPE, VALID_STATE_SCOPES, ScopeKey, keys_from_event

LEGACY_KEY_MAPPING: dict[str, str] = {"conversation_id": EXTERNAL_ID_KEY}
"""Keys of older runners, and what they mean, in every scope."""

SHOWN_CHARACTERS = 100
"""How much of a key a message shows."""

BOOKKEEPING_RUNNER = "langbot-state-ext"
"""The runner id of the extension's own bookkeeping, which people are never shown."""


def is_bookkeeping(key: ScopeKey) -> bool:
    """Return whether a scope is the extension's own bookkeeping."""
    return key.part("runner_id") == BOOKKEEPING_RUNNER


class Refusal(NamedTuple):
    """Why an update was refused.

    Attributes:
        reason: One line for people; it never holds the value.
    """

    reason: str


class StatePolicyLike(Protocol):
    """What a binding says of state; LangBot's `StatePolicy` is one."""

    @property
    def enable_state(self) -> bool:
        """Whether the binding keeps state at all."""

    @property
    def state_scopes(self) -> Iterable[str]:
        """The scopes that are enabled."""


def canonical_key(key: str) -> str:
    """Return the key that an older name means, and any other key as it is."""
    return LEGACY_KEY_MAPPING.get(key, key) if isinstance(key, str) else key


def _shown_key(key: object) -> str:
    """Return a key for a message, cut where it is long."""
    shown = repr(key)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}…"


def refusal_message(scope: str, key: object, reason: str) -> str:
    """Return the line for the log and the runner that says which write was refused, and why."""
    return f"{scope} key {_shown_key(key)}: {reason}"


def scope_refusal(scope: str, policy: StatePolicyLike) -> Refusal | None:
    """Return why a policy does not allow a scope; None when it does.

    Args:
        scope: The scope that a runner named, any text.
        policy: The binding's policy.
    """
    if scope not in VALID_STATE_SCOPES:
        return Refusal(INVALID_SCOPE)
    if not policy.enable_state:
        return Refusal("state is disabled by the binding's policy")
    if scope not in policy.state_scopes:
        return Refusal("the scope is not enabled by the binding's policy")
    return None


def enabled_keys(
    event: EventLike,
    binding: BindingLike,
    descriptor: HasId,
    scopes: Iterable[str] = VALID_STATE_SCOPES,
) -> dict[str, ScopeKey]:
    """Name the scopes of an event that its binding allows and whose identity is there.

    Args:
        event: The event.
        binding: What tied the event to the runner.
        descriptor: The runner.
        scopes: Which of the scopes. Default: all four.

    Raises:
        ScopeError: An id is not valid Unicode text.
    """
    enabled = [scope for scope in scopes if scope_refusal(scope, binding.state_policy) is None]
    keys = keys_from_event(enabled, event, binding, descriptor)
    return {scope: key for scope, key in zip(enabled, keys, strict=True) if key is not None}


def locate(scope: str, keys: Mapping[str, ScopeKey], policy: StatePolicyLike) -> ScopeKey | Refusal:
    """Return whose state a scope is, or why it may not be used.

    Args:
        scope: The scope that a runner named, any text.
        keys: What `enabled_keys` returned.
        policy: The binding's policy.
    """
    refusal = scope_refusal(scope, policy)
    if refusal is not None:
        return refusal
    return keys.get(scope) or Refusal(f"missing identity of the {scope}")
