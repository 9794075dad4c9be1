"""Copying a whole store into another one: to move from SQLite to PostgreSQL, or back.

Safe to interrupt and to run again: what is there already is left alone, and of two different
values the later one stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..backends import ALL_SCOPES, Backend, Change, Entry, open_backend
from ..backends.opening import check_url
from ..backends.urls import complete_url, missing_file, sqlite_file, url_without_secrets
from ..backends.walk import scope_pages
from ..errors import BackendError, ConfigError, VersionConflict
from ..state.scopes import ScopeKey

PAGE = 200
"""How many scopes are compared at once."""

AT_ONCE = 8
"""How many of them are read concurrently."""

COMMIT_BYTES = 4 * 1024 * 1024
COMMIT_CHANGES = 1000
"""About how much is written at once, so that a commit ends well within `wait_s`."""


@dataclass
class Copied:
    """What a copy came to.

    Attributes:
        scopes: How many scopes the source has.
        entries: How many entries they have.
        written: How many entries were written; the others were there already.
        newer: How many entries were left as they are, since the target's own is the later one.
        only_there: How many scopes the target has that the source does not.
        entries_only_there: How many entries more than the source the target has in scopes of both.
    """

    scopes: int = 0
    entries: int = 0
    written: int = 0
    newer: int = 0
    only_there: int = 0
    entries_only_there: int = 0


async def copy(
    source: Backend, target: Backend, *, progress: Callable[[Copied], None] = lambda _copied: None
) -> Copied:
    """Copy every scope and entry, then read both again and compare.

    Value, run and expiry are kept; versions begin anew, and the time of writing is that of the
    copy. Stop LangBot first: a write during the copy makes it fail.

    Args:
        source: An open store; nothing is changed there.
        target: Another open store.
        progress: Called after each page with what has been done so far.

    Returns:
        What was done.

    Raises:
        BackendError: A store failed, or the target does not hold what the source does; running it
            again goes on where it ended.
    """
    copied = Copied()
    async for keys in _pages(source):
        changes: list[Change] = []
        for key, ours, theirs in await _both(keys, source, target):
            copied.entries += len(ours)
            changes += _changes(key, ours, theirs)
            copied.newer += sum(_is_newer(ours[name], theirs.get(name)) for name in ours)
            copied.entries_only_there += len(theirs.keys() - ours.keys())
        await _write(target, changes)
        copied.scopes += len(keys)
        copied.written += len(changes)
        progress(copied)
    await _verify(source, target)
    copied.only_there = sum([len(keys) async for keys in _pages(target)]) - copied.scopes
    return copied


async def copy_urls(
    source_url: str, target_url: str, *, progress: Callable[[Copied], None] = lambda _copied: None
) -> Copied:
    """Open two stores, and copy the one into the other, see `copy`.

    Args:
        source_url: Where the state is, as in `state_ext.url`; relative to the working folder.
        target_url: Where it goes.
        progress: As for `copy`.

    Raises:
        ConfigError: A url is not one we know, both are the same, or the source has no store.
        BackendError: As `copy`.
    """
    source, target = (complete_url(url, root=Path.cwd()) for url in (source_url, target_url))
    for url in (source, target):
        check_url(url)
        if url.startswith("memory:"):
            raise ConfigError("memory:// is gone with this command: copy from or to another store")
    file = sqlite_file(source)
    if source == target or (file is not None and file == sqlite_file(target)):
        raise ConfigError(
            f"both urls are {url_without_secrets(source)}: name the store to copy into"
        )
    if missing_file(source):
        raise ConfigError(f"there is no {file} to copy from")
    async with open_backend(source) as ours, open_backend(target) as theirs:
        if not (await ours.scopes(ALL_SCOPES, None, 1)).scopes:
            raise ConfigError(f"there is no state at {url_without_secrets(source)} to copy from")
        return await copy(ours, theirs, progress=progress)


async def _verify(source: Backend, target: Backend) -> None:
    async for keys in _pages(source):
        for key, ours, theirs in await _both(keys, source, target):
            for change in _changes(key, ours, theirs):
                raise BackendError(
                    f"{key.scope} key {change.key!r} is not in the target as it is in the source: "
                    "it was written to while it was copied; stop LangBot, and copy again"
                )


async def _pages(store: Backend) -> AsyncIterator[list[ScopeKey]]:
    async for page in scope_pages(store, limit=PAGE):
        yield [stored.key for stored in page]


async def _both(
    keys: Sequence[ScopeKey], source: Backend, target: Backend
) -> Iterator[tuple[ScopeKey, dict[str, Entry], dict[str, Entry]]]:
    """Read scopes from both stores."""
    ours, theirs = list[dict[str, Entry]](), list[dict[str, Entry]]()
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        ours += await asyncio.gather(*(source.entries(key) for key in some))
        theirs += await asyncio.gather(*(target.entries(key) for key in some))
    return zip(keys, ours, theirs, strict=True)


def _changes(scope: ScopeKey, ours: dict[str, Entry], theirs: dict[str, Entry]) -> list[Change]:
    """Return the writes that make the target's scope hold what ours does."""
    changes = []
    for key, entry in ours.items():
        there = theirs.get(key)
        if not _is_same(entry, there) and not _is_newer(entry, there):
            version = there.version if there else 0
            changes.append(Change(scope, key, entry.value, version, entry.run_id, entry.expires_at))
    return changes


def _is_same(entry: Entry, there: Entry | None) -> bool:
    return there is not None and (entry.value, entry.run_id, entry.expires_at) == (
        there.value,
        there.run_id,
        there.expires_at,
    )


def _is_newer(entry: Entry, there: Entry | None) -> bool:
    """Return whether the target has another value that was written later."""
    return there is not None and not _is_same(entry, there) and there.updated_at >= entry.updated_at


async def _write(target: Backend, changes: Sequence[Change]) -> None:
    """Write in commits that are not too large."""
    start = size = 0
    try:
        for end, change in enumerate(changes, 1):
            size += len(change.value or b"")
            enough = size > COMMIT_BYTES or end - start == COMMIT_CHANGES
            if enough or end == len(changes):
                await target.commit(changes[start:end])
                start, size = end, 0
    except VersionConflict as conflict:
        raise BackendError(
            f"the target is in use: {conflict.scope} key {conflict.key!r} was written to while it "
            "was copied; stop LangBot, and copy again"
        ) from None
