"""Everything in the page for runner authors is run, by pytest and by type checkers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "runner-authors.md").read_text("utf-8")
BLOCKS = re.findall(r"```py\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, code in BLOCKS:
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(code + "\n\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope=function\n")
    return tmp_path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, check=False, capture_output=True, text=True
    )


def test_every_snippet_is_one_of_these() -> None:
    assert len(BLOCKS) == PAGE.count("```py\n")
    assert "```python" not in PAGE


def test_the_tests_pass(folder: Path) -> None:
    done = python(folder, "-m", "pytest", "--deselect", "test_failing.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_failing_test_shows_what_is_said(folder: Path) -> None:
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    done = python(folder, "-m", "pytest", "test_failing.py")
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    (expected,) = shown
    missing = [line for line in expected.splitlines() if line.rstrip() not in printed]
    assert not missing, done.stdout


def test_the_models_do_what_is_said(folder: Path) -> None:
    code = """
from models import Group, Option, Profile, Reader
group = Group.from_state({"group.options": [{"title": "tea"}]})
assert group.options == [Option(title="tea")]
assert Profile.from_state({"profile.name": "Al"}).nickname == "Al"
assert Reader.from_state({"reader.language": "en,fr"}).languages == ["en", "fr"]
"""
    done = python(folder, "-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "checker",
    [["mypy", f"--cache-dir={ROOT}/.mypy_cache/docs"], ["pyright", "--pythonpath", sys.executable]],
    ids=lambda checker: checker[0],
)
def test_a_type_checker_finds_no_fault(checker: list[str], folder: Path) -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (folder / "pyproject.toml").write_text(settings)
    runners = sorted(ROOT.glob("examples/*_runner"))
    for plugin in runners:
        source = plugin / "components" / "runner" / "default.py"
        shutil.copy(source, folder / f"{plugin.name}.py")
    files = ["greeter.py", "models.py", *(f"{plugin.name}.py" for plugin in runners)]
    done = python(folder, "-m", *checker, *files)
    assert done.returncode == 0, done.stdout + done.stderr
