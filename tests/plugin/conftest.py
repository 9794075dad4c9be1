"""One LangBot for every test of the plugin, with the extension, the plugin and two runners."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from testkit.langbot_host import WITHOUT_COVERAGE, LangBotHost, with_extension
from tools.browser import MISSING, find
from tools.plugin import ROOT

from .driver import PLUGIN, RUNNER_ID, Open, Operator, Store, View

expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what drives a LangBot on the older ones, too."""
    for item in items:
        if "operator" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.host)


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("langbot")
    with with_extension(folder, env=WITHOUT_COVERAGE) as host:
        host.api("POST", "/api/v1/system/wizard/completed", json={"status": "skipped"})
        runner = host.build_plugin(ROOT / "examples" / "counting_runner")
        host.install_plugin(runner, runner_id=RUNNER_ID)
        host.wait_for_plugin(PLUGIN)
        bot = host.create_bot("Helpdesk", host.create_pipeline("Helpdesk", RUNNER_ID))
        store = Store(folder / "data" / "state.db")
        bot.say("hi", sender="first")
        workspace = store.scopes()[0].part("workspace_id")
        assert workspace is not None
        yield Operator(host, bot, store, workspace)
        store.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    place = find()
    if place is None:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, operator: Operator) -> Iterator[Open]:
    """Open LangBot's UI, logged in, at the page; a script error or an alert fails the test."""
    faults: list[str] = []
    contexts = []

    def alert(dialog: Dialog) -> None:
        faults.append(dialog.message)
        dialog.dismiss()

    def open_page(
        *, width: int = 1280, language: str = "en-US", theme: str = "light", path: str | None = None
    ) -> View:
        context = browser.new_context(viewport={"width": width, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", alert)
        _prepare(page, operator.host, language=language, theme=theme)
        address = path or f"/home/plugin-pages?id={PLUGIN.replace('/', '%2F')}%2Finspector"
        page.goto(f"{operator.host.url}{address}")
        frame = page.frame_locator(f'iframe[title^="{PLUGIN}"]')
        if path is None:
            frame.locator("#main .tiles, #not-enabled").wait_for()
        return View(page, frame)

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def _prepare(page: Page, host: LangBotHost, *, language: str, theme: str) -> None:
    """Leave in the browser what LangBot's UI leaves there after a login and its guide."""
    settings = {
        "token": host._http.headers["Authorization"].removeprefix("Bearer "),
        "langbot_sidebar_guide_v1": "completed",
        "langbot-assistant-panel-open": "false",
        "langbot_language": language,
        "langbot-theme": theme,
    }
    page.add_init_script(
        f"if (window.top === window) Object.entries({json.dumps(settings)})"
        ".forEach(([name, value]) => localStorage.setItem(name, value))"
    )
