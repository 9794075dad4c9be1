"""Typed state for whoever writes a runner.

It reads `ctx.state` and gives `RunnerResult.state_updated`, and so works in any LangBot with agent
runners, whether its operator has enabled this extension or not.
"""

from ..errors import MisfitValue, ModelError
from .layout import Key, Stored, Upgrade
from .model import StateModel

__all__ = ["Key", "MisfitValue", "ModelError", "StateModel", "Stored", "Upgrade"]
