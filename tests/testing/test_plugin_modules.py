"""A plugin imports its own modules in a harness as in LangBot, and no other plugin's."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from langbot_state_ext.testing import RunnerHarness

PROBE = Path(__file__).parents[1] / "host" / "probe_runner"

RUNNER = """
from langbot_plugin.api.definition.components.runner import Runner

from pkg import GREETING


class Greeter(Runner):
    async def run(self, ctx):
        from pkg.later import QUESTION

        await ctx.log(GREETING + QUESTION)
"""


def plugin(folder: Path, greeting: str) -> Path:
    """Make a plugin with modules of its own."""
    runners = folder / "components" / "runner"
    (folder / "pkg").mkdir(parents=True)
    runners.mkdir(parents=True)
    source = PROBE / "components" / "runner"
    manifest = (source / "default.yaml").read_text().replace("ProbeRunner", "Greeter")
    (runners / "default.yaml").write_text(manifest)
    (runners / "default.py").write_text(RUNNER)
    (folder / "manifest.yaml").write_text((PROBE / "manifest.yaml").read_text())
    (folder / "pkg" / "__init__.py").write_text(f"GREETING = {greeting!r}\n")
    (folder / "pkg" / "later.py").write_text(f"QUESTION = ', {greeting}?'\n")
    return folder


def test_two_plugins_may_have_modules_with_the_same_name(tmp_path: Path) -> None:
    before = list(sys.path)
    with (
        RunnerHarness(plugin(tmp_path / "a", "hey")) as first,
        RunnerHarness(plugin(tmp_path / "b", "ho")) as second,
    ):
        assert second.say("").logs == ["info: ho, ho?"]
        assert first.say("").logs == ["info: hey, hey?"]
        first.restart()
        assert first.say("").logs == ["info: hey, hey?"]
    assert sys.path == before
    assert not [name for name in sys.modules if name.partition(".")[0] == "pkg"]


def test_other_modules_are_restored(tmp_path: Path) -> None:
    folder = plugin(tmp_path / "a", "hey")
    (folder / "tests").mkdir()
    with RunnerHarness(folder) as harness:
        harness.say("")
    assert sys.modules["tests"].__file__ == str(Path(__file__).parents[1] / "__init__.py")


def test_a_module_imported_from_the_plugin_before_is_the_same_object(tmp_path: Path) -> None:
    folder = plugin(tmp_path / "a", "hey")
    sys.path.insert(0, str(folder))
    try:
        pkg: Any = import_module("pkg")
        pkg.GREETING = "hi"
        with RunnerHarness(folder) as harness:
            assert harness.say("").logs == ["info: hi, hey?"]
        assert sys.modules["pkg"] is pkg
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("pkg")
        sys.modules.pop("pkg.later")
