"""The page "Runner state"; langbot-state-ext answers its calls in LangBot's own process."""

from __future__ import annotations

from langbot_plugin.api.definition.components.page import Page, PageRequest, PageResponse

NOT_ENABLED = {
    "code": "not_enabled",
    "message": "LangBot runs without langbot-state-ext: install it beside LangBot, then run "
    "langbot-state enable and restart LangBot",
}


class InspectorPage(Page):
    """Says how to enable the extension; a call arrives here only where it is not."""

    async def handle_api(self, _request: PageRequest) -> PageResponse:
        """Answer with data, because LangBot gives a page no details of a failure."""
        return PageResponse.ok({"error": NOT_ENABLED})
