"""Reads and checks the section `state_ext` of LangBot's `data/config.yaml`.

`${NAME}` in the url is read from the environment, so that the file needs no password. The value of
`NAME` is never written back, logged or shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from .backends.opening import check_url
from .backends.urls import complete_url
from .errors import ConfigError
from .lifecycle.conversation_rules import DEFAULT_FORGET_ON, fault_of_forget_on
from .lifecycle.run import OnFailedRun, OnUnavailable
from .state.codec import MAX_DEPTH, Limits

SECTION = "state_ext"

DISABLED = frozenset({"false", "0", "no", "off", ""})
"""Values of `enable` that mean false, in lower case; LangBot's environment overrides are text."""


OnUnknownHost = Literal["refuse", "plain"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _forget_on(entry: str) -> str:
    fault = fault_of_forget_on(entry)
    if fault is not None:
        raise ValueError(fault)
    return entry


ForgetOn = Annotated[str, AfterValidator(_forget_on)]


class LimitsConfig(_Section):
    """`state_ext.limits`: see `Limits`."""

    value_bytes: Annotated[int, Field(ge=1, le=64 * 1024 * 1024)] = 256 * 1024
    key_length: Annotated[int, Field(ge=1, le=255)] = 255
    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)] = 64


class ConversationConfig(_Section):
    """`state_ext.conversation`: how a conversation with an external agent continues.

    Attributes:
        sync_uuid: Whether a kept external id becomes the conversation's uuid. Default True.
        forget_on: Texts and `re:` patterns. A failed run whose error matches one forgets the
            external id; an empty list forgets nothing. Default: the errors of Dify and Coze.
    """

    sync_uuid: bool = True
    forget_on: list[ForgetOn] = list(DEFAULT_FORGET_ON)


class StateExtConfig(_Section):
    """`state_ext`: the whole section.

    Attributes:
        enable: Whether LangBot runs with the extension. Default False.
        url: Where the state is stored. Default `sqlite:///data/state.db`.
        on_failed_run: Whether to `keep` (default) or `rollback` the updates of a run that did not
            complete.
        on_unavailable: Whether a run must `fail` (default) or `continue` with empty state when the
            store can't be reached.
        on_unknown_host: Whether to `refuse` to start (default) or to start `plain` LangBot, without
            the extension, when a seam is not as in any tested version.
        limits: The limits on keys and values.
        conversation: How a conversation with an external agent continues.
        page: Whether LangBot has the page Runner state and the command `!state`. Default True.
    """

    enable: bool = False
    url: str = "sqlite:///data/state.db"
    on_failed_run: OnFailedRun = "keep"
    on_unavailable: OnUnavailable = "fail"
    on_unknown_host: OnUnknownHost = "refuse"
    limits: LimitsConfig = LimitsConfig()
    conversation: ConversationConfig = ConversationConfig()
    page: bool = True

    def store_limits(self) -> Limits:
        """Return the limits in the form that the store takes."""
        return Limits(**self.limits.model_dump())


def is_enabled(section: object) -> bool:
    """Return whether the section enables the extension.

    An invalid section counts as enabled, so that `parse_config` reports it.
    """
    if section is None:
        return False
    if not isinstance(section, Mapping):
        return True
    return str(section.get("enable", False)).lower() not in DISABLED


def parse_config(
    section: object, *, root: Path, environ: Mapping[str, str] = os.environ
) -> StateExtConfig:
    """Check the section and complete its url.

    Args:
        section: The value of `state_ext`.
        root: The folder that holds LangBot's `data/`. Relative paths start here.
        environ: The variables for `${NAME}` in the url. Default: the process environment.

    Returns:
        The settings. Their url has an absolute path and no `${NAME}`.

    Raises:
        ConfigError: The section is invalid. One message lists every fault, where it is and what
            is allowed.
    """
    faults: list[str] = []
    given: dict[str, Any] = dict(section) if isinstance(section, Mapping) else {}
    if not isinstance(section, Mapping):
        faults.append(f"{SECTION}: must be a mapping of settings")
    url = given.get("url", StateExtConfig.model_fields["url"].default)
    if isinstance(url, str):
        try:
            given["url"] = complete_url(url, root=root, environ=environ)
            check_url(given["url"])
        except ConfigError as error:
            faults.append(f"{SECTION}.url: {error}")
    try:
        config = StateExtConfig.model_validate(given)
    except ValidationError as error:
        faults += [_fault(detail) for detail in error.errors(include_input=False)]
    if faults:
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(f"{SECTION} in LangBot's data/config.yaml is not valid:\n{listed}")
    return config


def config_file() -> Path:
    """Return the path of LangBot's configuration, in the folder in which LangBot is started.

    `LANGBOT_DATA_ROOT` moves some of LangBot's files, but not this one and not its database.

    Source:
        LangBot 4.11.0 to 4.11.2, langbot/pkg/core/stages/load_config.py, LoadConfigStage.run.
    """
    return Path.cwd() / "data" / "config.yaml"


def _fault(detail: Mapping[str, Any]) -> str:
    place = ".".join([SECTION, *(str(step) for step in detail["loc"])])
    if detail["type"] == "extra_forbidden":
        return f"{place}: unknown setting; use {', '.join(_allowed(detail['loc']))}"
    if detail["type"] == "model_type":
        return f"{place}: must be a mapping of settings: {', '.join(_settings(detail['loc'][0]))}"
    text = detail["msg"].removeprefix("Value error, ")
    return f"{place}: {text[0].lower()}{text[1:]}"


def _allowed(place: tuple[str | int, ...]) -> list[str]:
    return _settings(place[0]) if len(place) > 1 else list(StateExtConfig.model_fields)


def _settings(name: str | int) -> list[str]:
    sections: dict[str | int, type[BaseModel]] = {
        "limits": LimitsConfig,
        "conversation": ConversationConfig,
    }
    return list(sections[name].model_fields)
