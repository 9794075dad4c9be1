"""The page's requests; what does not fit is refused before the store is opened."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ...state.scopes import Scope, ScopeKey
from ..owners import OwnerKind

Id = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Cursor = Annotated[str, StringConstraints(max_length=400)]


class Request(BaseModel):
    """What every request has: its own fields, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EmptyRequest(Request):
    """A request without fields."""


class ScopeRef(Request):
    """One scope.

    Attributes:
        scope: The scope.
        parts: The parts of its key.
    """

    scope: Scope
    parts: Annotated[dict[Id, Id | None], Field(max_length=32)]

    def key(self) -> ScopeKey:
        """Return the key of the scope."""
        return ScopeKey(self.scope, tuple(self.parts.items()))


class FindRequest(Request):
    """The scopes that meet every given condition.

    Attributes:
        scope: The scope.
        runner: The runner id.
        bot: The bot's uuid.
        whose: What `id` names: a person, a group or a conversation.
        id: Its id, exactly.
        text: Text that occurs in the id of a person, a group, a conversation or a thread.
        inside: Whether to search keys, and values that are not hidden, for `text` instead.
        cursor: Where to continue; None for the first page.
        limit: About how many scopes to return, 1 to 200. Default 50.
    """

    scope: Scope | None = None
    runner: Id | None = None
    bot: Id | None = None
    whose: OwnerKind | None = None
    id: Id | None = None
    text: Id | None = None
    inside: bool = False
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EntriesRequest(Request):
    """The entries of a scope, page by page.

    Attributes:
        scope: Whose state.
        after: The key after which to continue; None for the first page.
        limit: How many entries to return, 1 to 200. Default 50.
    """

    scope: ScopeRef
    after: Key | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EntryRequest(Request):
    """One entry with its whole value.

    Attributes:
        scope: Whose state.
        key: Its key.
        reveal: Whether to show hidden values. Default False.
    """

    scope: ScopeRef
    key: Key
    reveal: bool = False


class SaveRequest(Request):
    """A new value.

    Attributes:
        scope: Whose state.
        key: Its key, checked by the store.
        text: The value as JSON text.
        version: The version that the writer saw; 0 for a new entry.
    """

    scope: ScopeRef
    key: str
    text: str
    version: Annotated[int, Field(ge=0)]


class DeleteRequest(Request):
    """One entry to delete.

    Attributes:
        scope: Whose state.
        key: Its key.
        version: The version that the writer saw.
    """

    scope: ScopeRef
    key: Key
    version: Annotated[int, Field(ge=1)]


class ClearRequest(Request):
    """One scope to clear.

    Attributes:
        scope: Whose state.
    """

    scope: ScopeRef


class ExportRequest(Request):
    """A scope to export, part by part.

    Attributes:
        scope: Whose state.
        after: The key after which to continue; None for the first part.
        reveal: Whether to show hidden values. Default False.
    """

    scope: ScopeRef
    after: Key | None = None
    reveal: bool = False


class PersonRequest(Request):
    """A person.

    Attributes:
        id: The person's id on the platform.
        bot: The bot's uuid; None for every bot.
    """

    id: Id
    bot: Id | None = None
