"""The command `!state`; langbot-state-ext answers it in LangBot's own process."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from langbot_plugin.api.definition.components.command.command import Command
from langbot_plugin.api.entities.builtin.command.context import CommandReturn, ExecuteContext

NOT_ENABLED = (
    "This bot runs without langbot-state-ext. Its operator can enable it with: "
    "langbot-state enable\n"
    "此机器人未启用 langbot-state-ext，管理员可运行 langbot-state enable 启用。"
)


class StateCommand(Command):
    """Says how to enable the extension; a command arrives here only where it is not."""

    async def initialize(self) -> None:
        """Take every subcommand, because LangBot gives no reply to an unknown one."""
        await super().initialize()
        self.subcommand(name="*", help="show what the bot keeps about you", usage="state help")(
            StateCommand._answer
        )

    async def _answer(self, _ctx: ExecuteContext) -> AsyncGenerator[CommandReturn, None]:
        yield CommandReturn(text=NOT_ENABLED)
