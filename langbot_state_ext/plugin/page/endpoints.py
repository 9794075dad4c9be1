"""The page's endpoints on scopes, entries and people: a checked request in, an answer out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pydantic_core import from_json

from ...backends import Backend, Change, Entry, ScopeFilter
from ...errors import ScopeError, VersionConflict
from ...state.policy import is_bookkeeping
from ...state.scopes import ScopeKey
from ...store.erase import erase, stored_scopes
from ...store.store import StateStore
from ...store.updates import make_change
from ..owners import belongings, is_whole
from ..views import entry_view, preview_view, scope_view, stored_view
from .requests import (
    ClearRequest,
    DeleteRequest,
    EntriesRequest,
    EntryRequest,
    ExportRequest,
    FindRequest,
    PersonRequest,
    SaveRequest,
)
from .responses import Answer, Gone, failed
from .search import find

EXPORT_ENTRIES = 50
EXPORT_BYTES = 2 * 1024 * 1024
"""About how much one piece of an export has."""


async def find_scopes(store: StateStore, request: FindRequest) -> Answer:
    """Return a page of scopes."""
    found = await find(store.backend, request)
    return {
        "scopes": [stored_view(stored, keys) for stored, keys in found.scopes],
        "looked_into": found.looked_into,
        "cursor": found.cursor,
    }


async def show_entries(store: StateStore, request: EntriesRequest) -> Answer:
    """Return a page of a scope's entries with the beginning of each value."""
    key = _key(request)
    page, following = await _page(store.backend, key, request.after, request.limit)
    if not page and request.after is None:
        raise Gone("this scope has no state any more")
    return {
        **scope_view(key),
        "entries": [preview_view(name, entry) for name, entry in page],
        "next": following,
    }


async def show_entry(store: StateStore, request: EntryRequest) -> Answer:
    """Return one entry with its whole value."""
    entry = await store.backend.get(_key(request), request.key)
    if entry is None:
        raise Gone(f"{request.key!r} is not there any more")
    return {"entry": entry_view(request.key, entry, reveal=request.reveal)}


async def save_entry(store: StateStore, request: SaveRequest) -> Answer:
    """Write a value over the version that its writer has seen."""
    try:
        value = _parsed(request.text)
    except ValueError as error:
        return failed("refused", f"this is not JSON: {error}")
    change = make_change(_key(request), request.key, value, store.limits, expect=request.version)
    await _check_owned(store.backend, change.scope)
    held = await store.backend.get(change.scope, change.key)
    return await _commit(store, change._replace(expires_at=held and held.expires_at))


async def delete_entry(store: StateStore, request: DeleteRequest) -> Answer:
    """Delete an entry at the version that its deleter has seen."""
    return await _commit(store, Change(_key(request), request.key, None, request.version))


def _parsed(text: str) -> Any:
    value = from_json(text, allow_inf_nan=False)
    json.loads(text, object_pairs_hook=_refuse_twice, parse_int=str, parse_float=str)
    return value


def _refuse_twice(members: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise ValueError(f"{name!r} stands twice in one object: keep one of them")
        seen.add(name)


async def _check_owned(backend: Backend, scope: ScopeKey) -> None:
    """Refuse to make a scope that no run would ever read."""
    if not is_whole(scope) and not await backend.list(scope, "", 1):
        raise ScopeError(f"no run has a {scope.scope} scope of these parts: choose one that exists")


async def _commit(store: StateStore, change: Change) -> Answer:
    """Write, or show what somebody else has written since."""
    try:
        await store.backend.commit([change])
    except VersionConflict as error:
        current = await store.backend.get(change.scope, change.key)
        return failed("conflict", str(error), current=_view(change.key, current))
    return {"entry": _view(change.key, await store.backend.get(change.scope, change.key))}


def _view(key: str, entry: Entry | None) -> Answer | None:
    return None if entry is None else entry_view(key, entry)


async def clear_scope(store: StateStore, request: ClearRequest) -> Answer:
    """Delete every entry of a scope."""
    deleted = await store.clear(ScopeFilter(key=_key(request)))
    if not deleted:
        raise Gone("this scope has no state any more")
    return {"deleted": deleted}


async def export_scope(store: StateStore, request: ExportRequest) -> Answer:
    """Return a piece of a scope with whole values."""
    key = _key(request)
    page, following = await _page(store.backend, key, request.after, EXPORT_ENTRIES)
    if not page and request.after is None:
        raise Gone("this scope has no state any more")
    entries: list[Answer] = []
    size = 0
    for name, entry in page:
        if size > EXPORT_BYTES:
            following = entries[-1]["key"]
            break
        entries.append(entry_view(name, entry, reveal=request.reveal))
        size += len(entry.value)
    return {**scope_view(key), "entries": entries, "next": following}


async def show_person(store: StateStore, request: PersonRequest) -> Answer:
    """Return what erasing a person would take."""
    filters = belongings("person", request.id, bot=request.bot)
    scopes = await stored_scopes(store.backend, filters)
    return {
        "scopes": [stored_view(stored) for stored in scopes],
        "entries": sum(stored.entries for stored in scopes),
    }


async def erase_person(store: StateStore, request: PersonRequest) -> Answer:
    """Erase what belongs to a person."""
    filters = belongings("person", request.id, bot=request.bot)
    return {"deleted": await erase(store, filters)}


async def _page(
    backend: Backend, scope: ScopeKey, after: str | None, limit: int
) -> tuple[list[tuple[str, Entry]], str | None]:
    """Read some entries of a scope, and the values of no others; and where to go on."""
    wanted = limit + 1
    while True:
        names = await backend.list(scope, "", wanted)
        keys = [name for name in names if after is None or name > after]
        if len(keys) > limit or len(names) < wanted:
            break
        wanted *= 2
    shown = keys[:limit]
    entries = await asyncio.gather(*(backend.get(scope, name) for name in shown))
    page = [(name, entry) for name, entry in zip(shown, entries, strict=True) if entry is not None]
    return page, shown[-1] if len(keys) > limit else None


def _key(request: Any) -> ScopeKey:
    key: ScopeKey = request.scope.key()
    if is_bookkeeping(key):
        raise ScopeError("this scope is the extension's own bookkeeping")
    return key
