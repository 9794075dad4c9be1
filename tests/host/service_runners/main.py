"""The plugin that carries the runners."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class ServiceRunners(BasePlugin):
    """Carries the runners; it has no work of its own."""
