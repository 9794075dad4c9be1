"""Type checkers understand a model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GOOD = """\
from typing import Annotated, Literal, assert_type

from langbot_plugin.api.definition.components.runner import RunnerContext, RunnerResult

from langbot_state_ext.runner import Key, StateModel, Stored


def upgrade(stored: Stored) -> Stored:
    return stored


class Prefs(StateModel, scope="actor", prefix="prefs.", version=2, upgrades={1: upgrade}):
    language: str = "en"
    tone: Literal["formal", "casual"] = "casual"
    tags: list[str] = []
    far: Annotated[str | None, Key("external.id", was="old.id")] = None


async def run(ctx: RunnerContext) -> list[RunnerResult]:
    prefs = Prefs.load(ctx)
    assert_type(prefs, Prefs)
    assert_type(prefs.language, str)
    assert_type(prefs.tags, list[str])
    assert_type(prefs.far, str | None)
    prefs.tone = "formal"
    assert_type(await Prefs.fetch(ctx), Prefs)
    await prefs.save(ctx)
    Prefs(language="zh")
    return prefs.changes(ctx)
"""

BAD = """\
from typing import Literal

from langbot_state_ext.runner import StateModel


class Prefs(StateModel, scope="actor", prefix="prefs."):
    language: str = "en"
    tone: Literal["formal", "casual"] = "casual"


prefs = Prefs()
prefs.tone = "rude"
prefs.language = 5
prefs.langauge = "zh"
print(prefs.langauge)
"""

CACHE = Path(__file__).parents[2] / ".mypy_cache" / "models"

BAD_LINES = {12, 13, 14, 15}


def check(checker: str, source: Path) -> set[int]:
    """Return the lines that a type checker finds fault with."""
    return {"mypy": mypy, "pyright": pyright}[checker](source)


def mypy(source: Path) -> set[int]:
    config = source.with_name("mypy.ini")
    config.write_text(
        "[mypy]\nstrict = true\n[mypy-langbot_plugin.*]\nfollow_untyped_imports = true\n"
    )
    options = ["--config-file", str(config), "--cache-dir", str(CACHE)]
    done = python("-m", "mypy", *options, str(source), cwd=source.parent)
    assert done.returncode in {0, 1}, done.stderr
    return {int(line) for line in re.findall(r"^\w+\.py:(\d+): error:", done.stdout, re.MULTILINE)}


def pyright(source: Path) -> set[int]:
    done = python(
        "-m",
        "pyright",
        "--outputjson",
        "--pythonpath",
        sys.executable,
        str(source),
        cwd=source.parent,
    )
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["generalDiagnostics"]
    return {fault["range"]["start"]["line"] + 1 for fault in found}


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_type_checkers_accept_a_good_model_and_find_each_mistake(
    checker: str, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(GOOD)
    bad.write_text(BAD)
    assert check(checker, good) == set()
    assert check(checker, bad) == BAD_LINES
