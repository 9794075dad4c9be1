"""The core needs nothing optional, and every module says what lives there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import langbot_state_ext

PACKAGE = Path(langbot_state_ext.__file__).parent
OPTIONAL = ("langbot", "psycopg", "psycopg_pool", "redis", "sqlalchemy", "yaml", "wrapt", "pytest")


def test_the_core_imports_with_every_optional_package_blocked() -> None:
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in OPTIONAL)
    code = f"import sys; {blocked}; import langbot_state_ext as ext; ext.get_state_store()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_module_says_what_lives_there() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
