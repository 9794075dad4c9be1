"""Turns errors of Redis and its driver into ours, which say what to do."""

from __future__ import annotations

import re
from typing import Any

from redis import exceptions as r

from ...errors import BackendError, BackendUnavailable, ConfigError
from ..urls import NetworkUrl

DRIVER_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    *(e for e in vars(r).values() if isinstance(e, type) and issubclass(e, Exception)),
)
"""All that the driver raises."""

_REFUSED = (
    *("AUTH", "WRONGPASS", "NOAUTH", "invalid username-password", "invalid password"),
    *("NOPERM", "no permissions", "user executing the script", "DB index"),
    *("SSL", "TLS", "certificate"),
)
"""What a server or TLS says while connecting, when the operator has to change a setting."""

_HUNG_UP = "closed by server|reset by peer|connection lost|broken pipe"
"""What the driver says when the server ends the connection, as a server that wants TLS does."""

_BUSY = ("LOADING", "BUSY", "MISCONF", "OOM", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS")


def opening_error(error: Exception, url: NetworkUrl, where: str) -> Exception:
    """Return why the store can't be opened.

    Args:
        error: What the driver raised.
        url: The url, whose secrets the message leaves out.
        where: Host and database, for the message.

    Returns:
        A `ConfigError` when the operator has to change a setting; else as `call_error`.
    """
    said = str(error)
    text = url.without_secrets(said)
    denied = isinstance(error, r.AuthenticationError | r.NoPermissionError | r.AuthorizationError)
    if denied or any(word in said for word in _REFUSED):
        return ConfigError(
            f"Redis at {where} can't be used: {text}: check user, password, database and TLS "
            "(rediss://) in the url, and that the user may run scripts on keys with the prefix"
        )
    made = call_error(error, url, where)
    if url.driver_url.startswith("rediss:") and "did not answer" in str(made):
        return BackendUnavailable(f"{made}: if it does not use TLS, write redis:// in the url")
    if url.driver_url.startswith("redis:") and re.search(_HUNG_UP, said, re.IGNORECASE):
        return BackendUnavailable(f"{made}: if it uses TLS, write rediss:// in the url")
    return made


def call_error(error: Exception, url: NetworkUrl, where: str) -> BackendError:
    """Return why a call failed.

    Args:
        error: What the driver raised, or `TimeoutError`.
        url: The url, whose secrets the message leaves out.
        where: Host and database, for the message.

    Returns:
        A `BackendUnavailable` when the same call may succeed later; else a `BackendError`.
    """
    said = str(error)
    text = url.without_secrets(said)
    if "No connection available" in said:
        error = r.MaxConnectionsError(text)
    for kinds, made, message in _CALLS:
        if isinstance(error, kinds):
            return made(message.format(where=where, text=text, wait_s=url.wait_s))
    if said.startswith("DAMAGED"):
        return BackendError(
            f"Redis at {where} has lost the key identities, by eviction or by a command: "
            "restore a back-up, or delete all keys with the prefix, since nothing else says whose "
            "state it is; and set maxmemory-policy noeviction"
        )
    if "READONLY" in said or isinstance(error, r.ReadOnlyError):
        return BackendUnavailable(
            f"Redis at {where} is read-only, as a replica is: nothing was written; name the "
            "primary in the url"
        )
    if any(word in said for word in _BUSY):
        return BackendUnavailable(f"Redis at {where} can't write now: {text}")
    return BackendError(f"Redis at {where}: {text}")


_CALLS: tuple[tuple[Any, type[BackendError], str], ...] = (
    (
        TimeoutError | r.TimeoutError,
        BackendUnavailable,
        "Redis at {where} did not answer within {wait_s:g} s",
    ),
    (
        r.MaxConnectionsError,
        BackendUnavailable,
        "Redis at {where}: all connections were in use for {wait_s:g} s: raise pool_size",
    ),
    (
        r.AuthenticationError | r.AuthorizationError | r.NoPermissionError,
        BackendError,
        "Redis at {where} refuses this user: {text}",
    ),
    (
        r.BusyLoadingError | r.OutOfMemoryError | r.ClusterDownError | r.TryAgainError,
        BackendUnavailable,
        "Redis at {where} can't write now: {text}",
    ),
    (
        r.ConnectionError | OSError,
        BackendUnavailable,
        "Redis at {where} can't be reached: {text}",
    ),
)
"""The first kind that an error is of."""
