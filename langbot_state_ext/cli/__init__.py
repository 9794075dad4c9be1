"""The command line, `langbot-state`."""

from .commands import main

__all__ = ["main"]
