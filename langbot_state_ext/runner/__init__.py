"""Typed state for authors of runners.

It reads `ctx.state` and makes `RunnerResult.state_updated` results. It works in any LangBot that
has agent runners, with or without this extension.
"""

from ..errors import MisfitValue, ModelError
from .layout import Key, Stored, Upgrade
from .model import StateModel

__all__ = ["Key", "MisfitValue", "ModelError", "StateModel", "Stored", "Upgrade"]
