"""`StateStore`: snapshots and updates of what LangBot has in its hands, a Query or an event.

How an update travels: `updates.resolve` makes a `Change` or a `Refusal` of it, and changes nothing;
the backend commits the change. `RunLifecycle` does the same for a run.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Self

from ..backends import ANY_VERSION, Backend, Change, ScopeFilter, open_backend
from ..backends.memory import MemoryBackend
from ..errors import CodecError, CorruptValue, ScopeError, StateError
from ..state.codec import DEFAULT_LIMITS, Limits, decode, decode_all
from ..state.external_id import EXTERNAL_ID_KEY, is_external_id, uuid_after
from ..state.policy import Refusal, enabled_keys, locate
from ..state.protocols import BindingLike, EventLike, HasId, QueryLike
from ..state.scopes import (
    VALID_STATE_SCOPES,
    ConversationIdentity,
    ScopeKey,
    Snapshot,
    empty_snapshot,
    key_from_event,
    key_from_query,
)
from .undo import drop_revisions
from .updates import make_change, report, resolve, stored_key

LOGGER = logging.getLogger("langbot_state_ext")


class StateStore:
    """State of runners, asynchronous, over any backend.

    Args:
        backend: Where it is kept; closed with the store. Default: memory.
        limits: The limits on keys and values.
        conversation_identity: What tells one conversation of a Query from the next. Default
            `create_time` in memory, `launcher` elsewhere, since LangBot makes the creation time
            anew in every process.

    Attributes:
        backend: Where it is kept.
        limits: The limits in force.
    """

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        conversation_identity: ConversationIdentity | None = None,
    ) -> None:
        self.backend = backend or MemoryBackend()
        self.limits = limits
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

    def __await__(self) -> Generator[Any, None, Self]:
        yield from self.backend.open().__await__()
        return self

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the backend. Calling it again does nothing."""
        await self.backend.close()

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
        uuid = getattr(_conversation(query), "uuid", None)
        return await self.read([key for key in keys if key is not None], seed=uuid)

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
        keys = enabled_keys(event, binding, descriptor)
        return await self.read(keys.values(), seed=event.conversation_id)

    async def read(self, keys: Iterable[ScopeKey], *, seed: str | None = None) -> Snapshot:
        """Read whole scopes in one round trip.

        Args:
            keys: At most one per scope.
            seed: What a conversation among `keys` has for `external.conversation_id` where
                nothing is stored. Default: nothing.

        Returns:
            State by scope and key, always the four scopes. An entry whose bytes are not a value
            is left out, with a warning that names its scope and key.

        Raises:
            BackendError: The store failed.
        """
        wanted = list(keys)
        snapshot = empty_snapshot()
        for key, values in zip(wanted, await self.backend.load(wanted), strict=True):
            try:
                snapshot[key.scope] = decode_all(values)
            except CodecError:
                snapshot[key.scope] = _readable(key, values)
            if seed and key.scope == "conversation":
                snapshot[key.scope].setdefault(EXTERNAL_ID_KEY, seed)
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
        update = await self._commit(
            resolve(self._locate_in_query(scope, query, descriptor), key, value, self.limits)
        )
        report(update, descriptor, scope, key, logger)
        if isinstance(update, Refusal):
            return False
        conversation = _conversation(query)
        if is_external_id(scope, update.key) and conversation is not None:
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
            scope: As for `apply_update`.
            key: As for `apply_update`.
            value: A JSON value.
            logger: As for `apply_update`.

        Returns:
            True when it was kept.
        """
        update = await self.update_from_event(event, binding, descriptor, scope, key, value)
        report(update, descriptor, scope, key, logger or LOGGER)
        return isinstance(update, Change)

    async def update_from_event(
        self,
        event: EventLike,
        binding: BindingLike,
        descriptor: HasId,
        scope: str,
        key: str,
        value: Any,
    ) -> Change | Refusal:
        """Write one value of an event's state, for a caller that reports refusals itself.

        Returns:
            What was written, or why nothing was.
        """
        try:
            keys = enabled_keys(event, binding, descriptor, (scope,))
        except ScopeError as error:
            return Refusal(str(error))
        located = locate(scope, keys, binding.state_policy)
        return await self._commit(resolve(located, key, value, self.limits))

    async def apply(
        self,
        scope: ScopeKey,
        key: str,
        value: Any,
        *,
        expect: int = ANY_VERSION,
        run_id: str | None = None,
        ttl_s: float | None = None,
    ) -> None:
        """Write one value, see `make_change`.

        Raises:
            InvalidKey: The key is outside the limits.
            CodecError: The value is not JSON, or outside the limits.
            VersionConflict: Another version is stored.
            BackendError: The store failed; nothing was written.
        """
        change = make_change(
            scope, key, value, self.limits, expect=expect, run_id=run_id, ttl_s=ttl_s
        )
        await self.backend.commit([change])

    async def get(self, scope: ScopeKey, key: str, default: Any = None) -> Any:
        """Read one value.

        Returns:
            The value; `default` when there is none.

        Raises:
            InvalidKey: The key is outside the limits.
            CorruptValue: The stored bytes are not a value.
            BackendError: The store failed.
        """
        key = stored_key(key, self.limits)
        entry = await self.backend.get(scope, key)
        if entry is None:
            return default
        try:
            return decode(entry.value)
        except CodecError:
            raise CorruptValue(scope.scope, key) from None

    async def list(
        self, scope: ScopeKey, prefix: str = "", limit: int = 100
    ) -> tuple[list[str], bool]:
        """Name the keys of a scope.

        Args:
            scope: Whose state.
            prefix: How they begin, literally. Default: every key.
            limit: How many at the most, 1 and more. Default 100.

        Returns:
            The keys in the order of their code points, and whether there are more.

        Raises:
            ValueError: The limit is less than 1.
            InvalidKey: No key can begin so.
            BackendError: The store failed.
        """
        if limit < 1:
            raise ValueError(f"limit={limit}: list at least one key")
        found = await self.backend.list(
            scope, stored_key(prefix, self.limits) if prefix else "", limit + 1
        )
        return found[:limit], len(found) > limit

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the scopes that match; returns how many there were.

        A run under way that fails later restores nothing of them.
        """
        await drop_revisions(self.backend, which)
        count = await self.backend.clear(which)
        await drop_revisions(self.backend, which)
        return count

    async def clear_scope(self, scope: str, query: QueryLike, descriptor: HasId) -> int:
        """Delete one scope of a Query's state.

        Returns:
            How many entries there were.

        Raises:
            ScopeError: The scope is unknown.
            BackendError: The store failed; nothing was deleted.
        """
        return await self.clear(ScopeFilter(key=self._query_key(scope, query, descriptor)))

    async def clear_scope_from_event(
        self, scope: str, event: EventLike, binding: BindingLike, descriptor: HasId
    ) -> int:
        """Delete one scope of an event's state, see `clear_scope`.

        Returns:
            How many entries there were; 0 also where the identity is missing.
        """
        key = key_from_event(scope, event, binding, descriptor)
        return 0 if key is None else await self.clear(ScopeFilter(key=key))

    async def clear_all(self) -> int:
        """Delete all state; returns how many entries there were."""
        return await self.clear(ScopeFilter())

    def _query_key(self, scope: str, query: QueryLike, descriptor: HasId) -> ScopeKey:
        return key_from_query(scope, query, descriptor, identity=self._identity)

    def _locate_in_query(
        self, scope: str, query: QueryLike, descriptor: HasId
    ) -> ScopeKey | Refusal:
        try:
            return self._query_key(scope, query, descriptor)
        except ScopeError as error:
            return Refusal(str(error))

    async def _commit(self, update: Change | Refusal) -> Change | Refusal:
        if isinstance(update, Refusal):
            return update
        try:
            await self.backend.commit([update])
        except StateError as error:
            return Refusal(str(error))
        return update


def _readable(scope: ScopeKey, values: Mapping[str, bytes]) -> dict[str, Any]:
    """Decode what can be decoded, and warn of the rest."""
    readable = {}
    for key, data in values.items():
        try:
            readable[key] = decode(data)
        except CodecError:
            LOGGER.warning("%s: left out of the snapshot", CorruptValue(scope.scope, key))
    return readable


def _conversation(query: QueryLike) -> Any:
    return getattr(query.session, "using_conversation", None)
