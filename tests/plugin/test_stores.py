"""The page and the command over stores that no other process could open without a setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from testkit.langbot_host import WITHOUT_COVERAGE, with_extension
from testkit.servers import QUOTED, PostgresServer
from tools.plugin import ROOT

from .driver import PLUGIN, RUNNER_ID, Open, Operator, Store


@pytest.fixture(scope="module", params=["memory", "postgres"])
def operator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    with ExitStack() as stack:
        url, env = "memory://", WITHOUT_COVERAGE
        if request.param == "postgres":
            server = stack.enter_context(PostgresServer())
            url = server.url(password="${STATE_PASSWORD}")
            env = {**env, "STATE_PASSWORD": QUOTED}
        host = with_extension(tmp_path_factory.mktemp("langbot"), env=env, url=url)
        stack.enter_context(host)
        host.api("POST", "/api/v1/system/wizard/completed", json={"status": "skipped"})
        host.install_plugin(
            host.build_plugin(ROOT / "examples" / "counting_runner"), runner_id=RUNNER_ID
        )
        host.wait_for_plugin(PLUGIN)
        bot = host.create_bot("Helpdesk", host.create_pipeline("Helpdesk", RUNNER_ID))
        yield Operator(host, bot, Store.__new__(Store))


def test_the_page_and_the_command_show_what_a_run_stored(
    open_page: Open, operator: Operator
) -> None:
    operator.bot.say("call me Wanda", sender="w1")
    assert '- prefs.name: "Wanda"' in operator.bot.say("!state", sender="w1")
    view = open_page()
    expect(view.frame.locator("#place")).to_contain_text("://")
    expect(view.frame.locator("#place")).not_to_contain_text(QUOTED)
    view.find("Wanda")
    view.open_result("w1")
    expect(view.dialog).to_contain_text('"Wanda"')
    view.press("Edit")
    view.dialog.locator("textarea").fill("Wendy")
    view.press("Save")
    expect(view.frame.locator("#said")).to_have_text("Saved prefs.name as version 2.")
    assert "Hello Wendy" in operator.bot.say("hi", sender="w1")
