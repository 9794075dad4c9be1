"""Which values are hidden until somebody asks for them: those whose key looks like a credential."""

from __future__ import annotations

import itertools
import re
from typing import Any

MASK = "•••"
"""What stands for a hidden value."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_SECRET = frozenset(
    {
        *("password", "passwd", "passphrase", "passcode", "pwd", "otp", "secret", "secrets"),
        *("token", "credential", "credentials", "authorization", "bearer", "cookie", "cookies"),
        *("dsn", "apikey", "passwords", "jwt"),
    }
)

_SECRET_ENDINGS = (
    *("password", "secret", "token", "apikey", "apikeys", "secretkey", "privatekey", "accesskey"),
    *("openai_key", "ssh_key"),
)
"""Words that are run together with others: `dbpassword`, `accesstoken`."""

_SECRET_CHINESE = ("密码", "口令", "密钥", "令牌", "凭证")

_SECRET_PAIRS = frozenset(
    (first, second)
    for first in ("api", "access", "private", "secret", "auth", "signing", "encryption", "refresh")
    for second in ("key", "keys", "token", "tokens")
)


def is_secret(key: str) -> bool:
    """Return whether a key looks like that of a credential.

    Args:
        key: A state key, or the name of a member of a value: `dify.api_key`, `accessToken`.
    """
    words = [word.lower() for word in _WORD.findall(key)]
    return (
        not _SECRET.isdisjoint(words)
        or not _SECRET_PAIRS.isdisjoint(itertools.pairwise(words))
        or key.lower().endswith(_SECRET_ENDINGS)
        or any(word in key for word in _SECRET_CHINESE)
    )


def masked(key: str, value: Any) -> Any:
    """Return a value for people, with what looks like a credential hidden at any depth.

    Args:
        key: Its key.
        value: A JSON value; it is not changed.

    Returns:
        The value, or a copy in which `MASK` stands for each hidden part. Null hides nothing.
    """
    if value is not None and is_secret(key):
        return MASK
    if isinstance(value, dict):
        return {name: masked(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [masked("", item) for item in value]
    return value
