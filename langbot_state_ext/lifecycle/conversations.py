"""The rules of `conversation_rules`, applied to the state of conversations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ..backends import Backend, Change, Entry
from ..backends.retry import commit_current
from ..errors import CodecError, VersionConflict
from ..state.codec import decode, encode
from ..state.external_id import EXTERNAL_ID_KEY
from ..state.policy import BOOKKEEPING_RUNNER
from ..state.scopes import ScopeKey
from .conversation_rules import EXTERNAL_PREFIX, LAST_ACTIVITY_KEY, is_expired


class Conversations:
    """Expires conversations, and forgets those that the external agent has lost.

    Args:
        backend: Where the state is.
        logger: Gets a line for each conversation that ends.
        clock: Seconds since 1970.
    """

    def __init__(self, backend: Backend, logger: Any, clock: Callable[[], float]) -> None:
        self._backend = backend
        self._logger = logger
        self._clock = clock

    async def external_id(self, key: ScopeKey) -> Any:
        """Return the stored external id of a conversation; None for none."""
        return _value(await self._backend.get(key, EXTERNAL_ID_KEY))

    async def expire_or_note_message(
        self, key: ScopeKey, expire_after_s: float, idle_s: float | None
    ) -> bool:
        """Note the time of a message; in the same commit, clear a conversation that has expired.

        Args:
            key: The conversation.
            expire_after_s: After how many seconds it expires.
            idle_s: For how long this process has seen no message in it; None for none ever.

        Returns:
            Whether it had expired.

        Raises:
            BackendError: The store failed; nothing was changed.
        """

        async def changes() -> tuple[list[Change], bool]:
            last = await self._backend.get(activity, LAST_ACTIVITY_KEY)
            held = await self._backend.entries(key)
            now = self._clock()
            expired = is_expired(now, _value(last), idle_s, expire_after_s)
            version = last.version if last else 0
            noted = Change(activity, LAST_ACTIVITY_KEY, encode(now), version)
            return [noted, *(_deletions(key, held) if expired else ())], expired

        activity = _activity_of(key)
        expired = await commit_current(self._backend, changes)
        if expired:
            self._logger.info(f"Conversation {_name(key)} has expired: a new one begins")
        return expired

    async def note_end_of_run(self, key: ScopeKey) -> None:
        """Note the time of an answer, for a conversation that may expire."""
        activity = _activity_of(key)
        last = await self._backend.get(activity, LAST_ACTIVITY_KEY)
        if last is None:
            return
        change = Change(activity, LAST_ACTIVITY_KEY, encode(self._clock()), last.version)
        with suppress(VersionConflict):  # a newer message
            await self._backend.commit([change])

    async def forget_external(self, key: ScopeKey, external_ids: Sequence[Any]) -> None:
        """Delete the `external.*` keys of a conversation that the external agent has lost.

        Args:
            key: The conversation.
            external_ids: Those that the failed run knew. Where another run has begun a
                new conversation since, nothing is deleted.

        Raises:
            BackendError: The store failed; nothing was changed.
        """
        held = await self._backend.entries(key)
        if EXTERNAL_ID_KEY in held and _value(held[EXTERNAL_ID_KEY]) not in external_ids:
            return
        dead = {name: held[name] for name in held if name.startswith(EXTERNAL_PREFIX)}
        if not dead:
            return
        try:
            await self._backend.commit(_deletions(key, dead))
        except VersionConflict:
            return
        self._logger.warning(
            f"The external agent has lost conversation {_name(key)} of runner "
            f"{key.part('runner_id')}; forgot {', '.join(dead)}: the next message begins a new one"
        )


def _activity_of(key: ScopeKey) -> ScopeKey:
    """Name the scope of the extension that has the last activity of a conversation."""
    return ScopeKey("runner", (("runner_id", BOOKKEEPING_RUNNER), ("conversation", key.storage)))


def _deletions(key: ScopeKey, held: dict[str, Entry]) -> list[Change]:
    return [Change(key, name, None, entry.version) for name, entry in held.items()]


def _value(entry: Entry | None) -> Any:
    """Return the value of an entry; None also where its bytes are not one."""
    try:
        return None if entry is None else decode(entry.value)
    except CodecError:
        return None


def _name(key: ScopeKey) -> str:
    return key.part("conversation_id") or ""
