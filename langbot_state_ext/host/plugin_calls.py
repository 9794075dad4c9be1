"""Calls of the extension's own plugin, answered in LangBot's process.

The plugin has the page and the command, and no store. LangBot passes each of their calls through
its plugin connector; the store, the workspace and the rights are known here.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from ..plugin.command.command import Speaker, StateCommands
from ..plugin.command.texts import language_of
from ..plugin.page.inspector import Inspector
from ..store.store import StateStore
from .patches import Patch
from .sessions import Sessions

LOGGER = logging.getLogger("langbot_state_ext.host")

PLUGIN = ("langbot-state-ext", "RunnerState")
"""Author and name of the extension's plugin."""

PAGE = "inspector"

COMMAND = "state"

ADMIN = 2
"""LangBot's privilege of a bot's admins."""


class PluginCalls:
    """Answers the calls of the page and of the command.

    Args:
        ap: LangBot's application.
        store: The open store.
        sessions: Starts new conversations.
        url: The store's complete url.
    """

    def __init__(self, ap: Any, store: StateStore, sessions: Sessions, *, url: str) -> None:
        self._ap = ap
        self._store = store
        self._sessions = sessions
        self._inspector = Inspector(store, self._bot_names, url=url)

    def patches(self) -> list[Patch]:
        """Return the patches of LangBot's plugin connector."""
        connector = "PluginRuntimeConnector"
        return [
            Patch("langbot.pkg.plugin.connector", f"{connector}.{name}", function)
            for name, function in (
                ("handle_page_api", self._handle_page_api),
                ("execute_command", self._execute_command),
            )
        ]

    async def close(self) -> None:
        """End what the page has started."""
        await self._inspector.close()

    async def _handle_page_api(
        self,
        original: Callable[[], Any],
        *,
        plugin_author: str,
        plugin_name: str,
        page_id: str,
        endpoint: str,
        body: Any,
        **_rest: Any,
    ) -> Any:
        """Answer a call of the page, for the workspace of the operator who is asking."""
        if (plugin_author, plugin_name, page_id) != (*PLUGIN, PAGE):
            return await original()
        context, _ = await self._setting()
        return {"data": await self._inspector.handle(endpoint, body, context.workspace_uuid)}

    async def _execute_command(
        self, original: Callable[[], Any], *, command_ctx: Any, bound_plugins: Any
    ) -> AsyncIterator[Any]:
        """Answer `!state`, unless the pipeline takes it from another plugin."""
        if not await self._is_ours(command_ctx.command, bound_plugins):
            async for part in original():
                yield part
            return
        from langbot_plugin.api.entities.builtin.command.context import CommandReturn

        yield CommandReturn(text=await self._reply(command_ctx))

    async def _is_ours(self, command: str, bound_plugins: Any) -> bool:
        """Return whether LangBot would run a command in our plugin.

        Source:
            LangBot 4.11.2, langbot/pkg/plugin/connector.py, _target_binding_for_component: the
            first plugin that has it.
        """
        if command != COMMAND:
            return False
        listed = await self._ap.plugin_connector.list_commands(bound_plugins)
        owners = [each.owner for each in listed if each.metadata.name == command]
        return owners[:1] == ["/".join(PLUGIN)]

    async def _reply(self, command_ctx: Any) -> str:
        _, setting = await self._setting()
        query = await self._query(command_ctx)

        async def start_conversation() -> None:
            await self._sessions.start_conversation(query)

        language = language_of((setting.config or {}).get("reply_language"))
        commands = StateCommands(self._store, language, start_conversation)
        try:
            return await commands.reply(command_ctx.crt_params, _speaker(command_ctx, query))
        except Exception:
            LOGGER.exception("!state failed")
            return commands.failed()

    async def _setting(self) -> tuple[Any, Any]:
        """Return the workspace of a call and the plugin's settings in it.

        Raises:
            ValueError: LangBot's own: the plugin is disabled there, or not installed.
        """
        connector = self._ap.plugin_connector
        found: tuple[Any, Any] = await connector._setting_for_plugin(  # noqa: SLF001
            *PLUGIN, require_enabled=True
        )
        return found

    async def _query(self, command_ctx: Any) -> Any:
        pool, workspace = self._ap.query_pool, command_ctx.workspace_uuid
        if command_ctx.query_uuid is not None:
            return await pool.get_query(workspace, command_ctx.query_uuid)
        return await pool.get_query_by_legacy_id(workspace, command_ctx.query_id)

    async def _bot_names(self, workspace: str | None) -> dict[str, str]:
        import sqlalchemy as sa
        from langbot.pkg.entity.persistence.bot import Bot

        names = sa.select(Bot.uuid, Bot.name).where(Bot.workspace_uuid == workspace)
        found = await self._ap.persistence_mgr.execute_async(names)
        return {str(uuid): str(name) for uuid, name in found.all()}


def _speaker(command_ctx: Any, query: Any) -> Speaker:
    """Return who sent the command; the session of a group knows only its first speaker."""
    return Speaker(
        workspace=command_ctx.workspace_uuid,
        bot=query.bot_uuid or "",
        person=str(query.sender_id or "") or None,
        private=command_ctx.session.launcher_type.value == "person",
        admin=command_ctx.privilege >= ADMIN,
    )
