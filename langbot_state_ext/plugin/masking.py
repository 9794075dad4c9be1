"""Which values are hidden until a person reveals them: by their key, and by their form."""

from __future__ import annotations

import itertools
import re
from typing import Any

MASK = "•••"
"""The text that replaces a hidden value."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_SECRET = frozenset(
    {
        *("password", "passwd", "passphrase", "passcode", "pwd", "otp", "secret", "secrets"),
        *("token", "credential", "credentials", "authorization", "bearer", "cookie", "cookies"),
        *("dsn", "apikey", "passwords", "jwt", "webhook"),
    }
)

_SECRET_ENDINGS = (
    *("password", "secret", "token", "apikey", "apikeys", "secretkey", "privatekey", "accesskey"),
)
"""Words that end others without a separator: `dbpassword`, `accesstoken`."""

_SECRET_CHINESE = ("密码", "口令", "密钥", "令牌", "凭证")

_SECRET_PAIRS = frozenset(
    {
        ("pin", "code"),
        *itertools.product(
            ("api", "access", "private", "secret", "auth", "signing", "encryption", "refresh"),
            ("key", "keys", "token"),
        ),
    }
)

_PLAIN_KEYS = frozenset(
    {
        *("answer", "cache", "column", "composite", "dedup", "dict", "event", "foreign", "group"),
        *("hash", "hot", "idempotency", "index", "item", "locale", "lookup", "map"),
        *("message", "object", "partition", "primary", "public", "route", "routing", "row"),
        *("shortcut", "sort", "state", "translation", "unique"),
    }
)
"""Words before `key` where it is no credential: every other `…_key` is hidden."""

_PLACEHOLDER = r"\g<1>" + MASK

_CREDENTIALS: tuple[re.Pattern[str], ...] = (
    re.compile(r"(://[^\s:/@]*:)[^\s/]+(?=@)"),
    re.compile(r"(\bbearer\s+)(?=[^\s\d]*\d)[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:(?!-----END)[\s\S])+"),
    re.compile(r"()(?<![\w-])(?:sk-|github_pat_|gh[opsu]_|xox[abprs]-)[\w-]{8,}"),
    re.compile(r"()(?<![\w-])(?:eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|AKIA[0-9A-Z]{16}|AIza[\w-]{30,})"),
    re.compile(r"()(?<![\w-])(?:app-|pat_)[A-Za-z0-9]{20,}"),
)
"""The forms of a credential in any text; the first group of each stays.

Each starts with something rare, so that a text is searched in one pass.
"""

_QUERY = re.compile(r"([?&])([\w.-]+)=([^&#\s\"']+)")
_QUERY_SECRETS = frozenset({"key", "sig", "sign", "signature"})


def is_secret_key(key: str) -> bool:
    """Return whether a key suggests a credential.

    Args:
        key: A state key, or the name of a member of a value: `dify.api_key`, `accessToken`.
    """
    words = _words(key)
    return (
        _names_secret(key, words)
        or not _SECRET.isdisjoint(words)
        or not _SECRET_PAIRS.isdisjoint(itertools.pairwise(words))
        or words[-1:] == ["tokens"]
        or (len(words) > 1 and words[-1] in {"key", "keys"} and words[-2] not in _PLAIN_KEYS)
    )


def masked(key: str, value: Any) -> Any:
    """Return a value for people, with what looks like a credential hidden at any depth.

    Args:
        key: Its key.
        value: A JSON value; it is not changed.

    Returns:
        The value, or a copy with `MASK` for each hidden part. Hidden are: the whole value where
        the key names a credential; the texts in it where the key only mentions one (a number may
        count tokens there); and what looks like a credential in any text. Null, true and false are
        never hidden.
    """
    if is_secret_key(key):
        return _hidden(value, whole=_names_secret(key, _words(key)))
    if isinstance(value, dict):
        return {name: masked(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [masked("", item) for item in value]
    return _without_credentials(value) if isinstance(value, str) else value


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(key)]


def _names_secret(key: str, words: list[str]) -> bool:
    """Return whether the key names a credential, and does not only mention one."""
    return (
        not _SECRET.isdisjoint(words[-1:])
        or words[-1:] == ["pin"]
        or tuple(words[-2:]) in _SECRET_PAIRS
        or "".join(words[-1:]).endswith(_SECRET_ENDINGS)
        or any(word in key for word in _SECRET_CHINESE)
    )


def _hidden(value: Any, *, whole: bool) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if whole or isinstance(value, str):
        return MASK
    if isinstance(value, dict):
        return {name: _hidden(item, whole=is_secret_key(name)) for name, item in value.items()}
    return [_hidden(item, whole=False) for item in value] if isinstance(value, list) else value


def _without_credentials(text: str) -> str:
    """Return a text with the credentials in it hidden."""
    for look in _CREDENTIALS:
        text = look.sub(_PLACEHOLDER, text)
    return _QUERY.sub(_query_hidden, text)


def _query_hidden(found: re.Match[str]) -> str:
    start, name, _ = found.groups()
    if is_secret_key(name) or name.lower() in _QUERY_SECRETS:
        return f"{start}{name}={MASK}"
    return found[0]
