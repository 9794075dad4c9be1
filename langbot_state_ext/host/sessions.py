"""The rules of `conversation_rules`, applied to LangBot's sessions and conversations."""

from __future__ import annotations

import time
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from ..backends import ScopeFilter
from ..errors import BackendError
from ..lifecycle.conversation_rules import (
    Synced,
    stable_conversation_id,
    uuid_on_resume,
)
from ..lifecycle.lifecycle import RunLifecycle
from ..lifecycle.run import Outcome
from ..state.external_id import is_external_id, uuid_after
from ..state.scopes import ScopeKey, conversation_id_of_session
from .history import cut_history, keep_session
from .patches import Patch
from .seams import has_seam

_SYNCED = "_state_ext_synced"
_SEEN = "_state_ext_seen"
_FAILURE = "_state_ext_failure"
_RESUMED = "_state_ext_resumed"

_NEW_CONVERSATION = "create_new_conversation"

_action: ContextVar[str] = ContextVar("action", default="")
"""The action of a plugin that LangBot 4.11.0 is answering."""


class Sessions:
    """Keeps LangBot's conversations in step with the stored external ids.

    Args:
        lifecycle: Gets each message, and what ends a conversation.
        logger: LangBot's logger.
        persistence: LangBot's persistence manager. Default: none, only to look at the patches.
        sync_uuid: Whether the external id becomes the conversation's uuid.
    """

    def __init__(
        self,
        lifecycle: RunLifecycle,
        *,
        logger: Any,
        persistence: Any = None,
        sync_uuid: bool = True,
    ) -> None:
        self._lifecycle = lifecycle
        self._persistence = persistence
        self._store = lifecycle.store
        self._logger = logger
        self._sync_uuid = sync_uuid

    def patches(self) -> list[Patch]:
        """Return the patches of LangBot's sessions; they differ between its versions."""
        pkg = "langbot.pkg"
        runner = f"{pkg}.agent.runner"
        patches = [
            Patch(f"{pkg}.provider.session.sessionmgr", "SessionManager.get_conversation",
                  self._get_conversation),
            Patch(f"{runner}.query_entry_adapter", "QueryEntryAdapter._build_conversation_context",
                  self._conversation_context),
        ]  # fmt: skip
        reset = Patch(f"{runner}.context_reset", "reset_runner_context", self._reset)
        if has_seam(reset.place):
            return [*patches, reset]
        return [
            *patches,
            Patch(f"{pkg}.api.http.service.monitoring", "MonitoringService.reset_session_context",
                  self._reset_session_4_11_0),
            Patch("langbot_plugin.runtime.io.handler", "Handler._handle_action",
                  self._handle_action_4_11_0),
            Patch(f"{pkg}.plugin.handler", "RuntimeConnectionHandler._resolve_query",
                  self._resolve_query_4_11_0),
        ]  # fmt: skip

    async def sync_uuid(self, run_id: str | None, outcome: Outcome, value: Any) -> None:
        """Make an accepted external id the uuid of the run's conversation."""
        if not self._sync_uuid or not outcome.kept:
            return
        if not is_external_id(outcome.scope, outcome.key):
            return
        conversation = await _conversation_of(run_id)
        if conversation is not None:
            _set_uuid(conversation, uuid_after(value, conversation.uuid))
            self._logger.debug(f"Run {run_id}: Synced external.conversation_id to the uuid")

    async def refresh_uuid(self, run_id: str, key: ScopeKey) -> None:
        """Set the uuid to the stored external id, which the end of a run may have changed."""
        conversation = await _conversation_of(run_id)
        if self._sync_uuid and conversation is not None:
            self._resume_uuid(conversation, await self._lifecycle.external_id(key))

    async def start_conversation(self, query: Any) -> None:
        """Start a new conversation in the chat of a Query, as a plugin's own call does.

        Source:
            LangBot 4.11.2, langbot/pkg/plugin/handler.py, create_new_conversation.
        """
        from langbot.pkg.agent.runner.query_entry_adapter import QueryEntryAdapter

        context = QueryEntryAdapter._build_conversation_context(query)  # noqa: SLF001
        parts = (query.workspace_uuid, query.bot_uuid, context.conversation_id)
        await cut_history(self._persistence, *parts)
        await self._clear(*parts)
        query.session.using_conversation = None

    async def _get_conversation(
        self, original: Any, *, query: Any, session: Any, **_rest: Any
    ) -> Any:
        """Note a message; LangBot calls this once before its run and again after it.

        A queued message gets its session long before its run, so a session alone does not say
        which of the two calls this is.
        """
        conversation = await original()
        if hasattr(query, _RESUMED):
            return conversation
        object.__setattr__(query, _RESUMED, True)
        query.session = session
        try:
            await self._resume(query, conversation)
        except BackendError as error:
            if self._lifecycle.on_unavailable == "fail":
                object.__setattr__(query, _FAILURE, error)
            else:
                self._logger.warning(f"Query {query.query_id} runs without state: {error}")
        except Exception as error:  # noqa: BLE001 - the answer comes first
            self._logger.warning(
                f"The conversation of query {query.query_id} was not resumed: {error}"
            )
        return conversation

    async def _resume(self, query: Any, conversation: Any) -> None:
        from langbot.pkg.agent.runner.binding_resolver import AgentBindingResolver
        from langbot.pkg.agent.runner.config_resolver import RunnerConfigResolver
        from langbot.pkg.agent.runner.query_bridge import QueryRunBridge

        if not RunnerConfigResolver.resolve_runner_id(query.pipeline_config):
            return
        query.variables["conversation_id"] = conversation.uuid  # as LangBot does next
        plan = QueryRunBridge(AgentBindingResolver()).build_plan(query)
        external_id, expired = await self._lifecycle.before_message(
            plan.event,
            plan.binding,
            _Runner(plan.binding.runner_id),
            expire_after_s=RunnerConfigResolver.get_expire_time(query.pipeline_config),
            idle_s=_idle_s(conversation),
        )
        if external_id is not None:
            # LangBot's own check uses a clock that may jump; it must agree with ours.
            conversation.update_time = datetime.now()  # noqa: DTZ005 - LangBot's kind
        if self._sync_uuid:
            self._resume_uuid(conversation, external_id)
        if expired:
            conversation.messages = []
            await self._cut_history(query, plan.event.conversation_id)

    async def _cut_history(self, query: Any, conversation_id: str) -> None:
        place = (query.workspace_uuid, query.bot_uuid, conversation_id)
        try:
            await cut_history(self._persistence, *place)
            await keep_session(self._persistence, query)
        except Exception as error:  # noqa: BLE001 - the answer comes first
            self._logger.warning(
                f"LangBot's history of conversation {conversation_id} was not cut: {error}"
            )

    def _resume_uuid(self, conversation: Any, external_id: Any) -> None:
        synced = getattr(conversation, _SYNCED, None)
        uuid = uuid_on_resume(external_id, conversation.uuid, synced)
        if uuid != conversation.uuid:
            _set_uuid(conversation, uuid)

    def _conversation_context(self, original: Any, *, query: Any) -> Any:
        """Return the id that LangBot would have without our uuid, see `stable_conversation_id`."""
        failure: BackendError | None = getattr(query, _FAILURE, None)
        if failure is not None:
            raise failure
        context = original()
        conversation = getattr(getattr(query, "session", None), "using_conversation", None)
        variable = (getattr(query, "variables", None) or {}).get("conversation_id")
        context.conversation_id = stable_conversation_id(
            context.conversation_id,
            getattr(conversation, _SYNCED, None),
            variable,
            context.session_id,
        )
        return context

    async def _reset(
        self, original: Any, *, workspace: str, bot: str, conversation: str, **_rest: Any
    ) -> None:
        await original()
        await self._clear(workspace, bot, conversation)

    async def _clear(self, workspace: str, bot: str, conversation: str) -> None:
        """Clear the conversation for every runner."""
        parts = {"workspace_id": workspace, "bot_id": bot, "conversation_id": conversation}
        cleared = await self._store.clear(ScopeFilter(scope="conversation", parts=parts))
        self._logger.info(f"Conversation {conversation} was reset: cleared {cleared} entries")

    async def _reset_session_4_11_0(
        self, original: Any, *, context: Any, bot_id: str, session_id: str
    ) -> Any:
        from langbot.pkg.api.http.service.monitoring import require_workspace_uuid

        done = await original()
        conversation = conversation_id_of_session(session_id)
        await self._clear(require_workspace_uuid(context), bot_id, conversation)
        return done

    async def _handle_action_4_11_0(self, original: Any, *, req_data: Any, **_rest: Any) -> None:
        token = _action.set(str(req_data.get("action", "")))
        try:
            await original()
        finally:
            _action.reset(token)

    async def _resolve_query_4_11_0(
        self, original: Any, *, action_context: Any, **_rest: Any
    ) -> Any:
        from langbot.pkg.agent.runner.query_entry_adapter import QueryEntryAdapter

        query = await original()
        if query is not None and _action.get() == _NEW_CONVERSATION:
            conversation = QueryEntryAdapter._build_conversation_context(query).conversation_id  # noqa: SLF001
            await self._clear(action_context.workspace_uuid, query.bot_uuid, str(conversation))
        return query


class _Runner:
    def __init__(self, runner_id: str) -> None:
        self.id = runner_id


def _set_uuid(conversation: Any, uuid: str | None) -> None:
    synced = Synced.after(getattr(conversation, _SYNCED, None), conversation.uuid, uuid)
    object.__setattr__(conversation, _SYNCED, synced)
    conversation.uuid = uuid


def _idle_s(conversation: Any) -> float | None:
    """Return how long this process saw no message of a conversation, and note this one."""
    seen: float | None = getattr(conversation, _SEEN, None)
    now = time.monotonic()
    object.__setattr__(conversation, _SEEN, now)
    return None if seen is None else now - seen


async def _conversation_of(run_id: str | None) -> Any:
    """Return the conversation that a run belongs to; None for one without a pipeline."""
    from langbot.pkg.agent.runner.session_registry import get_session_registry

    session = await get_session_registry().get(run_id) if run_id else None
    query = session and session.get("execution_query")
    return getattr(getattr(query, "session", None), "using_conversation", None)
