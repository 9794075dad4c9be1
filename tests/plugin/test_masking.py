"""What looks like a credential is hidden, at any depth, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from langbot_state_ext.plugin.masking import MASK, is_secret_key, masked


@pytest.mark.parametrize(
    "key",
    [
        *("password", "dify.api_key", "apiKey", "API_KEY", "accessToken", "refresh_tokens"),
        *("db.DSN", "Authorization", "session-cookie", "x.client_secret", "用户密码", "JWT"),
        *("private-key", "openai.apikey", "my.token", "PASSWORD2", "openaiKey", "openAIKey"),
        *("dify_key", "session_key", "tokens", "botTokens", "pin", "user_pin", "pin_code"),
        *("dbpassword", "accesstoken", "CLIENTSECRET", "openai_key", "x.apikeys", "webhook_url"),
        *("master-keys", "dbPassword"),
    ],
)
def test_what_looks_like_a_credential_is_one(key: str) -> None:
    assert is_secret_key(key)
    assert masked(key, "s3cr3t") == MASK


@pytest.mark.parametrize(
    "key",
    [
        *("prefs.name", "memory.summary", "external.conversation_id", "keyboard", "tokens_used"),
        *("monkey", "secretary", "compass", "passwordless", "stats.turns", "", "密", "key", "keys"),
        *("cache_key", "sortKey", "primary_keys", "pin_message_id", "shipping", "turnkey", "url"),
    ],
)
def test_other_keys_are_not(key: str) -> None:
    assert not is_secret_key(key)
    assert masked(key, "tea with milk") == "tea with milk"


def test_a_hidden_value_shows_nothing_of_itself() -> None:
    assert masked("api_key", "sk-123") == MASK
    assert masked("api_key", {"a": "sk-123"}) == MASK
    assert masked("pin", 1234) == MASK
    assert masked("api_key", 0) == MASK


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", None),
        ("has_token", True),
        ("max_tokens", 4096),
        ("usage.tokens", {"input": 10, "output": 2.5}),
        ("token_count", 3),
        ("row_keys", [1, 2]),
        ("session_key", 7),
    ],
)
def test_a_count_or_a_yes_is_no_credential(key: str, value: Any) -> None:
    assert masked(key, value) == value


def test_texts_below_a_key_that_speaks_of_credentials_are_hidden() -> None:
    assert masked("bot_tokens", {"a": "x", "n": 1, "more": ["y", 2, None]}) == {
        "a": MASK,
        "n": 1,
        "more": [MASK, 2, None],
    }
    assert masked("bot_tokens", {"password": 12}) == {"password": MASK}


def test_members_are_hidden_at_any_depth_and_the_value_stays_as_it_was() -> None:
    value = {"user": "alice", "login": [{"password": "p", "host": "h"}, ["x"]], "token": None}
    shown = masked("settings", value)
    login = [{"password": MASK, "host": "h"}, ["x"]]
    assert shown == {"user": "alice", "login": login, "token": None}
    assert value["login"][0]["password"] == "p"  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:pw@h/db", f"postgres://u:{MASK}@h/db"),
        ("see redis://:p@w@h:6379/0.", f"see redis://:{MASK}@h:6379/0."),
        ("https://x.y/hook?a=1&token=abc#f", f"https://x.y/hook?a=1&token={MASK}#f"),
        ("https://x.y/send?key=abc", f"https://x.y/send?key={MASK}"),
        ("https://x.y/?access_token=abc", f"https://x.y/?access_token={MASK}"),
        ("it is sk-proj-abcdef12, keep it", f"it is {MASK}, keep it"),
        ("ghp_0123456789abcdef", MASK),
        ("app-ABCDEFGHIJKLMNOPQRSTUVWX", MASK),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MASK}"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", MASK),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----",
         f"-----BEGIN RSA PRIVATE KEY-----{MASK}-----END RSA PRIVATE KEY-----"),
    ],
)  # fmt: skip
def test_what_a_text_holds_is_hidden_under_any_key(text: str, shown: str) -> None:
    assert masked("memory.summary", text) == shown
    assert masked("notes", [{"text": text}]) == [{"text": shown}]


@pytest.mark.parametrize(
    "text",
    [
        *("sk-SK", "the bearer of certificates", "https://x.y:8080/a@b", "a@b.c: hello"),
        *("https://x.y/?page=2&q=key", "task-oriented-dialogue", "app-store", "12:30 @ home"),
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert masked("memory.summary", text) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["x", "a://b:", "eyJaaaaaaaa-", "bearer ", "?a&", "-----BEGIN A"])
def test_a_long_text_is_looked_through_at_once(piece: str) -> None:
    text = piece * (262_144 // len(piece))
    assert masked("notes", text) == text
