"""The plugin that carries the outside agent runner."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class OutsideRunner(BasePlugin):
    """Carries the runner; it has no work of its own."""
