"""What `make demo` and `make run` leave behind: nothing."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tools.demo import FOLDER, STAY_FOLDER

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
def test_a_terminal_that_is_closed_ends_what_was_started(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == "up\n"
        demo.send_signal(how)
        assert demo.stdout.readline() == "going down\n"
        demo.send_signal(how)
        assert demo.stdout.readline() == "down\n"
    assert demo.returncode == 128 + how


def test_the_demo_leaves_a_langbot_that_stays_alone() -> None:
    assert FOLDER != STAY_FOLDER
