"""What a harness's store keeps of whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...backends import ScopeFilter
from ...errors import ScopeError
from ...state.scopes import ScopeKey, key_from_event
from ...store.store import StateStore
from ...store.updates import make_change
from .chats import Chat, Setting


class Kept:
    """State by scope and chat.

    Args:
        setting: What the harness's binding and runner are.
        store: The store.
    """

    def __init__(self, setting: Setting, store: StateStore) -> None:
        self._setting = setting
        self._store = store

    async def read(self, scope: str, chat: Chat) -> dict[str, Any]:
        """Return the values of a scope by state key.

        Raises:
            ScopeError: The chat has no such scope.
        """
        return await self._snapshot(self._key(scope, chat))

    async def write(self, scope: str, chat: Chat, values: Mapping[str, Any]) -> None:
        """Store values.

        Raises:
            CodecError: A value is not JSON.
            InvalidKey: A key is not one.
            ScopeError: As for `read`.
        """
        key, limits = self._key(scope, chat), self._store.limits
        changes = [make_change(key, name, value, limits) for name, value in values.items()]
        await self._store.backend.commit(changes)

    async def clear(self, scope: str, chat: Chat) -> None:
        """Delete a scope.

        Raises:
            ScopeError: As for `read`.
        """
        await self._store.clear(ScopeFilter(key=self._key(scope, chat)))

    async def of_all(self, chats: Iterable[Chat]) -> dict[str, dict[str, Any]]:
        """Return the values of every scope that the chats have, by owner, `actor of alice`."""
        return {
            f"{key.scope} of {chat}": await self._snapshot(key)
            for chat in dict.fromkeys(chats)
            for scope in self._setting.scopes
            if (key := self._find(scope, chat)) is not None
        }

    def _find(self, scope: str, chat: Chat) -> ScopeKey | None:
        event = chat.event(self._setting.processor)
        return key_from_event(scope, event, self._setting.binding, self._setting.component)

    def _key(self, scope: str, chat: Chat) -> ScopeKey:
        key = self._find(scope, chat)
        if key is None:
            raise ScopeError(f"{chat} has no {scope}")
        return key

    async def _snapshot(self, key: ScopeKey) -> dict[str, Any]:
        return (await self._store.read([key]))[key.scope]
