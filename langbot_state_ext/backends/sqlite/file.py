"""Whether a file can hold the state, found out without changing it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryFile

from ...errors import ConfigError, MigrationError
from .schema import check_ours

SMALLEST_BYTES = 512
"""The smallest SQLite file that is not empty; SQLite itself takes one byte for an empty file."""

LOOKS, PAUSE_S = 20, 0.05
"""How often a file is looked into while other processes change it, and the pause in between."""

CHECKED_BYTES = 64 * 1024 * 1024
"""Files up to this size are checked as a whole when they are opened; larger ones take seconds."""


def check_writable(path: Path) -> None:
    """Check that a file, or a new one in its folder, can be written.

    Raises:
        ConfigError: Its folder does not exist, or one of them can't be written.
    """
    try:
        _check_kind(path)
    except OSError as error:
        raise ConfigError(f"{path} can't be accessed: {error.strerror}") from None
    folder = path.parent
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f"the folder {folder} is not writable: {error.strerror}") from None


def check_content(path: Path) -> None:
    """Check that a file is a whole state file, or is about to become one.

    Raises:
        ConfigError: Its folder does not exist.
        MigrationError: It is not ours, is damaged, or has a newer schema.
    """
    try:
        _check_folder(path)
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
        _check_database(path)


def _check_kind(path: Path) -> None:
    _check_folder(path)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder: name a file in it")
    if path.exists() and not os.access(path, os.W_OK):
        raise ConfigError(f"{path} is not writable by this user: change its permissions")


def _check_folder(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise ConfigError(f"the folder {folder} does not exist: create it, or change the url")


def _check_database(path: Path) -> None:
    """Look into a file, again while other processes change it.

    A look may take no lock, and then a file that another process writes can look damaged. A fault
    counts when the file has not changed between two looks.
    """
    last_seen = None
    for _ in range(LOOKS):
        try:
            _look(path)
            return
        except MigrationError as error:
            fault, before, last_seen = error, last_seen, _last_change(path)
            if last_seen == before:
                break
        time.sleep(PAUSE_S)
    raise fault


def _look(path: Path) -> None:
    """Read a file through SQLite alone; at most a `-shm` is made, beside a `-wal` that is there.

    Closing a file that was opened otherwise would release the locks that this process has on it
    through its other connections.

    Source:
        https://www.sqlite.org/howtocorrupt.html, 2.2.
    """
    has_wal = Path(f"{path}-wal").exists()
    try:
        with closing(_reader(path, "immutable=1")) as db:
            check_ours(db, path)
            if not has_wal:
                _check_whole(db, path)
        if has_wal:
            with closing(_reader(path, "mode=ro")) as db:
                check_ours(db, path)
                _check_whole(db, path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise MigrationError(f"{path} is not a SQLite database: choose another file") from error
        raise MigrationError(f"{path} can't be read as a state file: {error}") from error


def _last_change(path: Path) -> list[tuple[int, int]]:
    """Return size and time of the last write, of a file and of its `-wal` where it has one."""
    found = []
    for file in (path, Path(f"{path}-wal")):
        with suppress(FileNotFoundError):
            found.append((file.stat().st_size, file.stat().st_mtime_ns))
    return found


def _reader(path: Path, mode: str) -> sqlite3.Connection:
    """Connect for reading; `immutable=1` reads the file without its `-wal`, and makes no file."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)


def _check_whole(db: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size > CHECKED_BYTES:
        return
    fault = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise MigrationError(f"{path} is damaged: restore it from a back-up ({fault})")
