"""Turns errors of PostgreSQL and its driver into ours, which say what to do."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolClosed

from ...errors import BackendError, BackendUnavailable, ConfigError, MigrationError
from ..urls import NetworkUrl

RETRIED = (pg.SerializationFailure, pg.DeadlockDetected)
"""The server has rolled the transaction back, and the same call may run again."""

_WRONG_SETTING: tuple[tuple[str, str], ...] = (
    (r"password authentication failed|no password supplied", "check user and password in the url"),
    (r'role ".*" does not exist', "check the user in the url"),
    (r'database ".*" does not exist', "create it, or check the database in the url"),
    (r"no pg_hba.conf entry", "allow this host and user in the server's pg_hba.conf"),
    (r"permission denied for database", "grant CONNECT on the database to this user"),
    (r"SSL|certificate|TLS", "check sslmode and sslrootcert in the url, and the server's TLS"),
    (r"invalid connection option|invalid .* value|invalid integer", "check the url"),
    ("ProactorEventLoop", "on Windows use sqlite:// or redis://, or run LangBot in a container"),
)
"""What a server or libpq says while connecting, which has no code, and what to do then."""

_CONNECTING = psycopg.OperationalError | psycopg.ProgrammingError | psycopg.InterfaceError

_GONE = pg.UndefinedTable | pg.UndefinedFunction | pg.InvalidSchemaName | pg.UndefinedColumn


def opening_error(error: Exception, url: NetworkUrl, where: str) -> Exception:
    """Return why the store can't be opened.

    Args:
        error: What the driver raised.
        url: The url, whose secrets the message leaves out.
        where: Host and database, for the message.

    Returns:
        A `ConfigError` when the operator has to change a setting; else as `call_error`.
    """
    said = str(error)
    text = url.without_secrets(said)
    if isinstance(error, pg.InsufficientPrivilege):
        return ConfigError(
            f"PostgreSQL at {where} allows this user no tables: {text}: grant CREATE on the "
            "database, or create the schema and make this user its owner"
        )
    if isinstance(error, _CONNECTING):
        for pattern, advice in _WRONG_SETTING:
            if re.search(pattern, said):
                return ConfigError(f"PostgreSQL at {where} can't be used: {text}: {advice}")
    if isinstance(error, _GONE):
        return MigrationError(f"PostgreSQL at {where}: the schema is not ours: {text}")
    return call_error(error, url, where)


def call_error(error: Exception, url: NetworkUrl, where: str) -> BackendError:
    """Return why a call failed.

    Args:
        error: What the driver raised, or `TimeoutError`.
        url: The url, whose secrets the message leaves out.
        where: Host and database, for the message.

    Returns:
        A `BackendUnavailable` when the same call may succeed later; else a `BackendError`.
    """
    text = url.without_secrets(str(error))
    for kinds, made, message in _CALLS:
        if isinstance(error, kinds):
            return made(message.format(where=where, text=text, wait_s=url.wait_s))
    return BackendError(f"PostgreSQL at {where}: {text}")


_READ_ONLY = (
    "PostgreSQL at {where} is read-only, as a standby is: nothing was written; name the "
    "primary in the url, or several hosts with target_session_attrs=read-write"
)

_CALLS: tuple[tuple[Any, type[BackendError], str], ...] = (
    (PoolClosed, BackendError, "PostgreSQL at {where} is not open"),
    (
        TimeoutError | pg.QueryCanceled | pg.LockNotAvailable,
        BackendUnavailable,
        "PostgreSQL at {where} did not answer within {wait_s:g} s",
    ),
    (
        pg.ReadOnlySqlTransaction,
        BackendUnavailable,
        _READ_ONLY,
    ),
    (
        RETRIED,
        BackendUnavailable,
        "PostgreSQL at {where} rolled back every attempt for {wait_s:g} s: nothing was written",
    ),
    (
        pg.DiskFull,
        BackendUnavailable,
        "the disk of PostgreSQL at {where} is full: nothing was written",
    ),
    (
        pg.InsufficientPrivilege,
        BackendError,
        "PostgreSQL at {where} refuses this user: {text}",
    ),
    (
        _GONE,
        BackendError,
        "PostgreSQL at {where}: the tables were changed while they were in use: {text}",
    ),
    (
        psycopg.OperationalError | OSError,
        BackendUnavailable,
        "PostgreSQL at {where} can't be reached: {text}",
    ),
)
"""The first kind that an error is of."""
