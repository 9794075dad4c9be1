"""The section `state_ext` of LangBot's `data/config.yaml`, validated; every fault is named.

A password need not stand there: `${NAME}` in the url is taken from the environment, and what it
stands for is never written back, logged or shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from .backends.opening import check_url
from .backends.urls import complete_url
from .errors import ConfigError
from .lifecycle.conversation_rules import DEFAULT_FORGET_ON, fault_of_forget_on
from .lifecycle.run import OnFailedRun, OnUnavailable
from .state.codec import MAX_DEPTH, Limits

SECTION = "state_ext"

DISABLED = frozenset({"false", "0", "no", "off", ""})
"""What LangBot's environment overrides may leave as `enable` to switch it off, in lower case."""


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
    """`state_ext.conversation`: how a conversation with an outside agent is kept together.

    Attributes:
        sync_uuid: Whether an accepted external id becomes the conversation's uuid. Default True.
        forget_on: By which texts and `re:` patterns a failed run says that the far side does not
            know its conversation; an empty list forgets nothing. Default: Dify's and Coze's.
    """

    sync_uuid: bool = True
    forget_on: list[ForgetOn] = list(DEFAULT_FORGET_ON)


class StateExtConfig(_Section):
    """`state_ext`: the whole section.

    Attributes:
        enable: Whether LangBot runs with the extension. Default False.
        url: Where the state is. Default `sqlite:///data/state.db`.
        on_failed_run: What becomes of the updates of a run that did not complete, `keep` or
            `rollback`.
        on_unavailable: What a run gets when the store can't be reached, `fail` or `continue`.
        limits: The limits on keys and values.
        conversation: How a conversation with an outside agent is kept together.
    """

    enable: bool = False
    url: str = "sqlite:///data/state.db"
    on_failed_run: OnFailedRun = "keep"
    on_unavailable: OnUnavailable = "fail"
    limits: LimitsConfig = LimitsConfig()
    conversation: ConversationConfig = ConversationConfig()

    def store_limits(self) -> Limits:
        """Return the limits as the store takes them."""
        return Limits(**self.limits.model_dump())


def is_enabled(section: object) -> bool:
    """Return whether the section asks for the extension; a faulty one does, to be refused."""
    if section is None:
        return False
    if not isinstance(section, Mapping):
        return True
    return str(section.get("enable", False)).lower() not in DISABLED


def parse_config(
    section: object, *, root: Path, environ: Mapping[str, str] = os.environ
) -> StateExtConfig:
    """Check the section and make its url complete.

    Args:
        section: What stands under `state_ext`.
        root: The folder that holds LangBot's `data/`; relative files are below it.
        environ: Where `${NAME}` in the url comes from. Default: the process environment.

    Returns:
        The settings; the url has an absolute file and no `${NAME}` left.

    Raises:
        ConfigError: One message that lists every fault with its path and what is allowed.
    """
    faults: list[str] = []
    given: dict[str, Any] = dict(section) if isinstance(section, Mapping) else {}
    if not isinstance(section, Mapping):
        faults.append(f"{SECTION}: a mapping is needed")
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
    """Return LangBot's configuration, below the folder that it is started in.

    `LANGBOT_DATA_ROOT` moves some of LangBot's files, but neither this one nor its database.

    Source:
        LangBot 4.11.0 to 4.11.2, langbot/pkg/core/stages/load_config.py, LoadConfigStage.run.
    """
    return Path.cwd() / "data" / "config.yaml"


def _fault(detail: Mapping[str, Any]) -> str:
    place = ".".join([SECTION, *(str(step) for step in detail["loc"])])
    if detail["type"] == "extra_forbidden":
        return f"{place}: unknown; allowed are {', '.join(_allowed(detail['loc']))}"
    if detail["type"] == "model_type":
        return f"{place}: a mapping of settings is needed: {', '.join(_settings(detail['loc'][0]))}"
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
