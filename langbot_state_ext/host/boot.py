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
from ..errors import ConfigError, HostNotSupported, StateError
from ..lifecycle.lifecycle import RunLifecycle
from ..store.store import StateStore
from .adapter import host_patches
from .adoption.adopt import adopt
from .compat import ADVICE, check_seams
from .database import host_database
from .environment import check_one_extension
from .page import PagePlugin
from .patches import Patch, Patches
from .plugin_calls import PluginCalls
from .sessions import Sessions

STAGE = "StateExtStage"
AFTER = "BuildAppStage"


def register(*_module: object) -> None:
    """Add the stage to LangBot's boot. Calling it again does nothing.

    Without `BuildAppStage` it is the last stage: there the seams decide what to do.

    Raises:
        SystemExit: Two versions of the extension are installed, or LangBot's boot has no list of
            stages; the message says what to do.
    """
    from langbot.pkg.core import boot, stage

    try:
        check_one_extension()
    except ConfigError as error:
        sys.exit(f"LangBot was not started: {error}")
    order = getattr(boot, "stage_order", None)
    if not isinstance(order, list):
        sys.exit(
            "LangBot was not started: langbot-state-ext can't attach, since "
            f"langbot.pkg.core.boot.stage_order is no list of stages. {ADVICE}"
        )
    stage.preregistered_stages[STAGE] = StateExtStage
    if STAGE not in order:
        order.insert(order.index(AFTER) + 1 if AFTER in order else len(order), STAGE)


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
                await _attach_or_leave(ap, config)
        except (StateError, OSError) as error:
            print(f"LangBot was not started: {error}", file=sys.stderr)  # noqa: T201 - no log yet
            raise SystemExit(1) from None


async def _attach_or_leave(ap: Any, config: StateExtConfig) -> None:
    """Attach the extension, or leave LangBot as it is where the settings say so."""
    try:
        await attach(ap, config)
        return
    except HostNotSupported as error:
        if config.on_unknown_host == "refuse":
            raise
        reason = str(error)
    ap.logger.error(
        "LangBot runs WITHOUT langbot-state-ext, as state_ext.on_unknown_host: plain asks. "
        "State is kept in LangBot's own table and not in the store; updates are not shared with "
        f"other LangBots, and conversations do not continue after a restart. Reason: {reason}"
    )


async def attach(ap: Any, config: StateExtConfig) -> Patches:
    """Open the store, adopt LangBot's own state, and install the patches.

    Args:
        ap: LangBot's application, after `BuildAppStage`.
        config: The settings, with a complete url.

    Returns:
        The installed patches. LangBot's shutdown uninstalls them and closes the store.

    Raises:
        HostNotSupported: A seam of this LangBot is not as in any tested version.
        BackendError: The store can't be opened, or LangBot's own database can't be read.
    """
    lifecycle = _lifecycle(config, ap.logger)
    at_shutdown = AsyncExitStack()

    async def shutdown(original: Any) -> None:
        try:
            await original()
        finally:
            await at_shutdown.aclose()

    sessions = Sessions(
        lifecycle,
        logger=ap.logger,
        persistence=ap.persistence_mgr,
        sync_uuid=config.conversation.sync_uuid,
    )
    calls = PluginCalls(ap, lifecycle.store, sessions, url=config.url)
    page = PagePlugin(ap, wanted=config.page)
    patches = Patches(
        [
            *host_patches(lifecycle, sessions, logger=ap.logger),
            *calls.patches(),
            Patch("langbot.pkg.core.app", "Application.shutdown", shutdown),
        ]
    )
    host = check_seams(patches.places())
    patches.check()
    if host.warning is not None:
        ap.logger.warning(host.warning)
    async with AsyncExitStack() as attached:
        attached.enter_context(_warnings_in(ap.logger))
        attached.push_async_callback(_close, lifecycle)
        await lifecycle.store
        await _adopt(lifecycle, ap)
        await _undo_unfinished(lifecycle, ap.logger)
        attached.push_async_callback(calls.close)
        attached.callback(patches.uninstall)
        patches.install()
        attached.push_async_callback(page.stop)
        page.start()
        at_shutdown.push_async_exit(attached.pop_all())
    ap.logger.info(
        f"langbot-state-ext {__version__} keeps the state of LangBot {host.version}'s runners in "
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
