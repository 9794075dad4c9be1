"""Search for scopes by name or id, or by the text of keys and values.

A request becomes filters, which are scanned one after the other. It scans a limited part of the
store; its cursor says where the next one continues.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from ...backends import Backend, ScopeFilter, StoredScope
from ...backends.pace import Pace
from ...errors import CodecError, ScopeError
from ...state.codec import decode
from ...state.policy import is_bookkeeping
from ..masking import MASK, masked
from ..owners import filters_for, filters_for_bot, is_named
from ..views import pretty
from .requests import FindRequest

CHUNK = 100
"""How many scopes a page has where only some of them are shown."""

BATCH_BYTES = 256 * 1024
"""About how many bytes of values are loaded at once."""

BUDGET_BYTES = 2 * 1024 * 1024
"""After about how many bytes of values a request ends."""

BUDGET_S = 1.0
"""After how many seconds a request ends with what it has."""

Hit = tuple[StoredScope, list[str]]
"""A scope, and the keys whose entry has the text."""


@dataclass
class FindResult:
    """A page of scopes.

    Attributes:
        scopes: The scopes, and for each the keys whose entry has the text.
        looked_into: How many scopes were searched, without the bookkeeping.
        cursor: Where to continue; None when everything was searched.
    """

    scopes: list[Hit] = field(default_factory=list)
    looked_into: int = 0
    cursor: str | None = None


async def find(
    backend: Backend, request: FindRequest, workspace: str | None, pace: Pace
) -> FindResult:
    """Find scopes.

    Args:
        backend: The store's backend.
        request: Which scopes.
        workspace: Whose scopes, see `owners.is_in_workspace`.
        pace: Spreads the work over time.

    Returns:
        About as many scopes as were asked for. There are more when there is a cursor, also after
        fewer scopes.

    Raises:
        ScopeError: The cursor does not belong to this search.
        BackendError: The store failed.
    """
    return await _Search(backend, request, workspace, pace).run()


class _Position(NamedTuple):
    """How far a search is: in which filter, at which page, and after which scope."""

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
            raise ScopeError("the cursor does not belong to this search: start the search again")
        return cls(int(index), page or None, after)

    def __str__(self) -> str:
        return f"{self.nth}|{self.page or ''}|{self.after}"


class _Search:
    """One request, and what it has found and spent so far."""

    def __init__(
        self, backend: Backend, request: FindRequest, workspace: str | None, pace: Pace
    ) -> None:
        self._backend = backend
        self._request = request
        self._pace = pace
        self._filters = _filters_for_request(request, workspace)
        self._result = FindResult()
        self._value_bytes = 0
        self._end = time.monotonic() + BUDGET_S

    async def run(self) -> FindResult:
        position: _Position | None = _Position.read(self._request.cursor, len(self._filters))
        while position is not None:
            position = await self._scan_page(position)
            await self._pace.step()
            if self._is_over():
                break
        self._result.cursor = None if position is None else str(position)
        return self._result

    def _missing(self) -> int:
        return self._request.limit - len(self._result.scopes)

    def _is_over(self) -> bool:
        spent = self._value_bytes >= BUDGET_BYTES or time.monotonic() >= self._end
        return spent or self._missing() <= 0

    async def _scan_page(self, position: _Position) -> _Position | None:
        """Scan one page; returns where to continue."""
        size = self._missing() if self._request.text is None else CHUNK
        page = await self._backend.scopes(self._filters[position.nth], position.page, size)
        rest = [stored for stored in page.scopes if stored.key.storage > position.after]
        while rest:
            batch = self._batch(rest)
            self._result.scopes += await self._hits(batch)
            rest = rest[len(batch) :]
            if rest and self._is_over():
                return position._replace(after=batch[-1].key.storage)
        if page.cursor is not None:
            return _Position(position.nth, page.cursor)
        following = position.nth + 1
        return _Position(following) if following < len(self._filters) else None

    def _batch(self, scopes: list[StoredScope]) -> list[StoredScope]:
        """Return the first of the scopes: as many as are missing, or about `BATCH_BYTES`."""
        if not self._request.inside:
            return scopes[: self._missing()]
        size = 0
        for count, stored in enumerate(scopes, 1):
            size += stored.value_bytes
            if size >= BATCH_BYTES:
                return scopes[:count]
        return scopes

    async def _hits(self, batch: list[StoredScope]) -> list[Hit]:
        """Return which of the scopes match, without the bookkeeping."""
        scopes = [stored for stored in batch if not is_bookkeeping(stored.key)]
        self._result.looked_into += len(scopes)
        if self._request.text is None:
            return [(stored, []) for stored in scopes]
        text = self._request.text.casefold()
        if not self._request.inside:
            return [(stored, []) for stored in scopes if is_named(stored.key, text)]
        self._value_bytes += sum(stored.value_bytes for stored in scopes)
        loaded = await self._backend.load([stored.key for stored in scopes])
        hits = []
        for stored, values in zip(scopes, loaded, strict=True):
            keys = [key for key in sorted(values) if await self._has_text(key, values[key], text)]
            hits += [(stored, keys)] if keys else []
        return hits

    async def _has_text(self, key: str, data: bytes, text: str) -> bool:
        await self._pace.step()
        return text in key.casefold() or (_may_contain(data, text) and _contains(key, data, text))


def _filters_for_request(request: FindRequest, workspace: str | None) -> list[ScopeFilter]:
    """Return the filters of a request; no scope matches two of them."""
    if request.whose is not None and request.id is not None:
        filters = filters_for(request.whose, request.id, bot=request.bot, workspace=workspace)
    else:
        filters = filters_for_bot(request.bot, workspace=workspace)
    runner = {} if request.runner is None else {"runner_id": request.runner}
    text = None if request.inside else request.text
    return [
        dataclasses.replace(each, scope=request.scope, parts={**each.parts, **runner}, text=text)
        for each in filters
    ]


def _may_contain(data: bytes, text: str) -> bool:
    """Rule out most values without decoding them; an escape may stand for the text."""
    return text in data.decode("utf-8", "replace").casefold() or b"\\" in data


def _contains(key: str, data: bytes, text: str) -> bool:
    """Return whether the text is in what would be shown of a value."""
    try:
        shown = masked(key, decode(data))
    except CodecError:
        return False
    return shown != MASK and text in pretty(shown).casefold()
