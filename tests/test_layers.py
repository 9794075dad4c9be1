"""Imports point down only, and the core needs nothing optional."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import langbot_state_ext

PACKAGE = Path(langbot_state_ext.__file__).parent
OPTIONAL = ("langbot", "psycopg", "psycopg_pool", "redis", "sqlalchemy", "yaml", "wrapt", "pytest")
ONLY_IMPORTERS = {
    "langbot": {"host"},
    "sqlalchemy": {"host"},
    "wrapt": {"host"},
    "psycopg": {"backends/postgres"},
    "psycopg_pool": {"backends/postgres"},
    "redis": {"backends/redis"},
    "pytest": {"testing"},
    "pytest_asyncio": {"testing"},
}
CORE = {
    *("__init__", "errors", "scopes", "policy", "codec", "keyed", "store", "sync", "run"),
    *("continuity", "conversation", "journal", "layers", "masking", "backends"),
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        yield name, ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the level and the first name of everything that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield from ((node.level, f"{base}.{a.name}".lstrip(".")) for a in node.names)


@pytest.mark.parametrize(
    ("name", "tree"), list(modules()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_an_optional_package_has_one_place(name: str, tree: ast.Module) -> None:
    for level, target in imported(tree):
        allowed = ONLY_IMPORTERS.get(target.partition(".")[0]) if level == 0 else None
        assert allowed is None or any(name.startswith(place) for place in allowed), target


@pytest.mark.parametrize(
    ("name", "tree"), list(modules()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_the_core_imports_the_core_alone(name: str, tree: ast.Module) -> None:
    if name.partition("/")[0] not in CORE:
        return
    depth = name.count("/") + 1
    for level, target in imported(tree):
        if level == depth:
            assert target.partition(".")[0] in CORE, target


def test_the_core_imports_with_every_optional_package_blocked() -> None:
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in OPTIONAL)
    code = f"import sys; {blocked}; import langbot_state_ext as ext; ext.get_state_store()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_module_says_what_lives_there() -> None:
    for name, tree in modules():
        assert ast.get_docstring(tree), name
