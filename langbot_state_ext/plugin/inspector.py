"""The API between the page and the plugin: one table of endpoints, data in, data out.

Every answer is an object. What could not be done is `{"error": {"code": …, "message": …}}`, since
LangBot shows a page nothing of a failure of any other kind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from ..backends import Backend, Change, Entry, ScopeFilter
from ..errors import BackendError, ScopeError, StateError, VersionConflict
from ..scopes import ScopeKey
from ..store import StateStore
from .erasing import erase, stored_scopes
from .finding import SETTING, StoreAccess, StoreNotFound
from .identities import OWN, belongings, is_own
from .models import (
    ClearRequest,
    DeleteRequest,
    EntriesRequest,
    EntryRequest,
    ExportRequest,
    FindRequest,
    NoRequest,
    PersonRequest,
    SaveRequest,
)
from .search import find
from .views import entry_view, overview_view, preview_view, scope_view, stored_view

LOGGER = logging.getLogger("langbot_state_ext.plugin")

Answer = dict[str, Any]

DAYS = 14
"""How many days the chart has."""

NEWEST = 12
"""How many of the latest writes are shown."""

REST = 20
"""An overview is made anew after this many times of how long it took, at the earliest."""

EXPORT_ENTRIES = 50
EXPORT_BYTES = 2 * 1024 * 1024
"""About how much one piece of an export has."""


class _Gone(StateError):
    """What was asked for is not there any more."""


_CODES: dict[type[StateError], str] = {
    StoreNotFound: "no_store",
    BackendError: "unavailable",
    _Gone: "gone",
    StateError: "refused",
}


class Endpoint(NamedTuple):
    """What one endpoint takes and does."""

    request: type[BaseModel]
    answer: Callable[[StateStore, Any], Awaitable[Answer]]


class Inspector:
    """Answers the page.

    Args:
        access: Gives the store.
        names: Gives the names of LangBot's bots by uuid.
        clock: Seconds since 1970. Default `time.time`.
    """

    def __init__(
        self,
        access: StoreAccess,
        names: Callable[[], Awaitable[Mapping[str, str]]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._access = access
        self._names = names
        self._clock = clock
        self._overview: tuple[float, Answer] | None = None
        self._making = asyncio.Lock()
        self.endpoints = {
            "/overview": Endpoint(NoRequest, self._show_overview),
            "/find": Endpoint(FindRequest, _find),
            "/entries": Endpoint(EntriesRequest, _entries),
            "/entry": Endpoint(EntryRequest, _entry),
            "/save": Endpoint(SaveRequest, _save),
            "/delete": Endpoint(DeleteRequest, _delete),
            "/clear": Endpoint(ClearRequest, _clear),
            "/export": Endpoint(ExportRequest, _export),
            "/person": Endpoint(PersonRequest, _person),
            "/erase": Endpoint(PersonRequest, _erase),
        }

    async def handle(self, endpoint: str, body: object) -> Answer:
        """Answer one call of the page.

        Args:
            endpoint: One of `endpoints`.
            body: Its request, an object; None for an empty one.

        Returns:
            The answer, or `{"error": {"code": …, "message": …}}`. Codes are `unknown_endpoint`,
            `bad_request`, `no_store`, `unavailable`, `gone`, `conflict` and `refused`.
        """
        known = self.endpoints.get(endpoint)
        if known is None:
            return _error("unknown_endpoint", f"no such endpoint: {endpoint}")
        try:
            request = known.request.model_validate({} if body is None else body)
        except ValidationError as error:
            return _error("bad_request", _faults(error))
        try:
            return await known.answer(await self._access.store(), request)
        except StateError as error:
            return _failure(error)

    async def _show_overview(self, store: StateStore, _request: NoRequest) -> Answer:
        """Return the figures; those of a moment ago where making them takes long."""
        async with self._making:
            return await self._overview_of(store)

    async def _overview_of(self, store: StateStore) -> Answer:
        now = self._clock()
        if self._overview is None or now >= self._overview[0]:
            started = time.perf_counter()
            overview = await store.backend.overview(
                OWN, since=now - DAYS * 86_400, newest=NEWEST, parts=("runner_id", "bot_id")
            )
            again = now + REST * (time.perf_counter() - started)
            named = {"bot_names": await self._bot_names(), "url": self._access.url, "made_at": now}
            self._overview = (again, {**overview_view(overview), **named})
        return self._overview[1]

    async def _bot_names(self) -> Any:
        """Return the names of the bots; none where LangBot does not say them."""
        try:
            return await self._names()
        except Exception as error:  # noqa: BLE001 - the figures matter more
            LOGGER.warning("The names of the bots are not known: %s", error)
            return {}


async def _find(store: StateStore, request: FindRequest) -> Answer:
    found = await find(store.backend, request)
    return {
        "scopes": [stored_view(stored, keys) for stored, keys in found.scopes],
        "looked_into": found.looked_into,
        "cursor": found.cursor,
    }


async def _entries(store: StateStore, request: EntriesRequest) -> Answer:
    key = _key(request)
    page, following = await _page(store.backend, key, request.after, request.limit)
    if not page and request.after is None:
        raise _Gone("this scope has no state any more")
    return {
        **scope_view(key),
        "entries": [preview_view(name, entry) for name, entry in page],
        "next": following,
    }


async def _entry(store: StateStore, request: EntryRequest) -> Answer:
    entry = await store.backend.get(_key(request), request.key)
    if entry is None:
        raise _Gone(f"{request.key!r} is not there any more")
    return {"entry": entry_view(request.key, entry, reveal=request.reveal)}


async def _save(store: StateStore, request: SaveRequest) -> Answer:
    try:
        value = from_json(request.text, allow_inf_nan=False)
    except ValueError as error:
        return _error("refused", f"this is not JSON: {error}")
    change = store.change(_key(request), request.key, value, expect=request.version)
    held = await store.backend.get(change.scope, change.key)
    return await _commit(store, change._replace(expires_at=held and held.expires_at))


async def _delete(store: StateStore, request: DeleteRequest) -> Answer:
    return await _commit(store, Change(_key(request), request.key, None, request.version))


async def _commit(store: StateStore, change: Change) -> Answer:
    """Write, or show what somebody else has written since."""
    try:
        await store.backend.commit([change])
    except VersionConflict as error:
        current = await store.backend.get(change.scope, change.key)
        return _error("conflict", str(error), current=_view(change.key, current))
    return {"entry": _view(change.key, await store.backend.get(change.scope, change.key))}


def _view(key: str, entry: Entry | None) -> Answer | None:
    return None if entry is None else entry_view(key, entry)


async def _clear(store: StateStore, request: ClearRequest) -> Answer:
    deleted = await store.clear(ScopeFilter(key=_key(request)))
    if not deleted:
        raise _Gone("this scope has no state any more")
    return {"deleted": deleted}


async def _export(store: StateStore, request: ExportRequest) -> Answer:
    key = _key(request)
    page, following = await _page(store.backend, key, request.after, EXPORT_ENTRIES)
    if not page and request.after is None:
        raise _Gone("this scope has no state any more")
    entries: list[Answer] = []
    size = 0
    for name, entry in page:
        if size > EXPORT_BYTES:
            following = entries[-1]["key"]
            break
        entries.append(entry_view(name, entry, reveal=request.reveal))
        size += len(entry.value)
    return {**scope_view(key), "entries": entries, "next": following}


async def _person(store: StateStore, request: PersonRequest) -> Answer:
    filters = belongings("person", request.id, bot=request.bot)
    scopes = await stored_scopes(store.backend, filters)
    return {
        "scopes": [stored_view(stored) for stored in scopes],
        "entries": sum(stored.entries for stored in scopes),
    }


async def _erase(store: StateStore, request: PersonRequest) -> Answer:
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
    page = [(name, await backend.get(scope, name)) for name in keys[:limit]]
    following = keys[limit - 1] if len(keys) > limit else None
    return [(name, entry) for name, entry in page if entry is not None], following


def _key(request: Any) -> ScopeKey:
    key: ScopeKey = request.scope.key()
    if is_own(key):
        raise ScopeError("this scope is the extension's own bookkeeping")
    return key


def _failure(error: StateError) -> Answer:
    more = {}
    if isinstance(error, StoreNotFound):
        more = {"url": error.url, "setting": SETTING}
    code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
    return _error(code, str(error), **more)


def _error(code: str, message: str, **more: Any) -> Answer:
    return {"error": {"code": code, "message": message, **more}}


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in faults
    )
