"""Reads the SQL and Lua files of the engines; also where the package is a zip."""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def read_text(package: str, *path: str) -> str:
    """Read a file of a package.

    Args:
        package: The package, `__package__` of the caller.
        path: The folders below it, if any, and the file.
    """
    return files(package).joinpath(*path).read_text("utf-8")


def read_queries(package: str) -> dict[str, str]:
    """Read `queries.sql`, where a line `-- name: get` begins the query `get`.

    Returns:
        Each query by its name, without the semicolon at its end.
    """
    _head, *named = _NAME.split(read_text(package, "queries.sql"))
    pairs = zip(named[::2], named[1::2], strict=True)
    return {name: query.strip().removesuffix(";") for name, query in pairs}


def read_migrations(package: str) -> tuple[str, ...]:
    """Read `migrations/0001_….sql` and all that follow, in the order of their numbers."""
    found = files(package).joinpath("migrations").iterdir()
    names = sorted(file.name for file in found if file.name.endswith(".sql"))
    return tuple(read_text(package, "migrations", name) for name in names)
