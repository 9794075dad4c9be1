"""What goes into a backend and comes out of it: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..state.scopes import Scope, ScopeKey

ANY_VERSION = -1
"""`Change.expect` of a write over any version."""


class Entry(NamedTuple):
    """One stored value.

    Attributes:
        value: The encoded value.
        version: 1 for a new entry, one more with each write.
        updated_at: When it was last written, in seconds since 1970.
        run_id: The run that wrote it; None when it was not a run.
        expires_at: When it expires, in seconds since 1970; None for never.
    """

    value: bytes
    version: int
    updated_at: float
    run_id: str | None = None
    expires_at: float | None = None


class Change(NamedTuple):
    """One write.

    Attributes:
        scope: Whose state.
        key: The state key.
        value: The encoded value; None deletes the entry.
        expect: The version that must be stored: 0 for "not there", -1 (default) for any.
        run_id: The run that writes.
        expires_at: When the entry expires, in seconds since 1970; None for never.
    """

    scope: ScopeKey
    key: str
    value: bytes | None
    expect: int = ANY_VERSION
    run_id: str | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class ScopeFilter:
    """Which scopes; every condition that is given must hold.

    Attributes:
        key: Exactly this one.
        scope: The scope.
        parts: Parts of the identity, by name, each exactly this text.
        text: Text that occurs in one of the identity's parts, in any ASCII case.
    """

    key: ScopeKey | None = None
    scope: Scope | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None

    def matches(self, key: ScopeKey) -> bool:
        """Return whether a scope meets every condition."""
        if self.key is not None and key != self.key:
            return False
        if self.scope is not None and key.scope != self.scope:
            return False
        parts = dict(key.parts)
        if any(parts.get(name) != value for name, value in self.parts.items()):
            return False
        if self.text is None:
            return True
        wanted = _ascii_lower(self.text)
        return any(wanted in _ascii_lower(value) for value in parts.values() if value is not None)


ALL_SCOPES = ScopeFilter()
"""Matches every scope."""


@dataclass(frozen=True, slots=True)
class StoredScope:
    """One scope that has state.

    Attributes:
        key: Whose state it is.
        entries: How many entries it has, 1 and more.
        value_bytes: The size of its values together.
        updated_at: When the latest was written, in seconds since 1970.
    """

    key: ScopeKey
    entries: int
    value_bytes: int
    updated_at: float


@dataclass(frozen=True, slots=True)
class ScopePage:
    """A page of scopes, in the order of their storage form.

    Attributes:
        scopes: At most as many as were asked for; fewer, or none, is not yet the last page.
        cursor: Where the next page begins; None after the last one.
    """

    scopes: list[StoredScope]
    cursor: str | None


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)
