"""A backend is chosen by the scheme, and its driver is imported only then."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("scheme", "package", "extra"),
    [
        ("postgresql", "psycopg", "postgres"),
        ("postgresql", "psycopg_pool", "postgres"),
        ("redis", "redis", "redis"),
        ("valkey", "redis", "redis"),
    ],
)
def test_a_missing_driver_names_the_command_that_installs_it(
    scheme: str, package: str, extra: str
) -> None:
    program = f"""
import sys
sys.modules[{package!r}] = None
from langbot_state_ext import MissingExtra, open_backend
try:
    open_backend("{scheme}://h/0")
except MissingExtra as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert f"pip install 'langbot-state-ext[{extra}]'" in done.stdout


def test_drivers_are_imported_only_when_they_are_used() -> None:
    program = """
import sys
import langbot_state_ext
langbot_state_ext.open_backend("sqlite:///x.db")
assert not {"psycopg", "psycopg_pool", "redis"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
