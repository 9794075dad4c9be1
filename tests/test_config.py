"""The section `state_ext`: every fault is named, with its place and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext import ConfigError, Limits, open_backend
from langbot_state_ext.backends.sqlite.backend import SqliteBackend
from langbot_state_ext.backends.urls import sqlite_file, url_without_secrets
from langbot_state_ext.config import is_enabled, parse_config


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path


def faults(section: Any, root: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(section, root=root, environ=environ)
    first, *listed = str(caught.value).splitlines()
    assert first == "state_ext in LangBot's data/config.yaml is not valid:"
    return [line.strip() for line in listed]


def test_nothing_given_means_the_defaults(root: Path) -> None:
    config = parse_config({}, root=root)
    assert config.url == f"sqlite:///{root}/data/state.db"
    assert (config.enable, config.on_unavailable) == (False, "fail")
    assert config.store_limits() == Limits()
    assert config.conversation.sync_uuid
    assert config.on_failed_run == "keep"
    assert "Conversation Not Exists" in config.conversation.forget_on


def test_the_values_that_langbots_overrides_leave_are_understood(root: Path) -> None:
    given = {"enable": "true", "limits": {"depth": "5"}, "conversation": {"sync_uuid": "false"}}
    config = parse_config(given, root=root)
    assert (config.enable, config.limits.depth, config.conversation.sync_uuid) == (True, 5, False)


def test_every_fault_is_listed_at_once(root: Path) -> None:
    given = {
        "enabled": True,
        "url": "mysql://root:hunter2@db/x",
        "on_unavailable": "ignore",
        "limits": {"value_bytes": 0, "key_length": 256, "depth": "deep", "width": 1},
        "conversation": [],
    }
    found = faults(given, root)
    places = [fault.partition(":")[0] for fault in found]
    assert sorted(places) == [
        "state_ext.conversation",
        "state_ext.enabled",
        "state_ext.limits.depth",
        "state_ext.limits.key_length",
        "state_ext.limits.value_bytes",
        "state_ext.limits.width",
        "state_ext.on_unavailable",
        "state_ext.url",
    ]
    text = "\n".join(found)
    assert "hunter2" not in text
    assert "state_ext.url: unknown scheme mysql: use memory://, sqlite://" in text
    assert "state_ext.enabled: unknown setting; use enable, url, " in text
    assert "state_ext.limits.width: unknown setting; use value_bytes, key_length, depth" in text
    assert "'fail' or 'continue'" in text


def test_a_forget_on_that_is_no_list_of_texts_and_patterns_is_a_fault(root: Path) -> None:
    for value in ("Conversation Not Exists", 5, {"a": "b"}):
        (fault,) = faults({"conversation": {"forget_on": value}}, root)
        assert fault == "state_ext.conversation.forget_on: input should be a valid list"
    unterminated = "missing ), unterminated subpattern at position 0"
    found = faults({"conversation": {"forget_on": ["fine", 5, "", "re:", "re:(", "re:a|b"]}}, root)
    assert found == [
        "state_ext.conversation.forget_on.1: input should be a valid string",
        "state_ext.conversation.forget_on.2: an empty text would match every failure",
        "state_ext.conversation.forget_on.3: an empty text would match every failure",
        f"state_ext.conversation.forget_on.4: not a regular expression: {unterminated}",
    ]


@pytest.mark.parametrize("section", ["on", 5, [1], True])
def test_a_section_that_is_no_mapping_is_a_fault(section: Any, root: Path) -> None:
    assert faults(section, root) == ["state_ext: must be a mapping of settings"]


@pytest.mark.parametrize("url", [5, None, ["sqlite:///x"]])
def test_a_url_that_is_no_text_is_a_fault(url: Any, root: Path) -> None:
    (fault,) = faults({"url": url}, root)
    assert fault.startswith("state_ext.url: input should be a valid string")


def test_a_relative_file_is_below_the_folder_that_holds_data(root: Path) -> None:
    (root / "other").mkdir()
    assert parse_config({"url": "sqlite:///other/s.db?wait_s=1"}, root=root).url == (
        f"sqlite:///{root}/other/s.db?wait_s=1"
    )
    absolute = f"sqlite:///{root}/other/s.db"
    assert parse_config({"url": absolute}, root=Path("/nowhere")).url == absolute
    assert parse_config({"url": "memory://"}, root=root).url == "memory://"


@pytest.mark.parametrize("name", ["bot#1", "what?bot", "my%20bot", "100%", "a b", "\udcff"])
def test_langbots_own_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "data").mkdir(parents=True)
    config = parse_config({}, root=tmp_path / name)
    backend = open_backend(config.url)
    assert isinstance(backend, SqliteBackend)
    assert backend.path == sqlite_file(config.url) == tmp_path / name / "data" / "state.db"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("sqlite://[x", "a sqlite url has three slashes and a file: sqlite:///data/state.db"),
        ("sqlite:///data/s.db#frag", "a sqlite url has no part after #: write %23 for a # of the"),
        ("sqlite:///data/s.db?mode=", "unknown parameter mode in the sqlite url"),
        ("sqlite:///data/s.db?wait_s=", "wait_s= in the url: use seconds from 0 to 3600"),
        ("sqlite:///${X", "the url has a ${ without a name or without a closing }: write ${NAME}"),
        ("sqlite:///${}/s.db", "the url has a ${ without a name or without a closing }: write"),
        ("sqlite:///data", "{root}/data is a folder: name a file in it"),
        (f"sqlite:///{300 * 'a'}/s.db", f"{{root}}/{300 * 'a'}/s.db can't be accessed: File name"),
    ],
)
def test_a_url_that_names_no_file_is_a_fault(url: str, fault: str, root: Path) -> None:
    (found,) = faults({"url": url}, root)
    assert found.startswith(f"state_ext.url: {fault.replace('{root}', str(root))}")


def test_a_file_that_may_not_be_written_is_a_fault(root: Path, mocker: MockerFixture) -> None:
    (root / "data" / "state.db").touch()
    mocker.patch("os.access", return_value=False)
    (fault,) = faults({}, root)
    assert fault == (
        f"state_ext.url: {root}/data/state.db is not writable by this user: change its permissions"
    )


def test_a_folder_that_may_not_be_entered_is_a_fault(root: Path, mocker: MockerFixture) -> None:
    mocker.patch("pathlib.Path.is_dir", side_effect=PermissionError(13, "Permission denied"))
    (fault,) = faults({}, root)
    assert fault == f"state_ext.url: {root}/data/state.db can't be accessed: Permission denied"


@pytest.mark.parametrize("value", [None, [], 5])
def test_a_part_that_is_no_mapping_is_a_fault(value: Any, root: Path) -> None:
    needed = "must be a mapping of settings"
    assert faults({"limits": value, "conversation": value}, root) == [
        f"state_ext.limits: {needed}: value_bytes, key_length, depth",
        f"state_ext.conversation: {needed}: sync_uuid, forget_on",
    ]


def test_a_folder_that_is_not_there_is_a_fault(root: Path) -> None:
    (fault,) = faults({"url": "sqlite:///no/s.db"}, root)
    assert fault == (
        f"state_ext.url: the folder {root}/no does not exist: create it, or change the url"
    )


def test_a_folder_that_cant_be_written_is_a_fault() -> None:
    (fault,) = faults({"url": "sqlite:////proc/state.db"}, Path("/"))
    assert fault.startswith("state_ext.url: the folder /proc is not writable: ")


def test_a_password_comes_from_the_environment(root: Path) -> None:
    given = {"url": "sqlite:///data/${A}-${B}.db"}
    config = parse_config(given, root=root, environ={"A": "x", "B": "${A}"})
    assert config.url == f"sqlite:///{root}/data/x-${{A}}.db"
    assert faults(given, root, A="x") == ["state_ext.url: not set in the environment: B"]


@pytest.mark.parametrize(
    ("section", "enabled"),
    [
        (None, False),
        ({}, False),
        ({"enable": False}, False),
        ({"enable": "False"}, False),
        ({"enable": "off"}, False),
        ({"enable": True}, True),
        ({"enable": "true"}, True),
        ({"enable": "perhaps"}, True),
        ("on", True),
    ],
)
def test_what_asks_for_the_extension(section: Any, enabled: bool) -> None:
    assert is_enabled(section) == enabled


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bot:hunter2@db/x", "postgresql://bot:***@db/x"),
        ("redis://:hunter2@db", "redis://:***@db"),
        ("redis://:hun@ter/2@db", "redis://:***@db"),
        ("postgresql://db/x?PASSWORD=hunter2&a=b", "postgresql://db/x?PASSWORD=***&a=b"),
        ("sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert url_without_secrets(url) == shown


def test_a_sqlite_url_names_its_file() -> None:
    assert sqlite_file("sqlite:////a%20b/s.db?wait_s=1") == Path("/a b/s.db")
    assert sqlite_file("memory://") is None
