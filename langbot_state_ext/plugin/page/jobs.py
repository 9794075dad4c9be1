"""What takes long in a large store: a search by text, and the figures of the overview."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from ...backends import ALL_SCOPES, Backend, ScopeFilter
from ...backends.overview import DAY_S
from ...backends.pace import Pace
from ..owners import BOOKKEEPING, WORKSPACE
from ..views import overview_view, stored_view
from .requests import FindRequest
from .responses import Response
from .search import find

DAYS = 14
"""How many days the chart has."""

NEWEST = 40
"""How many of the latest writes are listed."""

PARTS = ("runner_id", "bot_id", "bot_uuid")
"""The parts of a key that the page offers as filters."""


class Jobs(Protocol):
    """Runs jobs so that whoever shares the event loop does not notice."""

    async def run(self, job: str, arguments: Mapping[str, Any]) -> Response:
        """Run one of `JOBS`.

        Args:
            job: Its name.
            arguments: What it takes, as JSON data.

        Raises:
            StateError: The job failed.
        """

    async def close(self) -> None:
        """End what runs the jobs. Calling it again does nothing."""


class LoopJobs:
    """Runs jobs in this event loop, in small steps.

    Args:
        backend: An open backend.
        share: The share of the time that a job may take, see `Pace`.
    """

    def __init__(self, backend: Backend, share: float) -> None:
        self._backend = backend
        self._share = share

    async def run(self, job: str, arguments: Mapping[str, Any]) -> Response:
        """Run a job, see `Jobs.run`."""
        return await JOBS[job](self._backend, Pace(self._share), **arguments)

    async def close(self) -> None:
        """Do nothing: there is nothing to end."""


async def find_scopes(
    backend: Backend, pace: Pace, *, request: Mapping[str, Any], workspace: str | None
) -> Response:
    """Return a page of scopes.

    Args:
        backend: The store's backend.
        pace: Spreads the work.
        request: The fields of a `FindRequest`.
        workspace: The workspace that is searched; None for the whole store.
    """
    found = await find(backend, FindRequest.model_validate(request), workspace, pace)
    return {
        "scopes": [stored_view(stored, keys) for stored, keys in found.scopes],
        "looked_into": found.looked_into,
        "cursor": found.cursor,
    }


async def compute_figures(
    backend: Backend, _pace: Pace, *, now: float, workspace: str | None
) -> Response:
    """Return the figures of the overview; a backend in this process spreads the work itself.

    Args:
        backend: The store's backend.
        now: Seconds since 1970.
        workspace: The workspace that is counted; None for the whole store.
    """
    include = ALL_SCOPES if workspace is None else ScopeFilter(parts={WORKSPACE: workspace})
    since = now - DAYS * DAY_S
    overview = await backend.overview(
        BOOKKEEPING, since=since, newest=NEWEST, parts=PARTS, include=include
    )
    return overview_view(overview)


JOBS: dict[str, Callable[..., Awaitable[Response]]] = {
    "find": find_scopes,
    "figures": compute_figures,
}
"""The jobs by name."""
