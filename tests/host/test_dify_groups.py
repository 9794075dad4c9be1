"""`doctor` names the pipelines in which each change of speaker ends a Dify conversation."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from langbot_state_ext.host.dify_groups import DIFY, is_split, targets_in_groups
from testkit.langbot_host import LangBotHost
from testkit.plugin_package import bin_folder

pytestmark = pytest.mark.host

BY_CHAT = {"user-id-source": "legacy-session"}


def config(runner_id: str, **settings: Any) -> dict[str, Any]:
    return {"ai": {"runner": {"id": runner_id}, "runner_config": {runner_id: settings}}}


@pytest.mark.parametrize(
    ("pipeline", "split"),
    [
        (config(DIFY), True),
        (config(DIFY, **{"user-id-source": "sender"}), True),
        (config(DIFY, **BY_CHAT), False),
        (config("plugin:langbot-state-ext/DifyRunner/default"), False),
        ({"ai": {"runner": {"id": DIFY}}}, True),
        ({"ai": None}, False),
        ({}, False),
    ],
)
def test_a_pipeline_that_talks_to_dify_as_the_sender(pipeline: Any, split: bool) -> None:
    assert is_split(pipeline) is split


@pytest.mark.parametrize(
    ("binding", "may"),
    [
        ({}, True),
        ({"filters": []}, True),
        ({"filters": [{"field": "chat_type", "operator": "eq", "value": "group"}]}, True),
        ({"filters": [{"field": "chat_type", "operator": "neq", "value": "person"}]}, True),
        ({"filters": [{"field": "message_text", "operator": "eq", "value": "hi"}]}, True),
        ({"filters": [{"field": "chat_type", "value": "person"}]}, False),
        ({"filters": [{"field": "chat_type", "operator": "neq", "value": "group"}]}, False),
        ({"enabled": False}, False),
        ({"target_type": "agent"}, False),
    ],
)
def test_a_binding_that_lets_groups_in(binding: Any, may: bool) -> None:
    bound = {"target_type": "pipeline", "target_uuid": "p1"} | binding
    assert list(targets_in_groups([bound])) == (["p1"] if may else [])


def test_doctor_names_the_pipeline_and_the_setting(host: LangBotHost) -> None:
    for name, settings in (("tea room", {}), ("by chat", BY_CHAT)):
        host.create_bot(name, host.create_pipeline(name, DIFY, runner_config=settings))
    host.create_pipeline("in no bot", DIFY)
    done = subprocess.run(
        [bin_folder() / "langbot-state", "doctor", "--json"],
        cwd=host.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    (check,) = [each for each in json.loads(done.stdout) if each["name"] == "dify"]
    assert check["ok"]
    assert "pipeline tea room: set user-id-source: legacy-session" in check["detail"]
