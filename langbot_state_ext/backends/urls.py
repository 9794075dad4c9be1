"""What the backends over a network share: their part of the url, and identities as bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from ..errors import ConfigError
from ..state.scopes import Scope, ScopeKey

WAIT_S = 5.0
POOL_SIZE = 8

HIDDEN = r"\w*(?:password|secret|_key)"
"""The names of the parameters whose values must never show."""


@dataclass(frozen=True)
class NetworkUrl:
    """A url, taken apart.

    Attributes:
        driver_url: What is left for the driver.
        wait_s: How long any one call may take, in seconds, 0.1 to 3600.
        pool_size: How many connections at the most, 1 to 100.
        own: The value of the parameter that only this backend has; None when it is not given.
        secrets: What must never show.
    """

    driver_url: str
    wait_s: float
    pool_size: int
    own: str | None
    secrets: tuple[str, ...]

    def without_secrets(self, text: str) -> str:
        """Return a driver's message as one line, without what must never show."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return "; ".join(line.strip() for line in text.splitlines() if line.strip())


def read_url(url: str, own: str, driver: Collection[str]) -> NetworkUrl:
    """Take a url apart.

    Args:
        url: `scheme://user:password@host:port/database?name=value&…`.
        own: The name of the one parameter that only this backend has, beside `wait_s` and
            `pool_size`.
        driver: The names of the parameters that the driver takes.

    Returns:
        Its parts.

    Raises:
        ConfigError: It can't be read, or a parameter is unknown or out of range. The message
            never holds a password.
    """
    parts = _split(url)
    pairs = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
    mine = {name: pairs.pop(name) for name in ("wait_s", "pool_size", own) if name in pairs}
    unknown = sorted(set(pairs) - set(driver))
    secret = [value for name, value in pairs.items() if re.fullmatch(HIDDEN, name, re.IGNORECASE)]
    if unknown and secret:
        raise ConfigError(
            f"an unknown parameter beside the password in the {parts.scheme} url: write & in the "
            "password as %26"
        )
    if unknown:
        raise ConfigError(
            f"unknown parameter {', '.join(unknown)} in the {parts.scheme} url: use wait_s, "
            f"pool_size, {own}, or one that the driver knows"
        )
    given = _password(parts)
    query = urlencode(pairs, quote_via=quote)
    return NetworkUrl(
        f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if query else ''}{query}",
        _number("wait_s", mine.get("wait_s", str(WAIT_S)), 0.1, 3600),
        int(_number("pool_size", mine.get("pool_size", str(POOL_SIZE)), 1, 100)),
        mine.get(own),
        tuple(filter(None, [given, unquote(given), *secret])),
    )


def check_name(name: str, value: str, pattern: str, allowed: str) -> str:
    """Return the value of a parameter that is a name.

    Args:
        name: The parameter.
        value: What is given for it.
        pattern: What it must match as a whole.
        allowed: The same, in words.

    Raises:
        ConfigError: It does not match.
    """
    if not re.fullmatch(pattern, value):
        raise ConfigError(f"{name}={value} in the url: use {allowed}")
    return value


def to_bytes(text: str) -> bytes:
    """Return any text as bytes, in the order of code points; even what is not Unicode."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    """Return what `to_bytes` was given."""
    return data.decode("utf-8", "surrogatepass")


def pack_parts(key: ScopeKey) -> bytes:
    """Return the parts of an identity as JSON, in their order, for people and `unpack_key`."""
    return json.dumps(dict(key.parts), ensure_ascii=False).encode()


def unpack_key(scope: str, parts: bytes) -> ScopeKey:
    """Make a key again of what `pack_parts` returned."""
    return ScopeKey(cast("Scope", scope), tuple(json.loads(parts).items()))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError("the url can't be read: the host is not valid") from None
    rest = parts.path + parts.query + parts.fragment
    misplaced = parts.fragment or ("@" in rest and "@" not in parts.netloc)
    if parts.netloc.count("@") > 1 or misplaced:
        raise ConfigError(
            f"the {parts.scheme} url can't be read: a special character in the user or password "
            "is written as %40 for @, %2F for /, %3A for :, %23 for #, %3F for ?"
        )
    return parts


def _password(parts: SplitResult) -> str:
    user_info, at, _host = parts.netloc.rpartition("@")
    return user_info.partition(":")[2] if at else ""


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise ConfigError(f"{name}={text} in the url: use a number from {low:g} to {high:g}")
    return number
