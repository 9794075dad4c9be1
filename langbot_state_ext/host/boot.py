"""The boot stage that attaches the extension to LangBot, after LangBot's `BuildAppStage`."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from .. import __version__
from ..backends.urls import url_without_secrets
from ..config import SECTION, StateExtConfig, is_enabled, parse_config
from ..errors import ConfigError, StateError
from ..lifecycle.lifecycle import RunLifecycle
from ..store.store import StateStore
from .adapter import host_patches
from .adoption.adopt import adopt
from .compat import SUPPORTED, check_version
from .database import host_database
from .environment import check_one_extension
from .patches import Patch, Patches

STAGE = "StateExtStage"
AFTER = "BuildAppStage"


def register(*_module: object) -> None:
    """Add the stage to LangBot's boot. Calling it again does nothing.

    Raises:
        SystemExit: Two versions of the extension are installed, or LangBot's boot has no
            `BuildAppStage`; the message says what to do.
    """
    from langbot.pkg.core import boot, stage

    try:
        check_one_extension()
    except ConfigError as error:
        sys.exit(f"LangBot was not started: {error}")
    if AFTER not in boot.stage_order:
        sys.exit(
            f"LangBot was not started: its boot has no {AFTER}, so langbot-state-ext can't attach; "
            f"use LangBot {', '.join(SUPPORTED)}, or run: langbot-state disable"
        )
    stage.preregistered_stages[STAGE] = StateExtStage
    if STAGE not in boot.stage_order:
        boot.stage_order.insert(boot.stage_order.index(AFTER) + 1, STAGE)


class StateExtStage:
    """Attaches the extension when the section `state_ext` enables it.

    Source:
        LangBot 4.11.2, langbot/pkg/core/boot.py, make_app: a stage is created without arguments.
    """

    async def run(self, ap: Any) -> None:
        """Attach the extension, or print why that failed and exit."""
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
    """Open the store, adopt LangBot's own state, and install the patches.

    Args:
        ap: LangBot's application, after `BuildAppStage`.
        config: The settings, with a complete url.

    Returns:
        The installed patches. LangBot's shutdown uninstalls them and closes the store.

    Raises:
        HostNotSupported: This version of LangBot, or a place to patch, is not supported.
        BackendError: The store can't be opened, or LangBot's own database can't be read.
    """
    version = check_version()
    lifecycle = _lifecycle(config, ap.logger)
    at_shutdown = AsyncExitStack()

    async def shutdown(original: Any) -> None:
        try:
            await original()
        finally:
            await at_shutdown.aclose()

    places = host_patches(lifecycle, logger=ap.logger, sync_uuid=config.conversation.sync_uuid)
    patches = Patches([*places, Patch("langbot.pkg.core.app", "Application.shutdown", shutdown)])
    patches.check()
    async with AsyncExitStack() as attached:
        attached.enter_context(_warnings_in(ap.logger))
        attached.push_async_callback(_close, lifecycle)
        await lifecycle.store
        await _adopt(lifecycle, ap)
        await _undo_unfinished(lifecycle, ap.logger)
        attached.callback(patches.uninstall)
        patches.install()
        at_shutdown.push_async_exit(attached.pop_all())
    ap.logger.info(
        f"langbot-state-ext {__version__} keeps the state of LangBot {version}'s runners in "
        f"{url_without_secrets(config.url)}"
    )
    return patches


async def _adopt(lifecycle: RunLifecycle, ap: Any) -> None:
    with host_database():
        await adopt(lifecycle.store, ap.persistence_mgr.get_db_engine(), ap.logger)


async def _undo_unfinished(lifecycle: RunLifecycle, logger: Any) -> None:
    if undone := await lifecycle.undo_unfinished():
        logger.info(f"Rolled back {undone} unfinished run{'s' if undone > 1 else ''}")


class _ForwardingHandler(logging.Handler):
    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        self._logger.handle(record)


@contextmanager
def _warnings_in(logger: logging.Logger) -> Iterator[None]:
    """Send this package's warnings to LangBot's log.

    Source:
        LangBot 4.11.2, langbot/pkg/core/bootutils/log.py, init_logging: other loggers log only
        CRITICAL.
    """
    package, handler = logging.getLogger("langbot_state_ext"), _ForwardingHandler(logger)
    level = package.level
    package.addHandler(handler)
    package.setLevel(logging.WARNING)
    try:
        yield
    finally:
        package.setLevel(level)
        package.removeHandler(handler)


def _lifecycle(config: StateExtConfig, logger: Any) -> RunLifecycle:
    """Create a life cycle from the settings; its store is not open yet."""
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
        await lifecycle.finish_ended_runs()
    finally:
        await lifecycle.store.close()


def _instance_id(store: StateStore, instance_id: str) -> str:
    """Return an id that no other LangBot of the same store has.

    Copies of one LangBot folder have the same instance id, so a shared store adds host and path.
    """
    if not store.backend.networked:
        return instance_id
    return f"{instance_id} {platform.node()} {Path.cwd() / 'data'}"
