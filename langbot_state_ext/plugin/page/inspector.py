"""The API between the page and the plugin: one table of endpoints, data in, data out.

Every answer is an object. What could not be done is `{"error": {"code": …, "message": …}}`, since
LangBot shows a page nothing of a failure of any other kind.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from ...errors import StateError
from ...store.store import StateStore
from ..locate import StoreAccess
from . import endpoints
from .figures import Figures
from .requests import (
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
from .responses import Answer, failed, failed_with, faults


class Endpoint(NamedTuple):
    """What one endpoint takes and does, and whether that may change the figures."""

    request: type[BaseModel]
    answer: Callable[[StateStore, Any], Awaitable[Answer]]
    changes: bool = False


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
        self._figures = Figures(names, clock)
        self.endpoints = {
            "/overview": Endpoint(NoRequest, self._show_overview),
            "/find": Endpoint(FindRequest, endpoints.find_scopes),
            "/entries": Endpoint(EntriesRequest, endpoints.show_entries),
            "/entry": Endpoint(EntryRequest, endpoints.show_entry),
            "/save": Endpoint(SaveRequest, endpoints.save_entry, changes=True),
            "/delete": Endpoint(DeleteRequest, endpoints.delete_entry, changes=True),
            "/clear": Endpoint(ClearRequest, endpoints.clear_scope, changes=True),
            "/export": Endpoint(ExportRequest, endpoints.export_scope),
            "/person": Endpoint(PersonRequest, endpoints.show_person),
            "/erase": Endpoint(PersonRequest, endpoints.erase_person, changes=True),
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
            return failed("unknown_endpoint", f"no such endpoint: {endpoint}")
        try:
            request = known.request.model_validate({} if body is None else body)
        except ValidationError as error:
            return failed("bad_request", faults(error))
        try:
            return await known.answer(await self._access.store(), request)
        except StateError as error:
            return failed_with(error, self._access.url)
        finally:
            if known.changes:
                self._figures.forget()

    async def _show_overview(self, store: StateStore, _request: NoRequest) -> Answer:
        return {**await self._figures.show(store), "url": self._access.url}
