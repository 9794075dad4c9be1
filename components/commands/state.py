"""The command `!state`, as LangBot calls it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator

from langbot_plugin.api.definition.components.command.command import Command
from langbot_plugin.api.entities.builtin.command.context import CommandReturn, ExecuteContext
from langbot_plugin.api.entities.builtin.provider.session import LauncherTypes

from langbot_state_ext.plugin.command.command import Speaker, StateCommands
from langbot_state_ext.plugin.command.texts import language_of
from langbot_state_ext.plugin.locate import StoreAccess

LOGGER = logging.getLogger("langbot_state_ext.plugin")

ADMIN = 2
"""LangBot's privilege of a bot's admins."""


class StateCommand(Command):
    """Answers `!state`."""

    async def initialize(self) -> None:
        """Handle every subcommand, because LangBot gives no reply to an unknown one."""
        await super().initialize()
        self.subcommand(name="*", help="show what the bot keeps about you", usage="state help")(
            StateCommand._answer
        )

    async def _answer(self, ctx: ExecuteContext) -> AsyncGenerator[CommandReturn, None]:
        access: StoreAccess = self.plugin.access
        language = language_of(self.get_plugin_config().get("reply_language"))
        commands = StateCommands(access, language, ctx.create_new_conversation)
        try:
            text = await commands.reply(ctx.crt_params, await _speaker(ctx))
        except Exception:
            LOGGER.exception("!state failed")
            text = commands.failed()
        yield CommandReturn(text=text)


async def _speaker(ctx: ExecuteContext) -> Speaker:
    """Return who sent the command; the session of a group knows only its first speaker."""
    sender = await ctx.get_query_var("sender_id")
    return Speaker(
        bot=await ctx.get_bot_uuid(),
        person=None if sender in {None, ""} else str(sender),
        private=ctx.session.launcher_type is LauncherTypes.PERSON,
        admin=ctx.privilege >= ADMIN,
    )
