"""The schema of a SQLite state file: numbered migrations, and whether a file is ours at all.

A file is looked at first in a way that makes no file beside it, so that one which is not ours, is
damaged or has a newer schema is refused untouched.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ...errors import ConfigError, MigrationError

SMALLEST_BYTES = 512
"""The smallest SQLite file that is not empty; SQLite itself takes one byte for an empty file."""

APPLICATION_ID = 0x4C625374
"""`LbSt`, in SQLite's header, says that a file is ours."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE scopes (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            scope TEXT NOT NULL,
            parts TEXT NOT NULL
        )""",
        """CREATE TABLE entries (
            scope_id INTEGER NOT NULL REFERENCES scopes (id),
            key TEXT NOT NULL,
            value BLOB NOT NULL,
            version INTEGER NOT NULL,
            updated_at REAL NOT NULL,
            run_id TEXT,
            expires_at REAL,
            PRIMARY KEY (scope_id, key)
        ) WITHOUT ROWID""",
        "CREATE INDEX entries_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL",
        "CREATE INDEX scopes_runner ON scopes (json_extract(parts, '$.runner_id'))",
        "CREATE INDEX scopes_conversation ON scopes (json_extract(parts, '$.conversation_id'))",
        "CREATE INDEX scopes_actor ON scopes (json_extract(parts, '$.actor_id'))",
        "CREATE INDEX scopes_subject ON scopes (json_extract(parts, '$.subject_id'))",
    ),
    (
        """CREATE INDEX scopes_sender ON scopes (json_extract(parts, '$.sender_id'))
            WHERE json_extract(parts, '$.sender_id') IS NOT NULL""",
        """CREATE INDEX scopes_launcher ON scopes (json_extract(parts, '$.launcher_id'))
            WHERE json_extract(parts, '$.launcher_id') IS NOT NULL""",
    ),
)
"""Each brings the schema from its index to its index + 1, `user_version` in the file."""

CHECKED_BYTES = 64 * 1024 * 1024
"""Up to this size a file is checked as a whole when it is opened; a larger one takes seconds."""


def inspect(path: Path) -> None:
    """Look at a file without touching it.

    Args:
        path: The state file; one that does not exist, or is empty, is about to become ours.

    Raises:
        ConfigError: Its folder does not exist.
        MigrationError: It is not ours, is damaged, or has a newer schema.
    """
    try:
        if not path.parent.is_dir():
            raise ConfigError(
                f"the folder {path.parent} does not exist: create it, or change the url"
            )
        if not path.exists():
            return
        if not path.is_file():
            raise MigrationError(f"{path} is not a file: choose another one")
        size = path.stat().st_size
    except OSError as error:
        raise MigrationError(f"{path} can't be read: {error.strerror}") from error
    if 0 < size < SMALLEST_BYTES:
        raise MigrationError(f"{path} is not a SQLite database: choose another file")
    if size:
        _look(path)


def _look(path: Path) -> None:
    """Look into a file through SQLite alone; at most a `-shm` is made, beside a log that is there.

    Were it opened in another way, closing it would end the locks that this process has on it
    through its other connections.

    Source:
        https://www.sqlite.org/howtocorrupt.html, 2.2.
    """
    in_log = Path(f"{path}-wal").exists()
    try:
        with closing(_reader(path, "immutable=1")) as db:
            _check_ours(db, path)
            if not in_log:
                _check_whole(db, path)
        if in_log:
            with closing(_reader(path, "mode=ro")) as db:
                _check_ours(db, path)
                _check_whole(db, path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise MigrationError(f"{path} is not a SQLite database: choose another file") from error
        raise MigrationError(f"{path} can't be read as a state file: {error}") from error


def _reader(path: Path, how: str) -> sqlite3.Connection:
    """Connect for reading; `immutable=1` sees the file alone, without its log, and makes none."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a file to the latest schema; safe when several processes do it at once.

    Args:
        db: A connection in autocommit mode, with a busy timeout.
        path: The file, for messages.

    Raises:
        MigrationError: Another process made it a newer schema in the meantime.
        sqlite3.Error: The file can't be written.
    """
    if _version(db) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        _check_ours(db, path)
        for statements in MIGRATIONS[_version(db) :]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _check_ours(db: sqlite3.Connection, path: Path) -> None:
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID and (owner or _version(db) or _has_tables(db)):
        raise MigrationError(f"{path} is another program's database: choose another file")
    if _version(db) > len(MIGRATIONS):
        raise MigrationError(
            f"{path} has schema {_version(db)}, this version knows {len(MIGRATIONS)}: "
            "upgrade langbot-state-ext"
        )


def _check_whole(db: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size > CHECKED_BYTES:
        return
    fault = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise MigrationError(f"{path} is damaged: restore it from a back-up ({fault})")


def _has_tables(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
