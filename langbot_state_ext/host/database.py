"""LangBot's own database, opened without LangBot running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ..errors import BackendError, ConfigError


class NoHostDatabase(BackendError):
    """LangBot has no database yet: it was never started here."""


@asynccontextmanager
async def host_engine(config: Mapping[str, Any]) -> AsyncIterator[AsyncEngine]:
    """Open the database that LangBot's configuration names.

    Args:
        config: The whole configuration.

    Yields:
        An engine, disposed of at the end.

    Raises:
        NoHostDatabase: It is a SQLite file that does not exist; none is made.
        BackendError: It can't be opened, or refused what was asked of it.

    Source:
        LangBot 4.11.2, langbot/pkg/persistence/mgr.py, PersistenceManager.initialize.
    """
    import langbot.pkg.core.app  # noqa: F401 - its imports are a circle that must begin here
    from langbot.pkg.persistence.database import preregistered_managers

    settings = config.get("database", {})
    kind = settings.get("use", "sqlite")
    if kind == "sqlite":
        _check_file(Path(settings.get("sqlite", {}).get("path", "data/langbot.db")))
    manager = next((each for each in preregistered_managers if each.name == kind), None)
    if manager is None:
        raise ConfigError(f"database.use is {kind!r}: LangBot has no such database")
    database = manager(SimpleNamespace(instance_config=SimpleNamespace(data=config)))
    try:
        await database.initialize()
        yield database.get_engine()
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise BackendError(f"LangBot's own database: {error}") from error
    finally:
        engine: AsyncEngine | None = getattr(database, "engine", None)
        if engine is not None:
            await engine.dispose()


def _check_file(file: Path) -> None:
    if not file.exists():
        raise NoHostDatabase(f"LangBot has no database at {file} yet: start LangBot once")
