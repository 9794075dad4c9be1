"""`sqlite:///path?parameters`, read in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args
from urllib.parse import parse_qs, unquote

from ...errors import ConfigError

Synchronous = Literal["normal", "full"]


class SqliteUrl(NamedTuple):
    """What a url says.

    Attributes:
        path: The file.
        synchronous: See `SqliteBackend`.
        wait_s: See `SqliteBackend`.
    """

    path: Path
    synchronous: Synchronous
    wait_s: float


def read_url(url: str) -> SqliteUrl:
    """Read a url.

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
    given = {name: each[-1] for name, each in parse_qs(query, keep_blank_values=True).items()}
    synchronous = given.pop("synchronous", "normal")
    if synchronous not in get_args(Synchronous):
        raise ConfigError(f"synchronous={synchronous} in the url: use normal or full")
    wait_s = _seconds(given.pop("wait_s", "5"))
    if given:
        raise ConfigError(
            f"unknown parameter {', '.join(sorted(given))} in the sqlite url: "
            "use synchronous, wait_s"
        )
    return SqliteUrl(Path(path), cast("Synchronous", synchronous), wait_s)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour
        raise ConfigError(f"wait_s={text} in the url: use seconds from 0 to 3600")
    return seconds
