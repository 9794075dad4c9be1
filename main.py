"""The plugin `langbot-state-ext/RunnerState`, as LangBot loads it."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class RunnerState(BasePlugin):
    """Brings the page and the command into LangBot; langbot-state-ext answers both."""
