"""Finding scopes: what is asked for becomes filters, which are walked one after the other.

A request reads a bounded piece of the store; the cursor says where the next one goes on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..backends import Backend, ScopeFilter, StoredScope
from ..codec import decode
from ..errors import CodecError, ScopeError
from ..masking import MASK, masked
from .identities import belongings, is_own
from .models import FindRequest
from .views import pretty

CHUNK = 100
"""How many scopes are looked into at once."""

BUDGET = 1000
"""How many scopes one request looks into, at the most."""


@dataclass
class Found:
    """A page of scopes.

    Attributes:
        scopes: The scopes, and for each the keys whose entry has the text.
        looked_into: How many scopes were looked at.
        cursor: Where to go on; None when everything was looked at.
    """

    scopes: list[tuple[StoredScope, list[str]]] = field(default_factory=list)
    looked_into: int = 0
    cursor: str | None = None


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
    index, cursor = _position(request.cursor, len(filters))
    found = Found()
    while index < len(filters):
        cursor = await _step(backend, request, filters[index], cursor, found)
        index += cursor is None
        if len(found.scopes) >= request.limit or found.looked_into >= BUDGET:
            break
    found.cursor = f"{index}|{cursor or ''}" if index < len(filters) else None
    return found


def filters_of(request: FindRequest) -> list[ScopeFilter]:
    """Return the filters that a request means; no scope matches two of them."""
    parts = {"runner_id": request.runner, "bot_id": request.bot}
    given = {name: value for name, value in parts.items() if value is not None}
    own = [ScopeFilter()]
    if request.whose is not None and request.id is not None:
        own = belongings(request.whose, request.id)
    text = None if request.inside else request.text
    return [
        dataclasses.replace(one, scope=request.scope, parts={**one.parts, **given}, text=text)
        for one in own
    ]


async def _step(
    backend: Backend, request: FindRequest, which: ScopeFilter, cursor: str | None, found: Found
) -> str | None:
    """Read one page and keep what matches; returns where to go on."""
    inside = request.inside and request.text is not None
    wanted = CHUNK if inside else request.limit - len(found.scopes)
    page = await backend.scopes(which, cursor, wanted)
    scopes = [stored for stored in page.scopes if not is_own(stored.key)]
    found.looked_into += len(page.scopes)
    if inside:
        found.scopes += await _with_text(backend, scopes, str(request.text).casefold())
    else:
        found.scopes += [(stored, []) for stored in scopes]
    return page.cursor


async def _with_text(
    backend: Backend, scopes: list[StoredScope], text: str
) -> list[tuple[StoredScope, list[str]]]:
    loaded = await backend.load([stored.key for stored in scopes])
    hits = []
    for stored, values in zip(scopes, loaded, strict=True):
        keys = _keys_with(values, text)
        identity = any(text in (value or "").casefold() for _, value in stored.key.parts)
        if keys or identity:
            hits.append((stored, keys))
    return hits


def _keys_with(values: Mapping[str, bytes], text: str) -> list[str]:
    return sorted(
        key
        for key, data in values.items()
        if text in key.casefold() or (_may_hold(data, text) and _holds(key, data, text))
    )


def _may_hold(data: bytes, text: str) -> bool:
    """Rule out most values without decoding them."""
    return text in data.decode("utf-8", "replace").casefold() or b"\\" in data


def _holds(key: str, data: bytes, text: str) -> bool:
    """Return whether the text is in what would be shown of a value."""
    try:
        shown = masked(key, decode(data))
    except CodecError:
        return False
    return shown != MASK and text in pretty(shown).casefold()


def _position(cursor: str | None, filters: int) -> tuple[int, str | None]:
    if cursor is None:
        return 0, None
    index, _, rest = cursor.partition("|")
    if not index.isdecimal() or int(index) >= filters:
        raise ScopeError("the cursor does not belong to this search: begin again")
    return int(index), rest or None
