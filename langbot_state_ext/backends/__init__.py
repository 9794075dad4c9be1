"""The backends behind the state, chosen by the scheme of a url."""

from __future__ import annotations

from .base import Backend
from .data import ALL_SCOPES, ANY_VERSION, Change, Entry, ScopeFilter, ScopePage, StoredScope
from .opening import open_backend
from .overview import Day, Overview, Written

__all__ = [
    "ALL_SCOPES",
    "ANY_VERSION",
    "Backend",
    "Change",
    "Day",
    "Entry",
    "Overview",
    "ScopeFilter",
    "ScopePage",
    "StoredScope",
    "Written",
    "open_backend",
]
