"""The plugin with the page and the command, put into LangBot and taken out of it.

The wheel has the plugin's package beside this package's modules, so nobody builds or uploads one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from .database import NoHostDatabase, host_database, host_engine
from .plugin_calls import PLUGIN

PACKAGE = "RunnerState.lbpkg"
"""The package's file in `langbot_state_ext.plugin`."""

POLL_S = 1.0
"""The seconds between two looks for LangBot's plugin runtime."""

RETRY_S = 60.0
"""The seconds until a failed installation is tried again."""


class PagePlugin:
    """Keeps the plugin in LangBot as the setting `page` says.

    Args:
        ap: LangBot's application.
        wanted: Whether LangBot is to have the plugin.
    """

    def __init__(self, ap: Any, *, wanted: bool) -> None:
        self._ap = ap
        self._wanted = wanted
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background: LangBot's plugin runtime may come much later."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End what `start` began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        connector = self._ap.plugin_connector
        while connector.is_enable_plugin:
            if connector._runtime_available():  # noqa: SLF001 - nothing public says so
                if await self._succeeds(connector):
                    return
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(POLL_S)

    async def _succeeds(self, connector: Any) -> bool:
        try:
            await (self._install(connector) if self._wanted else self._remove(connector))
        except Exception as error:  # noqa: BLE001 - the runs matter more than the page
            done = "installed" if self._wanted else "removed"
            self._ap.logger.warning(
                f"The page Runner state was not {done}, the next try is in {RETRY_S:.0f} s: {error}"
            )
            return False
        return True

    async def _install(self, connector: Any) -> None:
        from langbot_plugin.runtime.plugin.mgr import PluginInstallSource

        package = read_package()
        setting = await _setting(connector)
        if setting is not None:
            if setting.artifact_digest == hashlib.sha256(package).hexdigest():
                return
            if not setting.enabled:
                self._ap.logger.info("The page Runner state is disabled and was not renewed")
                return
        await connector.install_plugin(PluginInstallSource.LOCAL, {"plugin_file": package})
        self._ap.logger.info(
            f"{'Installed' if setting is None else 'Renewed'} the page Runner state and the "
            "command !state"
        )

    async def _remove(self, connector: Any) -> None:
        if await _setting(connector) is None:
            return
        await connector.delete_plugin(*PLUGIN)
        self._ap.logger.info("Removed the page Runner state and the command !state")


def read_package() -> bytes:
    """Return the plugin's package.

    Raises:
        FileNotFoundError: This is a source tree in which it was not built: `make plugin`.
    """
    return files("langbot_state_ext.plugin").joinpath(PACKAGE).read_bytes()


async def remove_page(config: Mapping[str, Any]) -> bool:
    """Take the plugin out of a LangBot's database; a LangBot that runs on it follows at once.

    Args:
        config: LangBot's whole configuration.

    Returns:
        Whether it was there.

    Raises:
        ConfigError: The settings of the database are not valid.
        BackendError: The database can't be opened, or a statement failed.
    """
    try:
        async with host_engine(config) as engine:
            with host_database():
                return await _delete_rows(engine)
    except NoHostDatabase:
        return False


async def _delete_rows(engine: Any) -> bool:
    import sqlalchemy as sa
    from langbot.pkg.entity.persistence.bstorage import BinaryStorage
    from langbot.pkg.entity.persistence.plugin import PluginSetting

    author, name = PLUGIN
    ours = sa.and_(PluginSetting.plugin_author == author, PluginSetting.plugin_name == name)
    async with engine.begin() as connection:
        digests = sa.select(PluginSetting.artifact_digest).where(ours)
        found = (await connection.scalars(digests)).all()
        await connection.execute(sa.delete(PluginSetting).where(ours))
        await connection.execute(
            sa.delete(BinaryStorage)
            .where(BinaryStorage.owner_type == "plugin_artifact")
            .where(BinaryStorage.owner.in_(found))
        )
    return bool(found)


async def _setting(connector: Any) -> Any:
    """Return the plugin's settings in LangBot's own workspace; None when it is not installed."""
    try:
        _, setting = await connector._setting_for_plugin(*PLUGIN)  # noqa: SLF001
    except ValueError:
        return None
    return setting
