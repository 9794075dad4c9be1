"""The plugin `langbot-state-ext/RunnerState`, as LangBot loads it."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class RunnerState(BasePlugin):
    """Carries the plugin's components; it has no work of its own."""
