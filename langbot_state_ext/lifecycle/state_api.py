"""The State API of runs, `ctx.state_set` and the others, and how a write of a run is made."""

from __future__ import annotations

from typing import Any

from ..backends import Change
from ..errors import StateError
from ..state.external_id import is_external_id
from ..state.policy import Refusal
from ..state.scopes import ScopeKey
from ..store.store import StateStore
from ..store.updates import resolve, stored_key
from .run import ActiveRun, Outcome

STATE_API_MAX_KEYS = 100
"""The most keys that one `state_list` returns."""


class StateApi:
    """Answers the State API; the base of `RunLifecycle`.

    Args:
        store: Where the state is.
    """

    def __init__(self, store: StateStore) -> None:
        self.store = store
        self._active: dict[str, ActiveRun] = {}

    async def state_set(self, run_id: str | None, scope: ScopeKey, key: str, value: Any) -> Outcome:
        """Write one value for the State API.

        Args:
            run_id: The run that asks; None for one that is not known.
            scope: Whose state.
            key: The state key, any text.
            value: Any value.

        Returns:
            What came of it. A refusal is not logged here.
        """
        update = resolve(scope, key, value, self.store.limits, run_id=run_id)
        return await self._apply(update, scope.scope, key, value)

    async def state_delete(self, run_id: str | None, scope: ScopeKey, key: str) -> bool:
        """Delete one value for the State API.

        Returns:
            True when it was there.

        Raises:
            InvalidKey: The key is outside the limits.
            StateError: The run has failed; nothing was deleted.
            BackendError: The store failed; nothing was deleted.
        """
        change = Change(scope, stored_key(key, self.store.limits), None, run_id=run_id)
        if await self.store.backend.get(scope, change.key) is None:
            return False
        await self._commit(change)
        return True

    async def state_list(
        self, scope: ScopeKey, prefix: str | None, limit: object
    ) -> tuple[list[str], bool]:
        """List keys for the State API, see `StateStore.list`.

        Args:
            scope: Whose state.
            prefix: How the keys begin. None and empty text: every key.
            limit: The most keys, 1 to 100. Anything else means 100.

        Source:
            LangBot 4.11.2, langbot/pkg/plugin/agent_state_actions.py, state_list.
        """
        number = limit if isinstance(limit, int) and limit > 0 else STATE_API_MAX_KEYS
        return await self.store.list(scope, prefix or "", min(number, STATE_API_MAX_KEYS))

    async def _apply(self, update: Change | Refusal, scope: str, key: str, value: Any) -> Outcome:
        """Make an update, and say what came of it."""
        if isinstance(update, Refusal):
            return Outcome(scope, key, update.reason)
        try:
            await self._commit(update)
        except StateError as error:
            return Outcome(scope, key, str(error))
        active = self._active.get(update.run_id or "")
        if active is not None and is_external_id(scope, update.key):
            active.external_ids.append(value)
        return Outcome(scope, update.key, None)

    async def _commit(self, change: Change) -> None:
        active = self._active.get(change.run_id or "")
        if active is not None and active.undo is not None:
            await active.undo.commit(change)
        else:
            await self.store.backend.commit([change])
