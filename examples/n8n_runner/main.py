"""The plugin that carries the n8n runner."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class N8nRunner(BasePlugin):
    """Carries the runner; it has no work of its own."""
