"""The page's API: one table of endpoints, a request in, a response out.

Every response is an object. A failure is `{"error": {"code": …, "message": …}}`, because LangBot
gives a page no details of any other failure.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from ...backends.pace import LOOP_SHARE
from ...backends.urls import url_without_secrets
from ...errors import StateError
from ...store.store import StateStore
from . import endpoints
from .figures import Figures, Names
from .jobs import Jobs, LoopJobs
from .process import ProcessJobs
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
        handle: Makes the response, given the store, the request and the workspace.
        writes: Whether it writes, which changes the overview's figures.
    """

    request: type[BaseModel]
    handle: Callable[[StateStore, Any, str | None], Awaitable[Response]]
    writes: bool = False


class Inspector:
    """Handles the page's calls.

    What takes long in a large store runs in a process of its own; for `memory://`, which no other
    process can open, in the event loop, with pauses.

    Args:
        store: The open store.
        names: Returns the names of the bots of a workspace by uuid; None for all bots.
        url: The store's complete url, with the password that it needs.
        clock: Seconds since 1970. Default `time.time`.
    """

    def __init__(
        self,
        store: StateStore,
        names: Names,
        *,
        url: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._names = names
        self._url = url_without_secrets(url)
        self._clock = clock
        in_memory = url.startswith("memory:")
        self._here = LoopJobs(store.backend, LOOP_SHARE if in_memory else 1)
        self._searching: Jobs = self._here if in_memory else ProcessJobs(url)
        self._counting: Jobs = self._here if in_memory else ProcessJobs(url)
        self._figures: dict[str | None, Figures] = {}
        self.endpoints = {
            "/overview": Endpoint(EmptyRequest, self._show_overview),
            "/find": Endpoint(FindRequest, self._find),
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
            workspace: The workspace of whoever asks; nothing else exists for them. None
                (default) for a LangBot with one workspace: everything exists.

        Returns:
            The answer, or `{"error": {"code": …, "message": …}}`. Codes are `unknown_endpoint`,
            `bad_request`, `unavailable`, `gone`, `conflict` and `refused`.
        """
        known = self.endpoints.get(endpoint)
        if known is None:
            return error_response("unknown_endpoint", f"no such endpoint: {endpoint}")
        try:
            request = known.request.model_validate({} if body is None else body)
        except ValidationError as error:
            return error_response("bad_request", validation_message(error))
        try:
            return await known.handle(self._store, request, workspace)
        except StateError as error:
            return error_response_to(error, self._url)
        finally:
            if known.writes:
                self._figures_of(workspace).invalidate()

    async def close(self) -> None:
        """End what runs beside LangBot; call it before the store is closed."""
        for jobs in (self._searching, self._counting):
            await jobs.close()

    async def _show_overview(
        self, _store: StateStore, _request: EmptyRequest, workspace: str | None
    ) -> Response:
        return {**await self._figures_of(workspace).show(), "url": self._url}

    async def _find(
        self, _store: StateStore, request: FindRequest, workspace: str | None
    ) -> Response:
        arguments = {"request": request.model_dump(), "workspace": workspace}
        jobs = self._here if request.text is None else self._searching
        return await jobs.run("find", arguments)

    def _figures_of(self, workspace: str | None) -> Figures:
        if workspace not in self._figures:
            made = Figures(self._counting, workspace, self._names, self._clock)
            self._figures[workspace] = made
        return self._figures[workspace]
