"""Finding a browser for the tests of the page."""

from __future__ import annotations

import pytest

from tools import browser


def test_a_machine_without_a_browser_gets_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser, "_run", lambda argv: tried.append(argv[-1]))
    with pytest.raises(SystemExit, match="install Chromium or Chrome"):
        browser.ensure()
    assert tried[-1] == "chromium"
    assert "Getting playwright's own Chromium" in capsys.readouterr().out
