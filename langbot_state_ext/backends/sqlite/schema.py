"""The schema of a SQLite state file: its numbered migrations, and whose file it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ...errors import MigrationError
from ..resources import read_migrations

APPLICATION_ID = 0x4C625374
"""`LbSt`, in SQLite's header, marks a file as ours."""

MIGRATIONS = read_migrations(__package__)
"""Each brings the schema from its index to its index + 1, `user_version` in the file."""


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a file to the latest schema; safe when several processes do it at once.

    Args:
        db: A connection in autocommit mode, with a busy timeout.
        path: The file, for messages.

    Raises:
        MigrationError: Another process has just migrated it to a newer schema.
        sqlite3.Error: The file can't be written.
    """
    if _version(db) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        check_ours(db, path)
        for migration in MIGRATIONS[_version(db) :]:
            for statement in _statements(migration):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def check_ours(db: sqlite3.Connection, path: Path) -> None:
    """Check that a file is empty or ours, and not newer than this package.

    Raises:
        MigrationError: It is another program's, or has a newer schema.
    """
    version, has_tables = _version(db), _has_tables(db)
    # Read last: another process may create the tables at this moment.
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID and (owner or version or has_tables):
        raise MigrationError(f"{path} is another program's database: choose another file")
    if version > len(MIGRATIONS):
        raise MigrationError(
            f"{path} has schema {version}, this version knows {len(MIGRATIONS)}: "
            "upgrade langbot-state-ext"
        )


def _statements(script: str) -> Iterator[str]:
    """Split a script, since `executescript` would commit the transaction under way."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _has_tables(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
