"""The plugin that carries the preferences runner."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin


class PreferencesRunner(BasePlugin):
    """Carries the runner; it has no work of its own."""
