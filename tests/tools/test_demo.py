"""`make demo` and `make run`: what they install, and how they end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture
from rich.console import Console

from tools import demo

WORK = """
import time
from tools.demo import end_on_signals

end_on_signals()
try:
    print("up", flush=True)
    time.sleep(60)
finally:
    print("going down", flush=True)
    time.sleep(1)
    print("down", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(how)
        assert process.stdout.readline() == "going down\n"
        process.send_signal(how)
        assert process.stdout.readline() == "down\n"
    assert process.returncode == 128 + how


def test_make_demo_does_not_touch_the_folder_of_make_run() -> None:
    assert demo.FOLDER != demo.STAY_FOLDER


class Host:
    """Records what is asked of a LangBot."""

    url = "http://langbot"
    folder = Path("langbot")

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def api(self, method: str, path: str, **kwargs: Any) -> None:
        self.asked.append((method, path, kwargs))

    def wait_for_plugin(self, name: str) -> None:
        self.asked.append(name)

    def wait(self) -> int:
        return 0


def test_make_run_waits_for_the_page_and_says_where_it_is(mocker: MockerFixture) -> None:
    host, console = Host(), Console(record=True, width=200)
    assert demo.stay(mocker.Mock(host=host, console=console)) == 0
    wizard = ("POST", "/api/v1/system/wizard/completed", {"json": {"status": "skipped"}})
    assert host.asked == [wizard, "langbot-state-ext/RunnerState"]
    page = "http://langbot/home/plugin-pages?id=langbot-state-ext%2FRunnerState%2Finspector"
    assert page in console.export_text()
