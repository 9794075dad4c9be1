"""The plugin `langbot-state-ext/RunnerState`, as LangBot loads it."""

from __future__ import annotations

from langbot_plugin.api.definition.plugin import BasePlugin

from langbot_state_ext.plugin.locate import StoreAccess


class RunnerState(BasePlugin):
    """Holds the one store that the plugin's components share.

    Attributes:
        access: Opens the store on first use.
    """

    def __init__(self) -> None:
        super().__init__()
        self.access = StoreAccess(self.get_config)
