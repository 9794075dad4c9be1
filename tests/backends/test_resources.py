"""The SQL and Lua files: read from wherever the package is, and every query of them is used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import langbot_state_ext
from langbot_state_ext.backends.redis import scripts
from langbot_state_ext.backends.resources import read_migrations, read_queries
from testkit.langbot_host import WITHOUT_COVERAGE
from tools.plugin import ROOT

BACKENDS = Path(langbot_state_ext.__file__).parent / "backends"
ENGINES = ("sqlite", "postgres")
USE = """
import asyncio, sys
import langbot_state_ext
from langbot_state_ext import Change, ScopeFilter, open_backend
from langbot_state_ext.state.scopes import ScopeKey

ALICE = ScopeKey("actor", (("runner_id", "r"), ("actor_id", "alice")))

async def main(urls):
    for url in urls:
        async with open_backend(url) as backend:
            await backend.commit([Change(ALICE, "k", b"1", expires_at=4e9)])
            assert await backend.load([ALICE]) == [{"k": b"1"}]
            which = ScopeFilter(text="ALI")
            assert len((await backend.scopes(which, None, 5)).scopes) == 1
            overview = await backend.overview(which, since=0, newest=1, parts=("actor_id",))
            assert overview.entries == 0
            assert await backend.clear(which) == 1

print(langbot_state_ext.__file__)
asyncio.run(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as users get it: in a wheel, which is a zip."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "-o", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_every_backend_opens_from_a_package(
    package: Path, tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    urls = [
        "memory://",
        f"sqlite:///{tmp_path}/state.db",
        f"{postgres_url}?schema=of_a_package",
        f"{redis_url}?prefix=of-a-package:",
    ]
    done = subprocess.run(
        [sys.executable, "-c", USE, *urls],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | WITHOUT_COVERAGE | {"PYTHONPATH": str(package)},
    )
    assert done.stdout.startswith(str(package))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_query_is_used(engine: str) -> None:
    queries = read_queries(f"langbot_state_ext.backends.{engine}")
    code = "\n".join(path.read_text("utf-8") for path in (BACKENDS / engine).glob("*.py"))
    assert len(queries) > 10
    assert {name for name in queries if f'"{name}"' not in code} == set()
    assert all(query and not query.endswith(";") for query in queries.values())


@pytest.mark.parametrize("engine", ENGINES)
def test_migrations_are_numbered_without_a_gap(engine: str) -> None:
    package = f"langbot_state_ext.backends.{engine}"
    names = sorted(path.name for path in (BACKENDS / engine / "migrations").iterdir())
    assert [name[:5] for name in names] == [f"{n:04}_" for n in range(1, len(names) + 1)]
    assert len(read_migrations(package)) == len(names)
    assert read_migrations(package) == import_module(f"{package}.schema").MIGRATIONS


def test_every_lua_file_is_in_a_script() -> None:
    all_scripts = [text for name, text in vars(scripts).items() if re.fullmatch(r"[A-Z]+", name)]
    for path in (BACKENDS / "redis" / "lua").iterdir():
        assert any(path.read_text("utf-8") in text for text in all_scripts), path
