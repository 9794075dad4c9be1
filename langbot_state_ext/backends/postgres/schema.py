"""The schema of the PostgreSQL backend: numbered migrations, and whether a schema is ours at all.

Everything is in one PostgreSQL schema of its own. State keys, identities and run ids are bytes
there, as values are: a database in any encoding holds them, in the order of their code points,
and NUL is a character like others.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import AsyncConnection, sql

from ...errors import BackendUnavailable, ConfigError, MigrationError

OLDEST = 13
"""The oldest PostgreSQL that is supported."""

CONFLICT = "LS001"
"""The SQLSTATE with which `commit_changes` reports another version: `{change} {version}`."""

MIGRATIONS: tuple[LiteralString, ...] = (
    """
    CREATE TABLE {schema}.scopes (
        key text COLLATE "C" PRIMARY KEY,
        scope text NOT NULL,
        parts bytea NOT NULL,
        tags bytea[] NOT NULL,
        folded bytea NOT NULL
    );
    CREATE INDEX scopes_tags ON {schema}.scopes USING gin (tags);
    CREATE TABLE {schema}.entries (
        scope text COLLATE "C" NOT NULL,
        key bytea NOT NULL,
        value bytea NOT NULL,
        version bigint NOT NULL,
        updated_at double precision NOT NULL,
        run_id bytea,
        expires_at double precision,
        PRIMARY KEY (scope, key)
    );
    CREATE INDEX entries_expiry ON {schema}.entries (expires_at) WHERE expires_at IS NOT NULL;

    CREATE FUNCTION {schema}.commit_changes(
        now_s double precision, scope_keys text[], scope_names text[], all_parts bytea[],
        all_tags text[], all_folded bytea[], keys bytea[], data bytea[], expects bigint[],
        run_ids bytea[], expiries double precision[]
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        held bigint;
        locked text[];
    BEGIN
        IF cardinality(keys) = 1 AND expects[1] > 0 THEN
            -- say a conflict without a lock: whoever races for an entry comes here
            SELECT CASE WHEN e.expires_at <= now_s THEN 0 ELSE e.version END INTO held
            FROM {schema}.entries e WHERE e.scope = scope_keys[1] AND e.key = keys[1];
            IF coalesce(held, 0) <> expects[1] THEN
                RAISE EXCEPTION '0 %', coalesce(held, 0) USING ERRCODE = 'LS001';
            END IF;
        END IF;

        -- Whoever adds or deletes entries has their scopes to himself, locked in one order, and
        -- touches no other: no two wait for each other, and no scope goes while an entry comes.
        LOOP
            INSERT INTO {schema}.scopes
                SELECT DISTINCT ON (u.scope_key)
                    u.scope_key, u.name, u.parts, u.tags::bytea[], u.folded
                FROM unnest(scope_keys, scope_names, all_parts, all_tags, all_folded, data)
                    AS u (scope_key, name, parts, tags, folded, data)
                WHERE u.data IS NOT NULL ORDER BY u.scope_key ON CONFLICT DO NOTHING;
            locked := ARRAY (SELECT s.key FROM {schema}.scopes s WHERE s.key = ANY (scope_keys)
                ORDER BY s.key FOR UPDATE);
            EXIT WHEN NOT EXISTS (
                SELECT FROM unnest(scope_keys, data) AS u (scope_key, data)
                WHERE u.data IS NOT NULL AND u.scope_key <> ALL (locked));
        END LOOP;

        FOR i IN 1 .. cardinality(keys) LOOP
            IF expects[i] <> -1 THEN
                SELECT CASE WHEN e.expires_at <= now_s THEN 0 ELSE e.version END INTO held
                FROM {schema}.entries e WHERE e.scope = scope_keys[i] AND e.key = keys[i]
                    AND e.scope = ANY (locked) FOR UPDATE;
                IF coalesce(held, 0) <> expects[i] THEN
                    RAISE EXCEPTION '% %', i - 1, coalesce(held, 0) USING ERRCODE = 'LS001';
                END IF;
            END IF;
            IF data[i] IS NULL THEN
                DELETE FROM {schema}.entries e WHERE e.scope = scope_keys[i] AND e.key = keys[i]
                    AND e.scope = ANY (locked);
            ELSE
                INSERT INTO {schema}.entries AS e VALUES (scope_keys[i], keys[i], data[i], 1, now_s,
                    run_ids[i], expiries[i])
                ON CONFLICT (scope, key) DO UPDATE SET
                    value = excluded.value,
                    version = CASE WHEN e.expires_at <= now_s THEN 1 ELSE e.version + 1 END,
                    updated_at = now_s, run_id = excluded.run_id, expires_at = excluded.expires_at;
            END IF;
        END LOOP;
        IF array_position(data, NULL) IS NOT NULL THEN
            DELETE FROM {schema}.scopes s WHERE s.key = ANY (locked) AND NOT EXISTS
                (SELECT FROM {schema}.entries e WHERE e.scope = s.key);
        END IF;
    END $$;
    """,
)
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
        BackendUnavailable: There is something to write, and the server is read-only.
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
            await _make_schema(connection, schema)
            await _run(connection, "CREATE TABLE {schema}.schema_version (version int)", schema)
            await _run(connection, "INSERT INTO {schema}.schema_version VALUES (0)", schema)
        for statements in MIGRATIONS[found:]:
            await _run(connection, statements, schema)
        version = sql.SQL("UPDATE {schema}.schema_version SET version = {version}").format(
            schema=sql.Identifier(schema), version=sql.Literal(len(MIGRATIONS))
        )
        await connection.execute(version)


async def _version(connection: AsyncConnection[Any], schema: str, where: str) -> int:
    """Return the version of the schema; 0 when there is nothing yet."""
    cursor = await connection.execute(
        """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v')""",
        (schema,),
    )
    tables = {row[0] for row in await cursor.fetchall()}
    if not tables:
        return 0
    if "schema_version" not in tables:
        raise MigrationError(
            f"schema {schema} of PostgreSQL at {where} is another program's: "
            "choose another with schema=NAME in the url"
        )
    cursor = await _run(connection, "SELECT version FROM {schema}.schema_version", schema)
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
    name = f"langbot-state-ext {schema}"
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))


async def _make_schema(connection: AsyncConnection[Any], schema: str) -> None:
    """Make the schema, unless somebody has: IF NOT EXISTS asks for the right all the same."""
    found = await connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,))
    if await found.fetchone() is None:
        await _run(connection, "CREATE SCHEMA {schema}", schema)


async def _check_rights(connection: AsyncConnection[Any], schema: str, where: str) -> None:
    cursor = await connection.execute(
        """SELECT bool_and(has_table_privilege(c.oid, p.right))
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
               unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p ("right")
           WHERE n.nspname = %s AND c.relname IN ('scopes', 'entries')""",
        (schema,),
    )
    row = await cursor.fetchone()
    if row and row[0] is False:
        raise ConfigError(
            f"PostgreSQL at {where} lets this user not write the tables of schema {schema}: make "
            "him their owner, or grant SELECT, INSERT, UPDATE and DELETE on all of them"
        )


async def _run(connection: AsyncConnection[Any], statements: LiteralString, schema: str) -> Any:
    return await connection.execute(sql.SQL(statements).format(schema=sql.Identifier(schema)))
