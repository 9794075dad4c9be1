"""What the tests of the plugin drive: LangBot's API, the state file, and the page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, Route

from langbot_state_ext import Change, Entry, ScopeFilter, ScopeKey, open_backend
from testkit.http_bot import HttpBot
from testkit.langbot_host import LangBotHost
from tools.plugin import ROOT

PLUGIN = "langbot-state-ext/RunnerState"
RUNNER_ID = "plugin:langbot-state-ext/CountingRunner/default"
SHOTS = ROOT / "build" / "screenshots"


class Store:
    """LangBot's state file, seen from outside while LangBot runs.

    Args:
        file: The file.
    """

    def __init__(self, file: Path) -> None:
        self._backend = open_backend(f"sqlite:///{file}", blocking=True)
        self._drive(self._backend.open())

    def put(self, key: ScopeKey, values: Mapping[str, Any], *, run_id: str | None = None) -> None:
        changes = [
            Change(key, name, json.dumps(value, ensure_ascii=False).encode(), run_id=run_id)
            for name, value in values.items()
        ]
        self._drive(self._backend.commit(changes))

    def get(self, key: ScopeKey, name: str) -> Any:
        entry: Entry | None = self._drive(self._backend.get(key, name))
        return None if entry is None else json.loads(entry.value)

    def scopes(self, **parts: str) -> list[ScopeKey]:
        page = self._drive(self._backend.scopes(ScopeFilter(parts=parts), None, 100))
        return [stored.key for stored in page.scopes]

    def close(self) -> None:
        self._drive(self._backend.close())

    @staticmethod
    def _drive(work: Any) -> Any:
        """Run a coroutine that never suspends, beside whatever loop there is."""
        try:
            work.send(None)
        except StopIteration as done:
            return done.value
        raise RuntimeError("it suspended")


@dataclass
class Operator:
    """LangBot's API as its UI uses it, and what a test looks at beside it.

    Attributes:
        host: LangBot.
        bot: A bot that the counting runner answers for.
        store: The state file.
        workspace: The uuid of LangBot's workspace.
    """

    host: LangBotHost
    bot: HttpBot
    store: Store
    workspace: str = ""

    def ask(self, endpoint: str, body: Any = None, *, page: str = "inspector") -> Any:
        request = {"page_id": page, "endpoint": endpoint, "method": "POST", "body": body}
        return self.host.api("POST", f"/api/v1/plugins/{PLUGIN}/page-api", json=request)

    def key(self, scope: str, **parts: str) -> ScopeKey:
        """Return a key as LangBot's runs have them, for a binding of the tests' own."""
        base = (
            ("runner_id", "plugin:somebody/Chatter/default"),
            ("binding_identity", "b"),
            ("bot_id", self.bot.uuid),
            ("workspace_id", self.workspace),
        )
        return ScopeKey(scope, (*base, *parts.items()))  # type: ignore[arg-type]


@dataclass
class View:
    """The page in a browser.

    Attributes:
        page: LangBot's UI around it.
        frame: The page itself.
    """

    page: Page
    frame: FrameLocator

    def find(self, text: str) -> None:
        self.frame.locator("#text").fill(text)
        self.frame.locator("#find button.main").click()

    def open_result(self, text: str) -> None:
        self.frame.locator("aside ul.list button").filter(has_text=text).first.click()

    def open_entry(self, key: str) -> None:
        self.frame.locator("#entries button").filter(has_text=key).first.click()

    def press(self, name: str) -> None:
        self.frame.get_by_role("button", name=name, exact=True).click()

    def answer(self, endpoint: str, answer: Callable[[], Any]) -> None:
        """Answer the page's calls of an endpoint instead of the plugin; None leaves one to it."""

        def handle(route: Route) -> None:
            asked = (route.request.post_data_json or {}).get("endpoint") == endpoint
            given = answer() if asked else None
            if given is None:
                route.fallback()
            else:
                route.fulfill(json={"code": 0, "msg": "ok", "data": given})

        self.page.route("**/page-api", handle)

    @property
    def edited(self) -> Any:
        """The value that saving would write."""
        text = self.dialog.locator("textarea").input_value()
        return (
            text if self.dialog.get_by_label("Text", exact=True).is_checked() else json.loads(text)
        )

    @property
    def dialog(self) -> Locator:
        return self.frame.locator("#dialog")

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


Open = Callable[..., View]


def wait_until(done: Callable[[], Any], what: str) -> Any:
    """Wait for what another process is about to do."""
    for _ in range(300):
        found = done()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited for {what} in vain")
