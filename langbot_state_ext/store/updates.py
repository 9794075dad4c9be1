"""What an update becomes: a change for the backend, or a refusal. Pure functions."""

from __future__ import annotations

import time
from typing import Any

from ..backends import ANY_VERSION, Change
from ..errors import StateError
from ..state.codec import Limits, check_key, encode
from ..state.policy import Refusal, canonical_key, refusal_message
from ..state.protocols import HasId
from ..state.scopes import ScopeKey


def stored_key(key: str, limits: Limits) -> str:
    """Return a state key as it is stored: an older name becomes the one it means.

    Raises:
        InvalidKey: It is outside the limits.
    """
    return check_key(canonical_key(key), limits)


def make_change(
    scope: ScopeKey,
    key: str,
    value: Any,
    limits: Limits,
    *,
    expect: int = ANY_VERSION,
    run_id: str | None = None,
    ttl_s: float | None = None,
) -> Change:
    """Check and encode one write without making it; `Backend.commit` makes it.

    Args:
        scope: Whose state.
        key: The state key, 1 to 255 characters.
        value: A JSON value.
        limits: The limits on keys and values.
        expect: The version that must be stored, 0 for "not there". Default: any.
        run_id: The run that writes.
        ttl_s: After how many seconds it expires. Default: never.

    Raises:
        InvalidKey: The key is outside the limits.
        CodecError: The value is not JSON, or outside the limits.
    """
    name, data = stored_key(key, limits), encode(value, limits)
    expires_at = None if ttl_s is None else time.time() + ttl_s
    return Change(scope, name, data, expect, run_id, expires_at)


def resolve(
    scope: ScopeKey | Refusal, key: str, value: Any, limits: Limits, *, run_id: str | None = None
) -> Change | Refusal:
    """Make a change of an update, or say why it is refused.

    Args:
        scope: Whose state, as `locate` returned it.
        key: The state key, any text.
        value: Any value.
        limits: The limits on keys and values.
        run_id: The run that writes.
    """
    if isinstance(scope, Refusal):
        return scope
    try:
        return make_change(scope, key, value, limits, run_id=run_id)
    except StateError as error:
        return Refusal(str(error))


def report(update: Change | Refusal, descriptor: HasId, scope: str, key: str, logger: Any) -> None:
    """Warn of a refusal, and note a key that was stored under another name.

    Args:
        update: What `resolve` returned.
        descriptor: The runner.
        scope: The scope that it named.
        key: The key that it named.
        logger: Where it goes.
    """
    if isinstance(update, Refusal):
        reason = refusal_message(scope, key, update.reason)
        logger.warning(f"Runner {descriptor.id} state.updated refused: {reason}")
    elif update.key != key:
        logger.debug(f"Runner {descriptor.id} key {key!r} mapped to {update.key!r}")
