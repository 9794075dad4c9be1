"""Finding scopes: what is asked for becomes filters, which are walked one after the other.

A request reads a bounded piece of the store; the cursor says where the next one goes on.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from ...backends import Backend, ScopeFilter, StoredScope
from ...errors import CodecError, ScopeError
from ...state.codec import decode
from ...state.policy import is_bookkeeping
from ..masking import MASK, masked
from ..owners import belongings, has_name, of_bot
from ..views import pretty
from .requests import FindRequest

CHUNK = 100
"""How many scopes are asked for at once where most of them are not shown."""

BATCH_BYTES = 256 * 1024
"""About how much is read and looked into at once, out of the event loop."""

BUDGET_BYTES = 2 * 1024 * 1024
"""About how much one request looks into."""

BUDGET_S = 1.0
"""After how many seconds a request ends with what it has."""

Hit = tuple[StoredScope, list[str]]
"""A scope, and the keys whose entry has the text."""


@dataclass
class Found:
    """A page of scopes.

    Attributes:
        scopes: The scopes, and for each the keys whose entry has the text.
        looked_into: How many scopes were looked at, the bookkeeping left out.
        cursor: Where to go on; None when everything was looked at.
    """

    scopes: list[Hit] = field(default_factory=list)
    looked_into: int = 0
    cursor: str | None = None


class _Place(NamedTuple):
    """Where a walk is: which filter, which page of it, and the last scope that was looked at."""

    nth: int = 0
    page: str | None = None
    after: str = ""

    @classmethod
    def read(cls, cursor: str | None, filters: int) -> Self:
        if cursor is None:
            return cls()
        index, _, rest = cursor.partition("|")
        page, mark, after = rest.rpartition("|")
        if not mark or not index.isdecimal() or int(index) >= filters:
            raise ScopeError("the cursor does not belong to this search: begin again")
        return cls(int(index), page or None, after)

    def __str__(self) -> str:
        return f"{self.nth}|{self.page or ''}|{self.after}"


class _Effort:
    """What one request has done so far."""

    def __init__(self) -> None:
        self.value_bytes = 0
        self._end = time.monotonic() + BUDGET_S

    @property
    def spent(self) -> bool:
        return self.value_bytes >= BUDGET_BYTES or time.monotonic() >= self._end


async def find(backend: Backend, request: FindRequest) -> Found:
    """Find scopes.

    Args:
        backend: Where.
        request: Which.

    Returns:
        About as many as were asked for; fewer do not mean that there are no more, a cursor does.

    Raises:
        ScopeError: The cursor is not one that was given out for such a request.
        BackendError: The store failed.
    """
    filters = filters_of(request)
    place: _Place | None = _Place.read(request.cursor, len(filters))
    found, effort = Found(), _Effort()
    while place is not None:
        place = await _step(backend, request, filters, place, found, effort)
        if len(found.scopes) >= request.limit or effort.spent:
            break
    found.cursor = None if place is None else str(place)
    return found


def filters_of(request: FindRequest) -> list[ScopeFilter]:
    """Return the filters that a request means; no scope matches two of them."""
    if request.whose is not None and request.id is not None:
        own = belongings(request.whose, request.id, bot=request.bot)
    else:
        own = of_bot(request.bot)
    runner = {} if request.runner is None else {"runner_id": request.runner}
    text = None if request.inside else request.text
    return [
        dataclasses.replace(one, scope=request.scope, parts={**one.parts, **runner}, text=text)
        for one in own
    ]


async def _step(
    backend: Backend,
    request: FindRequest,
    filters: Sequence[ScopeFilter],
    place: _Place,
    found: Found,
    effort: _Effort,
) -> _Place | None:
    """Look at one page; returns where to go on."""
    wanted = request.limit - len(found.scopes) if request.text is None else CHUNK
    page = await backend.scopes(filters[place.nth], place.page, wanted)
    rest = [stored for stored in page.scopes if stored.key.storage > place.after]
    while rest:
        batch = _batch(rest, request, request.limit - len(found.scopes))
        found.scopes += await _matching(backend, request, batch, found, effort)
        rest = rest[len(batch) :]
        if rest and (len(found.scopes) >= request.limit or effort.spent):
            return place._replace(after=batch[-1].key.storage)
    if page.cursor is not None:
        return _Place(place.nth, page.cursor)
    return _Place(place.nth + 1) if place.nth + 1 < len(filters) else None


def _batch(scopes: list[StoredScope], request: FindRequest, room: int) -> list[StoredScope]:
    """Return the first of the scopes: as many as are shown, or as few as are quickly read."""
    if not request.inside:
        return scopes[:room]
    size = 0
    for count, stored in enumerate(scopes, 1):
        size += stored.value_bytes
        if size >= BATCH_BYTES:
            return scopes[:count]
    return scopes


async def _matching(
    backend: Backend,
    request: FindRequest,
    batch: list[StoredScope],
    found: Found,
    effort: _Effort,
) -> list[Hit]:
    """Return which of the scopes are meant, the bookkeeping left out."""
    scopes = [stored for stored in batch if not is_bookkeeping(stored.key)]
    found.looked_into += len(scopes)
    if request.text is None:
        return [(stored, []) for stored in scopes]
    text = request.text.casefold()
    if not request.inside:
        return [(stored, []) for stored in scopes if has_name(stored.key, text)]
    effort.value_bytes += sum(stored.value_bytes for stored in scopes)
    loaded = await backend.load([stored.key for stored in scopes])
    return await asyncio.to_thread(_with_text, scopes, loaded, text)


def _with_text(scopes: list[StoredScope], loaded: list[dict[str, bytes]], text: str) -> list[Hit]:
    looked = [
        (stored, _keys_with(values, text)) for stored, values in zip(scopes, loaded, strict=True)
    ]
    return [(stored, keys) for stored, keys in looked if keys]


def _keys_with(values: Mapping[str, bytes], text: str) -> list[str]:
    return sorted(
        key
        for key, data in values.items()
        if text in key.casefold() or (_may_hold(data, text) and _holds(key, data, text))
    )


def _may_hold(data: bytes, text: str) -> bool:
    """Rule out most values without decoding them; an escape may stand for the text."""
    return text in data.decode("utf-8", "replace").casefold() or b"\\" in data


def _holds(key: str, data: bytes, text: str) -> bool:
    """Return whether the text is in what would be shown of a value."""
    try:
        shown = masked(key, decode(data))
    except CodecError:
        return False
    return shown != MASK and text in pretty(shown).casefold()
