"""What a binding's `state_policy` allows, and the reasons for a refusal. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .scopes import INVALID_SCOPE, VALID_STATE_SCOPES

LEGACY_KEY_MAPPING: dict[str, str] = {"conversation_id": "external.conversation_id"}
"""Keys of older runners, and what they mean, in every scope."""

EXTERNAL_ID_KEY = "external.conversation_id"
"""The key under which a runner keeps the id that an outside service gave the conversation."""


SHOWN_CHARACTERS = 100

OWN_RUNNER = "langbot-state-ext"
"""The runner id of the scopes in which the extension keeps what it needs for itself."""


def canonical_key(key: str) -> str:
    """Return the key that an older name means, and any other key as it is."""
    return LEGACY_KEY_MAPPING.get(key, key) if isinstance(key, str) else key


def shown_key(key: object) -> str:
    """Return a key for a message, cut where it is long."""
    shown = repr(key)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}…"


class StatePolicyLike(Protocol):
    """What a binding says of state; LangBot's `StatePolicy` is one."""

    @property
    def enable_state(self) -> bool:
        """Whether the binding keeps state at all."""

    @property
    def state_scopes(self) -> Iterable[str]:
        """The scopes that are enabled."""


def refusal(scope: str, policy: StatePolicyLike | None) -> str | None:
    """Say why a scope may not be used.

    Args:
        scope: The scope that a runner named, any text.
        policy: The binding's policy; None where there is no binding (a Query).

    Returns:
        The reason, or None when the scope may be used.
    """
    if scope not in VALID_STATE_SCOPES:
        return INVALID_SCOPE
    if policy is None:
        return None
    if not policy.enable_state:
        return "state is disabled by the binding's policy"
    if scope not in policy.state_scopes:
        return "the scope is not enabled by the binding's policy"
    return None
