"""The page's endpoints on scopes, entries and people: a valid request in, a response out.

The state of another workspace is as if it did not exist.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ...backends import Backend, Change, Entry, ScopeFilter
from ...errors import ScopeError, VersionConflict
from ...state.codec import decode_text
from ...state.policy import is_bookkeeping
from ...state.scopes import ScopeKey
from ...store.erase import erase, matching_scopes
from ...store.store import StateStore
from ...store.updates import make_change
from ..owners import filters_for, has_known_shape, is_in_workspace
from ..views import entry_view, preview_view, scope_view, stored_view
from .requests import (
    ClearRequest,
    DeleteRequest,
    EntriesRequest,
    EntryRequest,
    ExportRequest,
    PersonRequest,
    SaveRequest,
)
from .responses import Gone, Response, error_response

EXPORT_ENTRIES = 50
EXPORT_BYTES = 2 * 1024 * 1024
"""About how many bytes of values one part of an export has."""


async def show_entries(
    store: StateStore, request: EntriesRequest, workspace: str | None
) -> Response:
    """Return a page of a scope's entries, with the beginning of each value."""
    key = _key(request, workspace)
    page, following = await _page(store.backend, key, request.after, request.limit)
    if not page and request.after is None:
        raise Gone("this scope has no entries any more")
    return {
        **scope_view(key),
        "entries": [preview_view(name, entry) for name, entry in page],
        "next": following,
    }


async def show_entry(store: StateStore, request: EntryRequest, workspace: str | None) -> Response:
    """Return one entry, with its whole value."""
    entry = await store.backend.get(_key(request, workspace), request.key)
    if entry is None:
        raise Gone(f"{request.key!r} does not exist any more")
    return {"entry": entry_view(request.key, entry, reveal=request.reveal)}


async def save_entry(store: StateStore, request: SaveRequest, workspace: str | None) -> Response:
    """Write a value over the version that its writer saw."""
    value = decode_text(request.text)
    scope = _own_key(request)
    change = make_change(scope, request.key, value, store.limits, expect=request.version)
    await _check_reachable(store.backend, scope, workspace)
    held = await store.backend.get(change.scope, change.key)
    return await _commit(store, change._replace(expires_at=held and held.expires_at))


async def delete_entry(
    store: StateStore, request: DeleteRequest, workspace: str | None
) -> Response:
    """Delete an entry at the version that its writer saw."""
    return await _commit(
        store, Change(_key(request, workspace), request.key, None, request.version)
    )


async def _check_reachable(backend: Backend, scope: ScopeKey, workspace: str | None) -> None:
    """Refuse to create a scope that no run of the workspace would read."""
    readable = has_known_shape(scope) or await backend.list(scope, "", 1)
    if not readable or not is_in_workspace(scope, workspace):
        raise ScopeError(f"no run reads this {scope.scope} scope: choose an existing scope")


async def _commit(store: StateStore, change: Change) -> Response:
    """Write, or return the version that somebody else wrote since."""
    try:
        await store.backend.commit([change])
    except VersionConflict as error:
        current = await store.backend.get(change.scope, change.key)
        return error_response("conflict", str(error), current=_view(change.key, current))
    return {"entry": _view(change.key, await store.backend.get(change.scope, change.key))}


def _view(key: str, entry: Entry | None) -> Response | None:
    return None if entry is None else entry_view(key, entry)


async def clear_scope(store: StateStore, request: ClearRequest, workspace: str | None) -> Response:
    """Delete every entry of a scope."""
    deleted = await store.clear(ScopeFilter(key=_key(request, workspace)))
    if not deleted:
        raise Gone("this scope has no entries any more")
    return {"deleted": deleted}


async def export_scope(
    store: StateStore, request: ExportRequest, workspace: str | None
) -> Response:
    """Return a part of a scope, with whole values."""
    key = _key(request, workspace)
    page, following = await _page(store.backend, key, request.after, EXPORT_ENTRIES)
    if not page and request.after is None:
        raise Gone("this scope has no entries any more")
    entries: list[Response] = []
    size = 0
    for name, entry in page:
        if size > EXPORT_BYTES:
            following = entries[-1]["key"]
            break
        entries.append(entry_view(name, entry, reveal=request.reveal))
        size += len(entry.value)
    return {**scope_view(key), "entries": entries, "next": following}


async def show_person(store: StateStore, request: PersonRequest, workspace: str | None) -> Response:
    """Return what erasing a person would delete."""
    filters = filters_for("person", request.id, bot=request.bot, workspace=workspace)
    scopes = await matching_scopes(store.backend, filters)
    return {
        "scopes": [stored_view(stored) for stored in scopes],
        "entries": sum(stored.entries for stored in scopes),
    }


async def erase_person(
    store: StateStore, request: PersonRequest, workspace: str | None
) -> Response:
    """Erase the state that belongs to a person."""
    filters = filters_for("person", request.id, bot=request.bot, workspace=workspace)
    return {"deleted": await erase(store, filters)}


async def _page(
    backend: Backend, scope: ScopeKey, after: str | None, limit: int
) -> tuple[list[tuple[str, Entry]], str | None]:
    """Read a page of entries, and no other values; returns them and where to continue."""
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


def _key(request: Any, workspace: str | None) -> ScopeKey:
    """Return the scope of a request; that of another workspace does not exist."""
    key = _own_key(request)
    if not is_in_workspace(key, workspace):
        raise Gone("this scope has no entries any more")
    return key


def _own_key(request: Any) -> ScopeKey:
    key: ScopeKey = request.scope.key()
    if is_bookkeeping(key):
        raise ScopeError("this scope is the extension's own bookkeeping")
    return key
