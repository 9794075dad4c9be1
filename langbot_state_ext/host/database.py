"""LangBot's own database, opened while LangBot is not running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ..errors import BackendError, ConfigError, StateError


class NoHostDatabase(BackendError):
    """LangBot has no database yet, since it was never started here."""


@asynccontextmanager
async def host_engine(config: Mapping[str, Any]) -> AsyncIterator[AsyncEngine]:
    """Open the database that LangBot's configuration names.

    Args:
        config: LangBot's whole configuration.

    Yields:
        An engine, which is disposed of afterwards.

    Raises:
        NoHostDatabase: The database is a SQLite file that does not exist. It is not created.
        ConfigError: The settings of the database are not valid.
        BackendError: The database can't be opened, or a statement failed.

    Source:
        LangBot 4.11.2, langbot/pkg/persistence/mgr.py, PersistenceManager.initialize.
    """
    database = _manager(config)
    try:
        with host_database():
            await database.initialize()
            yield database.get_engine()
    finally:
        engine: AsyncEngine | None = getattr(database, "engine", None)
        if engine is not None:
            await engine.dispose()


@contextmanager
def host_database() -> Iterator[None]:
    """Turn the errors of LangBot's own database into ours.

    Raises:
        BackendError: The database can't be opened, or a statement failed.
    """
    from asyncpg import InterfaceError, PostgresError

    try:
        yield
    except StateError:
        raise
    except (SQLAlchemyError, PostgresError, InterfaceError, OSError, ValueError) as error:
        reason = getattr(error, "orig", None) or error
        raise BackendError(f"LangBot's own database: {reason}") from error


def _manager(config: Mapping[str, Any]) -> Any:
    import langbot.pkg.core.app  # noqa: F401 - its imports form a circle that works only from here
    from langbot.pkg.persistence.database import preregistered_managers

    settings = _mapping(config, "database", "database")
    kind = settings.get("use", "sqlite")
    if kind == "sqlite":
        _check_file(_mapping(settings, "sqlite", "database.sqlite").get("path", "data/langbot.db"))
    manager = next((each for each in preregistered_managers if each.name == kind), None)
    if manager is None:
        raise ConfigError(f"database.use is {kind!r}, which LangBot does not know")
    return manager(SimpleNamespace(instance_config=SimpleNamespace(data=config)))


def _mapping(settings: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
    found = settings.get(name, {})
    if not isinstance(found, Mapping):
        raise ConfigError(f"{place} in LangBot's data/config.yaml must be a mapping of settings")
    return found


def _check_file(path: object) -> None:
    if not isinstance(path, str):
        raise ConfigError("database.sqlite.path in LangBot's data/config.yaml must be text")
    if not Path(path).exists():
        raise NoHostDatabase(f"LangBot has no database at {path} yet: start LangBot once")
