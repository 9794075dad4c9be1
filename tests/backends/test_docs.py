"""What docs/backends.md tells operators to write is what the code takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from langbot_state_ext import open_backend
from langbot_state_ext.cli.commands import _parser

TEXT = (Path(__file__).parents[2] / "docs" / "backends.md").read_text("utf-8")
URLS = re.findall(r"(?:postgresql|rediss?|valkey)://[a-z][^\s`'…]+", TEXT)
COMMANDS = re.findall(r"^langbot-state (.+)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_taken(url: str) -> None:
    open_backend(url.replace("${STATE_PASSWORD}", "x"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_taken(command: str) -> None:
    arguments = _parser().parse_args(shlex.split(command))
    for url in (arguments.FROM_URL, arguments.TO_URL):
        open_backend(url.replace("${STATE_PASSWORD}", "x"))


def test_every_parameter_is_told() -> None:
    assert len(URLS) >= 4
    assert COMMANDS
    for section, own in (("## PostgreSQL", "schema"), ("## Redis", "prefix")):
        table = TEXT.split(section)[1].split("\n## ")[0]
        assert all(f"| `{name}` |" in table for name in (own, "wait_s", "pool_size"))
