"""The page "Runner state", as LangBot calls it."""

from __future__ import annotations

from langbot_plugin.api.definition.components.page import Page, PageRequest, PageResponse

from langbot_state_ext.plugin.locate import StoreAccess
from langbot_state_ext.plugin.page.inspector import Inspector


class InspectorPage(Page):
    """Handles the page's calls."""

    async def initialize(self) -> None:
        """Create the inspector on the plugin's store."""
        await super().initialize()
        access: StoreAccess = self.plugin.access
        self._inspector = Inspector(access, self._bot_names)

    async def handle_api(self, request: PageRequest) -> PageResponse:
        """Handle one call; a failure is data too, because LangBot gives a page no other details."""
        return PageResponse.ok(await self._inspector.handle(request.endpoint, request.body))

    async def _bot_names(self) -> dict[str, str]:
        bots = await self.plugin.get_bots()
        return {str(bot["uuid"]): str(bot["name"]) for bot in bots if isinstance(bot, dict)}
