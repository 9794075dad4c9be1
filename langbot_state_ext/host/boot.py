"""The stage of LangBot's start that attaches the extension, after `BuildAppStage`."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from .. import __version__
from ..backends.urls import shown_url
from ..config import SECTION, StateExtConfig, is_enabled, parse_config
from ..errors import StateError
from ..lifecycle.run import RunLifecycle
from ..store.store import StateStore
from .adapter import table
from .adoption.adopt import adopt
from .compat import check_version
from .database import host_database
from .patches import Patch, Patches

STAGE = "StateExtStage"
AFTER = "BuildAppStage"


def register(*_module: object) -> None:
    """Put the stage into LangBot's start. Calling it again does nothing.

    Raises:
        HostNotSupported: LangBot has no such start.
    """
    from langbot.pkg.core import boot, stage

    stage.preregistered_stages[STAGE] = StateExtStage
    if STAGE not in boot.stage_order:
        boot.stage_order.insert(boot.stage_order.index(AFTER) + 1, STAGE)


class StateExtStage:
    """Attaches the extension when the section `state_ext` asks for it.

    Source:
        LangBot 4.11.2, langbot/pkg/core/boot.py, make_app: a stage is made without arguments.
    """

    async def run(self, ap: Any) -> None:
        """Attach to an application, or end LangBot with one message."""
        section = ap.instance_config.data.get(SECTION)
        if not is_enabled(section):
            return
        try:
            config = parse_config(section, root=Path.cwd())
            if config.enable:
                await attach(ap, config)
        except (StateError, OSError) as error:
            print(f"LangBot was not started: {error}", file=sys.stderr)  # noqa: T201 - no log yet
            raise SystemExit(1) from None


async def attach(ap: Any, config: StateExtConfig) -> Patches:
    """Open the store, take over LangBot's own state, and install the patches.

    Args:
        ap: LangBot's application, built.
        config: The settings, with a complete url.

    Returns:
        The installed patches; LangBot's shutdown uninstalls them and closes the store.

    Raises:
        HostNotSupported: This LangBot, or one of its seams, is not one we know.
        BackendError: The store can't be opened, or LangBot's own database can't be read.
    """
    version = check_version()
    lifecycle = _lifecycle(config, ap.logger)
    undo = AsyncExitStack()

    async def shutdown(original: Any) -> None:
        try:
            await original()
        finally:
            await undo.aclose()

    places = table(lifecycle, logger=ap.logger, sync_uuid=config.conversation.sync_uuid)
    patches = Patches([*places, Patch("langbot.pkg.core.app", "Application.shutdown", shutdown)])
    patches.check()
    async with AsyncExitStack() as attached:
        attached.enter_context(_warnings_in(ap.logger))
        attached.push_async_callback(_close, lifecycle)
        await lifecycle.store
        await _take_over(lifecycle, ap)
        attached.callback(patches.uninstall)
        patches.install()
        undo.push_async_exit(attached.pop_all())
    ap.logger.info(
        f"langbot-state-ext {__version__} keeps the state of LangBot {version}'s runners in "
        f"{shown_url(config.url)}"
    )
    return patches


async def _take_over(lifecycle: RunLifecycle, ap: Any) -> None:
    with host_database():
        await adopt(lifecycle.store, ap.persistence_mgr.get_db_engine(), ap.logger)
    if settled := await lifecycle.settle():
        ap.logger.info(f"Took back what {settled} runs had written that never ended")


class _Forward(logging.Handler):
    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        self._logger.handle(record)


@contextmanager
def _warnings_in(logger: logging.Logger) -> Iterator[None]:
    """Let this package's warnings reach LangBot's log.

    Source:
        LangBot 4.11.2, langbot/pkg/core/bootutils/log.py, init_logging: every other logger is
        silent below CRITICAL.
    """
    package, handler = logging.getLogger("langbot_state_ext"), _Forward(logger)
    level = package.level
    package.addHandler(handler)
    package.setLevel(logging.WARNING)
    try:
        yield
    finally:
        package.setLevel(level)
        package.removeHandler(handler)


def _lifecycle(config: StateExtConfig, logger: Any) -> RunLifecycle:
    """Make the life cycle that the settings ask for, over a store that is not open yet."""
    from langbot.pkg.utils import constants

    store = StateStore.open(config.url, limits=config.store_limits())
    return RunLifecycle(
        store,
        on_failed_run=config.on_failed_run,
        on_unavailable=config.on_unavailable,
        forget_on=config.conversation.forget_on,
        instance_id=_instance_id(store, constants.instance_id),
        logger=logger,
    )


async def _close(lifecycle: RunLifecycle) -> None:
    try:
        await lifecycle.end_journals()
    finally:
        await lifecycle.store.close()


def _instance_id(store: StateStore, instance_id: str) -> str:
    """Name this LangBot; where several share a store, copies of one folder are several."""
    if not store.backend.networked:
        return instance_id
    return f"{instance_id} {platform.node()} {Path.cwd() / 'data'}"
