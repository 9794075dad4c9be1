"""The stored state of the chats of a harness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...backends import ScopeFilter
from ...errors import ScopeError
from ...state.scopes import ScopeKey, key_from_event
from ...store.store import StateStore
from ...store.updates import make_change
from .chat import Chat
from .settings import Settings


class State(dict[str, Any]):
    """Stored values by state key.

    Attributes:
        scope: Their scope; for a model's fields, its class.
    """

    def __init__(self, scope: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.scope = scope


class ChatState:
    """Reads and writes the state of a scope as a chat has it.

    Args:
        settings: The settings of the harness.
        store: The store.
    """

    def __init__(self, settings: Settings, store: StateStore) -> None:
        self._settings = settings
        self._store = store

    async def read(self, scope: str, chat: Chat) -> State:
        """Return the values of a scope by state key.

        Raises:
            ScopeError: The chat has no such scope.
        """
        return State(scope, await self._read(self._key(scope, chat)))

    async def read_all(self, chats: Iterable[Chat]) -> dict[str, dict[str, Any]]:
        """Return the state of every chat.

        Returns:
            By scope and owner, `actor of alice`, the values by state key. A scope that several
            chats share, such as a group's, is there once.
        """
        owners: dict[ScopeKey, str] = {}
        for chat in chats:
            for scope in self._settings.scopes:
                key = self._find_key(scope, chat)
                if key is not None:
                    owners.setdefault(key, _owner(scope, chat))
        return {owner: await self._read(key) for key, owner in owners.items()}

    async def write(self, scope: str, chat: Chat, values: Mapping[str, Any]) -> None:
        """Store values.

        Raises:
            CodecError: A value is not JSON, or outside the limits.
            InvalidKey: A key is outside the limits.
            ScopeError: The chat has no such scope.
        """
        key, limits = self._key(scope, chat), self._store.limits
        changes = [make_change(key, name, value, limits) for name, value in values.items()]
        await self._store.backend.commit(changes)

    async def clear(self, scope: str, chat: Chat) -> None:
        """Delete the values of a scope.

        Raises:
            ScopeError: The chat has no such scope.
        """
        await self._store.clear(ScopeFilter(key=self._key(scope, chat)))

    def _find_key(self, scope: str, chat: Chat) -> ScopeKey | None:
        event = chat.event(self._settings.processor)
        return key_from_event(scope, event, self._settings.binding, self._settings.component)

    def _key(self, scope: str, chat: Chat) -> ScopeKey:
        key = self._find_key(scope, chat)
        if key is None:
            raise ScopeError(f"{chat} has no {scope}")
        return key

    async def _read(self, key: ScopeKey) -> dict[str, Any]:
        return (await self._store.read([key]))[key.scope]


def _owner(scope: str, chat: Chat) -> str:
    """Name a scope and whose it is: `actor of alice`, `subject of group g1`, `runner`."""
    if scope == "runner":
        return scope
    if scope == "actor" or chat.group is None:
        return f"{scope} of {chat.sender}"
    return f"{scope} of group {chat.group}"
