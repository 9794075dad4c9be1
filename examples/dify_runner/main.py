"""The plugin that carries the Dify example runner."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class DifyRunner(BasePlugin):
    """Carries the runner; it has no work of its own."""
