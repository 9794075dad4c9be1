"""The one reader of urls: of every scheme, of `${NAME}` in them, and of the secrets in them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from ..errors import ConfigError

WAIT_S = 5.0
POOL_SIZE = 8

Synchronous = Literal["normal", "full"]

_SECRET_NAME = r"\w*(?:password|secret|_key)"  # noqa: S105 - a pattern
_SECRET_PARAMETER = re.compile(rf"({_SECRET_NAME})=[^&]*", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^:/@]*):(.*)@")
"""The longest reading: an unescaped `@` or `/` is part of the password."""


@dataclass(frozen=True)
class NetworkUrl:
    """What the url of a server says.

    Attributes:
        driver_url: The url for the driver, without our own parameters.
        wait_s: How long any one call may take, in seconds, 0.1 to 3600.
        pool_size: How many connections at the most, 1 to 100.
        namespace: The part of the database that is ours, PostgreSQL's schema or the prefix of
            Redis's keys; None when it is not given.
        secrets: What must never show.
    """

    driver_url: str
    wait_s: float
    pool_size: int
    namespace: str | None
    secrets: tuple[str, ...]

    def without_secrets(self, text: str) -> str:
        """Return a driver's message as one line, without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return "; ".join(line.strip() for line in text.splitlines() if line.strip())


class SqliteUrl(NamedTuple):
    """What a sqlite url says.

    Attributes:
        path: The file.
        synchronous: See `SqliteBackend`.
        wait_s: See `SqliteBackend`.
    """

    path: Path
    synchronous: Synchronous
    wait_s: float


def complete_url(url: str, *, root: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Replace `${NAME}` by its value, and make the path of a SQLite file absolute.

    Args:
        url: A url as the operator wrote it.
        root: The folder where relative paths start.
        environ: The variables for `${NAME}`. Default: the process environment.

    Returns:
        A url that `open_backend` takes.

    Raises:
        ConfigError: A variable is not set, or a `${` is not closed.
    """
    missing = [name for name in re.findall(r"\$\{(\w+)\}", url) if name not in environ]
    if missing:
        raise ConfigError(f"not set in the environment: {', '.join(missing)}")
    if "${" in re.sub(r"\$\{\w+\}", "", url):
        raise ConfigError("the url has a ${ without a name or without a closing }: write ${NAME}")
    url = re.sub(r"\$\{(\w+)\}", lambda found: environ[found[1]], url)
    folder = quote(os.fsencode(root.resolve()))
    return re.sub(r"^sqlite:///(?=[^/?])", lambda _: f"sqlite:///{folder}/", url)


def url_without_secrets(url: str) -> str:
    """Return any url for messages and logs, also a faulty one: `***` replaces its secrets."""
    return _PASSWORD.sub(r"\1:***@", _SECRET_PARAMETER.sub(r"\1=***", url))


def sqlite_file(url: str) -> Path | None:
    """Return the file of a sqlite url; None for another url.

    Raises:
        ConfigError: It is a sqlite url that can't be read.
    """
    return read_sqlite_url(url).path if url.startswith("sqlite:") else None


def missing_file(url: str) -> Path | None:
    """Return the file of a sqlite url when it does not exist; else None."""
    file = sqlite_file(url)
    return file if file is not None and not file.exists() else None


def read_sqlite_url(url: str) -> SqliteUrl:
    """Read `sqlite:///path?parameters`.

    Args:
        url: `sqlite:///relative/path` or `sqlite:////absolute/path`, then optionally
            `?synchronous=normal|full` and `&wait_s=SECONDS`. A `#`, `?` or `%` of the path is
            written as `%23`, `%3F` or `%25`.

    Raises:
        ConfigError: The url names no file, or a parameter is unknown or out of range.
    """
    before, _mark, query = url.partition("?")
    if "#" in url:
        raise ConfigError("a sqlite url has no part after #: write %23 for a # of the path")
    scheme, slashes, path = before.partition(":///")
    path = unquote(path, errors="surrogateescape")
    if scheme != "sqlite" or not slashes or not path or "\0" in path:
        raise ConfigError("a sqlite url has three slashes and a file: sqlite:///data/state.db")
    given = _parameters(query)
    synchronous = given.pop("synchronous", "normal")
    if synchronous not in get_args(Synchronous):
        raise ConfigError(f"synchronous={synchronous} in the url: use normal or full")
    wait_s = _number("wait_s", given.pop("wait_s", str(WAIT_S)), 0, 3600, "seconds")
    if given:
        raise ConfigError(
            f"unknown parameter {', '.join(sorted(given))} in the sqlite url: "
            "use synchronous, wait_s"
        )
    return SqliteUrl(Path(path), cast("Synchronous", synchronous), wait_s)


def read_network_url(
    url: str, *, namespace_parameter: str, driver_parameters: Collection[str]
) -> NetworkUrl:
    """Read `scheme://user:password@host:port/database?name=value&…`.

    Args:
        url: The url.
        namespace_parameter: The name of the parameter for `NetworkUrl.namespace`.
        driver_parameters: The names of the parameters that the driver takes.

    Raises:
        ConfigError: It can't be read, or a parameter is unknown or out of range. The message
            never holds a secret.
    """
    parts = _split(url)
    given = _parameters(parts.query)
    ours = {
        name: given.pop(name)
        for name in ("wait_s", "pool_size", namespace_parameter)
        if name in given
    }
    secrets = _secret_values(given)
    unknown = sorted(set(given) - set(driver_parameters))
    if unknown and secrets:
        raise ConfigError(
            f"an unknown parameter beside the password in the {parts.scheme} url: write & in the "
            "password as %26"
        )
    if unknown:
        raise ConfigError(
            f"unknown parameter {', '.join(unknown)} in the {parts.scheme} url: use wait_s, "
            f"pool_size, {namespace_parameter}, or one that the driver knows"
        )
    password = parts.password or ""
    query = urlencode(given, quote_via=quote)
    return NetworkUrl(
        f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if query else ''}{query}",
        _number("wait_s", ours.get("wait_s", str(WAIT_S)), 0.1, 3600),
        int(_number("pool_size", ours.get("pool_size", str(POOL_SIZE)), 1, 100)),
        ours.get(namespace_parameter),
        tuple(filter(None, [password, unquote(password), *secrets])),
    )


def check_name(name: str, value: str, pattern: str, allowed: str) -> str:
    """Return the value of a parameter that is a name.

    Args:
        name: The parameter.
        value: Its value.
        pattern: What the whole value must match.
        allowed: The same, in words.

    Raises:
        ConfigError: It does not match.
    """
    if not re.fullmatch(pattern, value):
        raise ConfigError(f"{name}={value} in the url: use {allowed}")
    return value


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


def _parameters(query: str) -> dict[str, str]:
    """Return the parameters of a url; a `+` is a plus, the last of equal names counts."""
    return dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))


def _secret_values(parameters: Mapping[str, str]) -> list[str]:
    names = (name for name in parameters if re.fullmatch(_SECRET_NAME, name, re.IGNORECASE))
    return [parameters[name] for name in names]


def _number(name: str, text: str, low: float, high: float, unit: str = "a number") -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise ConfigError(f"{name}={text} in the url: use {unit} from {low:g} to {high:g}")
    return number
