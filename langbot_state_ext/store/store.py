"""`StateStore`: snapshots and updates of what LangBot has in its hands, a Query or an event.

Identity, policy and limits are applied here, for both faces of the store and for the host.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Self

from ..backends import Backend, ScopeFilter, open_backend
from ..backends.memory import MemoryBackend
from ..errors import StateError
from ..lifecycle.conversation_rules import is_external_id, uuid_after
from ..state.codec import DEFAULT_LIMITS, Limits
from ..state.policy import EXTERNAL_ID_KEY, canonical_key, refusal, shown_key
from ..state.protocols import BindingLike, EventLike, HasId, QueryLike
from ..state.scopes import (
    VALID_STATE_SCOPES,
    ConversationIdentity,
    ScopeKey,
    key_from_event,
    key_from_query,
    keys_from_event,
)
from .keyed import LOGGER, KeyedStore, Snapshot

Write = Callable[[ScopeKey, str, Any], Awaitable[None]]
"""Writes one value; raises a `StateError` when it can't."""


class StateStore(KeyedStore):
    """State of runners, asynchronous, over any backend.

    Args:
        backend: Where it is kept; closed with the store. Default: memory.
        limits: The limits on keys and values.
        conversation_identity: What tells one conversation of a Query from the next. Default
            `create_time` in memory, `launcher` elsewhere, since LangBot makes the creation time
            anew in every process.
    """

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        conversation_identity: ConversationIdentity | None = None,
    ) -> None:
        super().__init__(backend or MemoryBackend(), limits=limits)
        in_memory = isinstance(self.backend, MemoryBackend)
        self._identity: ConversationIdentity = conversation_identity or (
            "create_time" if in_memory else "launcher"
        )

    @classmethod
    def open(
        cls,
        url: str,
        *,
        limits: Limits = DEFAULT_LIMITS,
        conversation_identity: ConversationIdentity | None = None,
    ) -> Self:
        """Choose a store by url, for `async with` or `await`.

        Args:
            url: See `open_backend`.
            limits: As for the class.
            conversation_identity: As for the class.

        Raises:
            ConfigError: The url is not one we know.
            MissingExtra: Its driver is not installed.
        """
        return cls(open_backend(url), limits=limits, conversation_identity=conversation_identity)

    async def build_snapshot(self, query: QueryLike, descriptor: HasId) -> Snapshot:
        """Read the state of a Query.

        Returns:
            State by scope and key, always the four scopes. When the conversation has a uuid and
            the state no `external.conversation_id`, the snapshot carries the uuid there.

        Raises:
            ScopeError: An id is not valid Unicode text.
            BackendError: The store failed.
        """
        keys = [self._query_key(scope, query, descriptor) for scope in VALID_STATE_SCOPES]
        snapshot = await self.snapshot(keys)
        _seed(snapshot, getattr(_conversation(query), "uuid", None))
        return snapshot

    async def build_snapshot_from_event(
        self, event: EventLike, binding: BindingLike, descriptor: HasId
    ) -> Snapshot:
        """Read the state of an event, as its binding's policy allows.

        Returns:
            State by scope and key, always the four scopes. A scope that is not enabled, or whose
            identity is missing, is empty. Where there is no `external.conversation_id`, the
            snapshot carries the event's conversation id there.

        Raises:
            ScopeError: An id is not valid Unicode text.
            BackendError: The store failed.
        """
        policy = binding.state_policy
        enabled = [s for s in VALID_STATE_SCOPES if refusal(s, policy) is None]
        snapshot = await self.snapshot(keys_from_event(enabled, event, binding, descriptor))
        if "conversation" in enabled:
            _seed(snapshot, event.conversation_id)
        return snapshot

    async def apply_update(
        self,
        query: QueryLike,
        descriptor: HasId,
        scope: str,
        key: str,
        value: Any,
        logger: Any = None,
    ) -> bool:
        """Write one value of a Query's state, or refuse it with one warning.

        Args:
            query: Whose state.
            descriptor: The runner.
            scope: One of `VALID_STATE_SCOPES`.
            key: The state key; `conversation_id` means `external.conversation_id`.
            value: A JSON value. As `external.conversation_id` of the conversation it also becomes
                the conversation's uuid: a non-empty string sets it, null unsets it.
            logger: Where the warning goes. Default: the logger `langbot_state_ext`.

        Returns:
            True when it was kept.
        """
        logger = logger or LOGGER
        reason = await self._refusal(
            lambda: self._query_key(scope, query, descriptor), None, scope, key, value
        )
        if not _report(reason, descriptor, scope, key, logger):
            return False
        conversation = _conversation(query)
        if is_external_id(scope, canonical_key(key)) and conversation is not None:
            uuid = uuid_after(value, conversation.uuid)
            if uuid == (value or None):
                conversation.uuid = uuid
                logger.debug("Synced external.conversation_id to conversation.uuid")
        return True

    async def apply_update_from_event(
        self,
        event: EventLike,
        binding: BindingLike,
        descriptor: HasId,
        scope: str,
        key: str,
        value: Any,
        logger: Any = None,
    ) -> bool:
        """Write one value of an event's state, or refuse it with one warning.

        Args:
            event: Whose state.
            binding: Its `state_policy` decides which scopes may be written.
            descriptor: The runner.
            scope: One of `VALID_STATE_SCOPES`.
            key: The state key; `conversation_id` means `external.conversation_id`.
            value: A JSON value.
            logger: Where the warning goes. Default: the logger `langbot_state_ext`.

        Returns:
            True when it was kept.
        """
        reason = await self.refusal_of_update(event, binding, descriptor, scope, key, value)
        return _report(reason, descriptor, scope, key, logger or LOGGER)

    async def refusal_of_update(
        self,
        event: EventLike,
        binding: BindingLike,
        descriptor: HasId,
        scope: str,
        key: str,
        value: Any,
        *,
        write: Write | None = None,
    ) -> str | None:
        """Write one value of an event's state, for a caller that reports refusals itself.

        Args:
            event: Whose state.
            binding: Its `state_policy` decides which scopes may be written.
            descriptor: The runner.
            scope: One of `VALID_STATE_SCOPES`.
            key: The state key.
            value: A JSON value.
            write: What writes it once it is known whose it is. Default: `apply`.

        Returns:
            None when it was kept, else the reason, which never holds the value.
        """
        return await self._refusal(
            lambda: key_from_event(scope, event, binding, descriptor),
            binding.state_policy,
            scope,
            key,
            value,
            write,
        )

    async def clear_scope(self, scope: str, query: QueryLike, descriptor: HasId) -> int:
        """Delete one scope of a Query's state.

        Returns:
            How many entries there were; 0 also where the identity is missing.

        Raises:
            ScopeError: The scope is unknown.
            BackendError: The store failed; nothing was deleted.
        """
        return await self._clear_key(self._query_key(scope, query, descriptor))

    async def clear_scope_from_event(
        self, scope: str, event: EventLike, binding: BindingLike, descriptor: HasId
    ) -> int:
        """Delete one scope of an event's state, see `clear_scope`."""
        return await self._clear_key(key_from_event(scope, event, binding, descriptor))

    async def clear_all(self) -> int:
        """Delete all state; returns how many entries there were."""
        return await self.clear(ScopeFilter())

    def _query_key(self, scope: str, query: QueryLike, descriptor: HasId) -> ScopeKey | None:
        return key_from_query(scope, query, descriptor, identity=self._identity)

    async def _clear_key(self, key: ScopeKey | None) -> int:
        return 0 if key is None else await self.clear(ScopeFilter(key=key))

    async def _refusal(
        self,
        key_of: Callable[[], ScopeKey | None],
        policy: Any,
        scope: str,
        key: str,
        value: Any,
        write: Write | None = None,
    ) -> str | None:
        reason = refusal(scope, policy)
        if reason is not None:
            return reason
        try:
            scope_key = key_of()
            if scope_key is None:
                return f"missing identity of the {scope}"
            await (write or self.apply)(scope_key, key, value)
        except StateError as error:
            return str(error)
        return None


def _report(reason: str | None, descriptor: HasId, scope: str, key: str, logger: Any) -> bool:
    if reason is not None:
        place = f"{scope} {shown_key(key)}"
        logger.warning(f"Runner {descriptor.id} state.updated refused: {place}: {reason}")
        return False
    if canonical_key(key) != key:
        logger.debug(f"Runner {descriptor.id} key {key!r} mapped to {canonical_key(key)!r}")
    return True


def _seed(snapshot: Snapshot, conversation_id: str | None) -> None:
    if conversation_id:
        snapshot["conversation"].setdefault(EXTERNAL_ID_KEY, conversation_id)


def _conversation(query: QueryLike) -> Any:
    return getattr(query.session, "using_conversation", None)
