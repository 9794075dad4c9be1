"""A plugin's package holds the plugin's files, and building leaves nothing else behind."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from testkit.langbot_api import HostError
from testkit.plugin_package import build

EXAMPLE = Path(__file__).parents[2] / "examples" / "counting_runner"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    caches = shutil.ignore_patterns("__pycache__", ".*_cache")
    return shutil.copytree(EXAMPLE, tmp_path / "source", ignore=caches)


def test_a_package_is_built_beside_others_and_the_source_stays_as_it_is(
    source: Path, tmp_path: Path
) -> None:
    before = sorted(source.rglob("*"))
    target = tmp_path / "dist"
    target.mkdir()
    (target / "another.lbpkg").touch()
    for _ in range(2):
        package = build(source, target)
    assert sorted(source.rglob("*")) == before
    assert sorted(target.iterdir()) == sorted([package, target / "another.lbpkg"])
    with zipfile.ZipFile(package) as archive:
        assert {"main.py", "manifest.yaml"} <= set(archive.namelist())


def test_caches_are_left_out(source: Path, tmp_path: Path) -> None:
    for name in ("__pycache__", ".pytest_cache"):
        (source / name).mkdir()
        (source / name / "x").touch()
    with zipfile.ZipFile(build(source, tmp_path)) as archive:
        assert not [name for name in archive.namelist() if "cache" in name]


def test_a_folder_that_is_no_plugin_is_an_error_with_the_tools_output(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HostError, match=r"made no package:\n.*manifest"):
        build(tmp_path / "empty", tmp_path / "dist")
