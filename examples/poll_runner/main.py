"""The plugin that carries the poll runner."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class PollRunner(BasePlugin):
    """Carries the runner; it has no work of its own."""
