"""LangBot's own database, opened without LangBot running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine


@asynccontextmanager
async def host_engine(config: Mapping[str, Any]) -> AsyncIterator[AsyncEngine]:
    """Open the database that LangBot's configuration names.

    Args:
        config: The whole configuration.

    Yields:
        An engine, disposed of at the end.

    Source:
        LangBot 4.11.2, langbot/pkg/persistence/mgr.py, PersistenceManager.initialize.
    """
    from langbot.pkg.persistence.database import preregistered_managers
    from langbot.pkg.persistence.databases import postgresql, sqlite  # noqa: F401 - they register

    kind = config.get("database", {}).get("use", "sqlite")
    manager = next(each for each in preregistered_managers if each.name == kind)
    database = manager(SimpleNamespace(instance_config=SimpleNamespace(data=config)))
    await database.initialize()
    engine: AsyncEngine = database.get_engine()
    try:
        yield engine
    finally:
        await engine.dispose()
