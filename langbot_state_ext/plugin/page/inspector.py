"""The page's API: one table of endpoints, a request in, a response out.

Every response is an object. A failure is `{"error": {"code": …, "message": …}}`, because LangBot
gives a page no details of any other failure.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from ...backends.urls import url_without_secrets
from ...errors import StateError
from ...store.store import StateStore
from . import endpoints
from .figures import Figures
from .requests import (
    ClearRequest,
    DeleteRequest,
    EmptyRequest,
    EntriesRequest,
    EntryRequest,
    ExportRequest,
    FindRequest,
    PersonRequest,
    SaveRequest,
)
from .responses import Response, error_response, error_response_to, validation_message


class Endpoint(NamedTuple):
    """What an endpoint takes and does.

    Attributes:
        request: The model of its request.
        handle: Makes the response.
        writes: Whether it writes, which changes the overview's figures.
    """

    request: type[BaseModel]
    handle: Callable[[StateStore, Any], Awaitable[Response]]
    writes: bool = False


class Inspector:
    """Handles the page's calls.

    Args:
        store: The open store.
        names: Returns the names of a workspace's bots by uuid.
        url: The store's complete url.
        clock: Seconds since 1970. Default `time.time`.
    """

    def __init__(
        self,
        store: StateStore,
        names: Callable[[str | None], Awaitable[Mapping[str, str]]],
        *,
        url: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._url = url_without_secrets(url)
        self._figures = Figures(lambda: names(None), clock)
        self.endpoints = {
            "/overview": Endpoint(EmptyRequest, self._show_overview),
            "/find": Endpoint(FindRequest, endpoints.find_scopes),
            "/entries": Endpoint(EntriesRequest, endpoints.show_entries),
            "/entry": Endpoint(EntryRequest, endpoints.show_entry),
            "/save": Endpoint(SaveRequest, endpoints.save_entry, writes=True),
            "/delete": Endpoint(DeleteRequest, endpoints.delete_entry, writes=True),
            "/clear": Endpoint(ClearRequest, endpoints.clear_scope, writes=True),
            "/export": Endpoint(ExportRequest, endpoints.export_scope),
            "/person": Endpoint(PersonRequest, endpoints.show_person),
            "/erase": Endpoint(PersonRequest, endpoints.erase_person, writes=True),
        }

    async def handle(self, endpoint: str, body: object, workspace: str | None = None) -> Response:
        """Handle one call of the page.

        Args:
            endpoint: One of `endpoints`.
            body: Its request, an object; None for an empty one.

        Returns:
            The answer, or `{"error": {"code": …, "message": …}}`. Codes are `unknown_endpoint`,
            `bad_request`, `no_store`, `unavailable`, `gone`, `conflict` and `refused`.
        """
        known = self.endpoints.get(endpoint)
        if known is None:
            return error_response("unknown_endpoint", f"no such endpoint: {endpoint}")
        try:
            request = known.request.model_validate({} if body is None else body)
        except ValidationError as error:
            return error_response("bad_request", validation_message(error))
        try:
            return await known.handle(self._store, request)
        except StateError as error:
            return error_response_to(error, self._url)
        finally:
            if known.writes:
                self._figures.invalidate()

    async def _show_overview(self, store: StateStore, _request: EmptyRequest) -> Response:
        return {**await self._figures.show(store), "url": self._url}

    async def close(self) -> None:
        """End what runs in the background."""
