"""What the page sends; whatever does not fit is refused before anything is looked at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ...state.scopes import Scope, ScopeKey

Id = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Cursor = Annotated[str, StringConstraints(max_length=400)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoRequest(_Request):
    """Nothing is asked but the answer."""


class ScopeRef(_Request):
    """One scope.

    Attributes:
        scope: The scope.
        parts: The parts of its identity, in the order in which they were given.
    """

    scope: Scope
    parts: Annotated[dict[Id, Id | None], Field(max_length=32)]

    def key(self) -> ScopeKey:
        """Return whose state it is."""
        return ScopeKey(self.scope, tuple(self.parts.items()))


class FindRequest(_Request):
    """Which scopes; every condition that is given must hold.

    Attributes:
        scope: The scope.
        runner: The runner id.
        bot: The bot's uuid.
        whose: What `id` names: a person, a group or a conversation.
        id: Its id, exactly.
        text: Text that occurs in the id of a person, a group, a conversation or a thread.
        inside: Whether `text` is looked for in keys and in values that are not hidden, instead.
        cursor: Where to go on; None for the first page.
        limit: How many scopes are wanted, 1 to 200. Default 50.
    """

    scope: Scope | None = None
    runner: Id | None = None
    bot: Id | None = None
    whose: Literal["person", "group", "conversation"] | None = None
    id: Id | None = None
    text: Id | None = None
    inside: bool = False
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EntriesRequest(_Request):
    """The entries of a scope, page by page.

    Attributes:
        scope: Whose state.
        after: The key after which to go on; None for the first page.
        limit: How many, 1 to 200. Default 50.
    """

    scope: ScopeRef
    after: Key | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EntryRequest(_Request):
    """One entry with its whole value.

    Attributes:
        scope: Whose state.
        key: Its key.
        reveal: Whether to show what is hidden. Default False.
    """

    scope: ScopeRef
    key: Key
    reveal: bool = False


class SaveRequest(_Request):
    """A new value.

    Attributes:
        scope: Whose state.
        key: Its key, checked by the store.
        text: The value as JSON text.
        version: The version that the writer has seen; 0 for a new entry.
    """

    scope: ScopeRef
    key: str
    text: str
    version: Annotated[int, Field(ge=0)]


class DeleteRequest(_Request):
    """One entry to delete.

    Attributes:
        scope: Whose state.
        key: Its key.
        version: The version that the writer has seen.
    """

    scope: ScopeRef
    key: Key
    version: Annotated[int, Field(ge=1)]


class ClearRequest(_Request):
    """One scope to clear.

    Attributes:
        scope: Whose state.
    """

    scope: ScopeRef


class ExportRequest(_Request):
    """A scope to export, piece by piece.

    Attributes:
        scope: Whose state.
        after: The key after which to go on; None for the first piece.
        reveal: Whether to show what is hidden. Default False.
    """

    scope: ScopeRef
    after: Key | None = None
    reveal: bool = False


class PersonRequest(_Request):
    """A person.

    Attributes:
        id: The person's id on the platform.
        bot: The bot's uuid; None for every bot.
    """

    id: Id
    bot: Id | None = None
