"""The schema of the PostgreSQL backend: its numbered migrations, and whose schema it is.

Everything is in one PostgreSQL schema. State keys, identities and run ids are stored as bytes, as
values are: a database in any encoding holds them, NUL included, and sorts them by code point.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection, AsyncCursor, sql

from ...errors import BackendUnavailable, ConfigError, MigrationError
from ..resources import read_migrations
from .statements import SQL

OLDEST = 13
"""The oldest PostgreSQL that is supported."""

CONFLICT = "LS001"
"""The SQLSTATE with which `commit_changes` reports a conflict, as `{change} {version}`."""

MIGRATIONS = read_migrations(__package__)
"""Each brings the schema from its index to its index + 1, `schema_version.version`."""


async def migrate(connection: AsyncConnection[Any], schema: str, where: str) -> None:
    """Bring the schema up to date; safe when several processes do it at once.

    Args:
        connection: A connection in autocommit mode.
        schema: The PostgreSQL schema that is ours.
        where: Host and database, for messages.

    Raises:
        ConfigError: The server is too old, or the user may not write the tables.
        MigrationError: The schema is another program's, or newer than this package.
        BackendUnavailable: The schema must be changed, and the server is read-only.
        psycopg.Error: The server refused.
    """
    major = connection.info.server_version // 10000
    if major < OLDEST:
        raise ConfigError(
            f"PostgreSQL at {where} is version {major}, which is too old: use {OLDEST} or newer"
        )
    if await _version(connection, schema, where) == len(MIGRATIONS):
        await _check_rights(connection, schema, where)
        return
    async with connection.transaction():
        await _lock(connection, schema, where)
        found = await _version(connection, schema, where)
        if found == 0:
            await _create_schema(connection, schema)
            await _run(connection, SQL["create_schema_version"], schema)
        for migration in MIGRATIONS[found:]:
            await _run(connection, migration, schema)
        version = {"version": len(MIGRATIONS)}
        await _run(connection, SQL["set_schema_version"], schema, version)


async def _version(connection: AsyncConnection[Any], schema: str, where: str) -> int:
    """Return the version of the schema; 0 when it has no tables."""
    cursor = await _run(connection, SQL["tables"], schema, {"schema": schema})
    tables = {row[0] for row in await cursor.fetchall()}
    if not tables:
        return 0
    if "schema_version" not in tables:
        raise MigrationError(
            f"schema {schema} of PostgreSQL at {where} is another program's: "
            "choose another with schema=NAME in the url"
        )
    cursor = await _run(connection, SQL["schema_version"], schema)
    row = await cursor.fetchone()
    version = int(row[0]) if row else 0
    if version > len(MIGRATIONS):
        raise MigrationError(
            f"schema {schema} of PostgreSQL at {where} has version {version}, this package knows "
            f"{len(MIGRATIONS)}: upgrade langbot-state-ext"
        )
    return version


async def _lock(connection: AsyncConnection[Any], schema: str, where: str) -> None:
    """Let one process migrate at a time."""
    cursor = await connection.execute("SHOW transaction_read_only")
    row = await cursor.fetchone()
    if row and row[0] == "on":
        raise BackendUnavailable(
            f"PostgreSQL at {where} is read-only, as a standby is, and the tables are not there "
            "or not up to date: name the primary in the url"
        )
    await _run(connection, SQL["lock_migration"], schema, {"schema": schema})


async def _create_schema(connection: AsyncConnection[Any], schema: str) -> None:
    """Create the schema where it is missing; IF NOT EXISTS would need the right to create it."""
    found = await _run(connection, SQL["schema_exists"], schema, {"schema": schema})
    if await found.fetchone() is None:
        await _run(connection, "CREATE SCHEMA {schema}", schema)


async def _check_rights(connection: AsyncConnection[Any], schema: str, where: str) -> None:
    cursor = await _run(connection, SQL["rights"], schema, {"schema": schema})
    row = await cursor.fetchone()
    if row and row[0] is False:
        raise ConfigError(
            f"PostgreSQL at {where}: this user may not write the tables of schema {schema}: make "
            "this user their owner, or grant SELECT, INSERT, UPDATE and DELETE on all of them"
        )


async def _run(
    connection: AsyncConnection[Any],
    statements: str,
    schema: str,
    values: dict[str, Any] | None = None,
) -> AsyncCursor[Any]:
    """Run one statement with its parameters, or several without."""
    query = sql.SQL(statements).format(schema=sql.Identifier(schema))
    return await connection.execute(query, values)
