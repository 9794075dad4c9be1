"""Each example is complete: copied alone, its tests pass with the installed package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from testkit.langbot_host import WITHOUT_COVERAGE

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*_runner"))
CACHES = shutil.ignore_patterns("__pycache__", ".*_cache")

ALONE = """
import sys
sys.path = [place for place in sys.path if place != {root!r}] + [{site!r}]
sys.argv[1:] = ["-p", "no:cacheprovider", *sys.argv[1:]]
import pytest
sys.exit(pytest.console_main())
"""
"""Runs pytest with the package of the wheel; the editable install has the whole repository."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_tests(folder: Path, site: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a plugin's tests, with nothing of the repository on the path."""
    return subprocess.run(
        [sys.executable, "-c", ALONE.format(root=str(ROOT), site=str(site)), *options],
        cwd=folder,
        env={**os.environ, **WITHOUT_COVERAGE, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_copied_alone_passes_its_tests(
    example: Path, site: Path, tmp_path: Path
) -> None:
    done = run_tests(shutil.copytree(example, tmp_path / example.name, ignore=CACHES), site)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_example_sees_the_package_and_nothing_else_of_the_repository(
    site: Path, tmp_path: Path
) -> None:
    code = "import langbot_state_ext as ext\ndef test_ext(): print(ext.__file__)\n"
    hidden = ("examples", "testkit", "tests", "tools")
    tests = [f"def test_{name}(): import {name}\n" for name in hidden]
    (tmp_path / "test_imports.py").write_text(code + "".join(tests))
    done = run_tests(tmp_path, site, "-rP")
    assert f"{site}/langbot_state_ext/__init__.py" in done.stdout
    for name in hidden:
        assert f"ModuleNotFoundError: No module named '{name}'" in done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_says_how_to_test_it(example: Path) -> None:
    readme = (example / "README.md").read_text("utf-8")
    assert "pip install -r requirements-dev.txt\npython -m pytest\n" in readme
    requirements = (example / "requirements-dev.txt").read_text("utf-8").split("\n")
    assert {"-r requirements.txt", "langbot-state-ext", "pytest"} <= set(requirements)
