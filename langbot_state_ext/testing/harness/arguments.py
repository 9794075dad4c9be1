"""What a harness may be given; every fault of an argument is found here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import get_args

from langbot_plugin.entities.io.actions.enums import PluginToRuntimeAction

from ...errors import ConfigError
from ...lifecycle.run import OnFailedRun
from ...state.scopes import VALID_STATE_SCOPES
from .chats import Processor

ACTIONS = frozenset(action.value for action in PluginToRuntimeAction)
"""What a runner can ask of LangBot."""


def check_arguments(
    *, processor: str, on_failed_run: str, scopes: Iterable[str], answers: Iterable[str]
) -> None:
    """Find what is wrong with the arguments of a `RunnerHarness`.

    Raises:
        ConfigError: One of them is not what it may be; the message names it and what is allowed.
    """
    _check("processor", processor, get_args(Processor))
    _check("on_failed_run", on_failed_run, get_args(OnFailedRun))
    if isinstance(scopes, str):
        raise ConfigError(f"scopes={scopes!r} is text: write scopes=[{scopes!r}]")
    for scope in scopes:
        _check("scopes", scope, VALID_STATE_SCOPES)
    for action in answers:
        _check("answers", action, sorted(ACTIONS))


def _check(argument: str, given: object, allowed: Collection[str]) -> None:
    if given not in allowed:
        raise ConfigError(f"{argument} has {given!r}: use {', '.join(allowed)}")
