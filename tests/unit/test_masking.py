"""What looks like a credential is hidden, at any depth, and nothing else is."""

from __future__ import annotations

import pytest

from langbot_state_ext.masking import MASK, is_secret, masked


@pytest.mark.parametrize(
    "key",
    [
        *("password", "dify.api_key", "apiKey", "API_KEY", "accessToken", "refresh_tokens"),
        *("db.DSN", "Authorization", "session-cookie", "x.client_secret", "用户密码", "JWT"),
        *("private-key", "openai.apikey", "my.token", "PASSWORD2"),
    ],
)
def test_what_looks_like_a_credential_is_one(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        *("prefs.name", "memory.summary", "external.conversation_id", "keyboard", "tokens_used"),
        *("monkey", "secretary", "compass", "passwordless", "stats.turns", "", "密"),
    ],
)
def test_other_keys_are_not(key: str) -> None:
    assert not is_secret(key)


def test_a_hidden_value_shows_nothing_of_itself() -> None:
    assert masked("api_key", "sk-123") == MASK
    assert masked("api_key", {"a": "sk-123"}) == MASK
    assert masked("api_key", 0) == MASK
    assert masked("api_key", None) is None


def test_members_are_hidden_at_any_depth_and_the_value_stays_as_it_was() -> None:
    value = {"user": "alice", "login": [{"password": "p", "host": "h"}, ["x"]], "token": None}
    shown = masked("settings", value)
    login = [{"password": MASK, "host": "h"}, ["x"]]
    assert shown == {"user": "alice", "login": login, "token": None}
    assert value["login"][0]["password"] == "p"  # type: ignore[index]


@pytest.mark.parametrize(
    "key", ["dbpassword", "accesstoken", "CLIENTSECRET", "openai_key", "x.apikeys"]
)
def test_names_that_are_run_together_are_hidden_too(key: str) -> None:
    assert is_secret(key)
