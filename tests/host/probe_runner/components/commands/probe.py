"""`!probe new` begins a new conversation, as any plugin can."""

from __future__ import annotations

from langbot_plugin.api.definition.components.command.command import Command
from langbot_plugin.api.entities.builtin.command.context import CommandReturn


class Probe(Command):
    async def initialize(self):
        await super().initialize()

        @self.subcommand(name="new", help="new conversation", usage="probe new")
        async def new(_self, ctx):
            await ctx.create_new_conversation()
            yield CommandReturn(text="new")
