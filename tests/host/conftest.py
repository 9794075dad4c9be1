"""One LangBot for all of these tests; each test gets its own bot, and so its own state."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from testkit.langbot_host import LangBotHost, with_extension

from .chats import Chat, install_probe, new_chat

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # LangBot's own imports warn
    import_module("langbot.pkg.core.boot")


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LangBotHost]:
    with with_extension(tmp_path_factory.mktemp("langbot")) as host:
        install_probe(host)
        yield host


@pytest.fixture
def open_chat() -> Callable[..., Chat]:
    return new_chat


@pytest.fixture
def chat(host: LangBotHost) -> Chat:
    return new_chat(host)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show LangBot's log beside a failure."""
    report = yield
    host = getattr(item, "funcargs", {}).get("host")
    if report.failed and host is not None:
        report.sections.append(("LangBot's log", host.log[-8000:]))
    return report
